"""What rotation raises, in the domain's words. Which AWS code each becomes is the service's business."""


class RotationFault(Exception):
    """The base; never raised itself."""


class ScheduleInvalid(RotationFault):
    """`text` says which rule of schedules is broken."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

"""What rotation raises, in the domain's words. Which AWS code each becomes is the service's business."""


class RotationFault(Exception):
    """The base; never raised itself."""


class ScheduleInvalid(RotationFault):
    """`text` says which rule of schedules is broken."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class SecretUnusable(RotationFault):
    """The secret's value is not what an engine needs; `text` says what is missing and never shows a value."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class LoginRefused(RotationFault):
    """The target does not let this user in with this password."""


class TargetLost(RotationFault):
    """The target cannot be reached just now. `reason` is an error's type, never its text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TargetRefused(RotationFault):
    """The target does not do what is asked: a right is missing, or an account is not as it should be.

    text  ours, or the target's error code; never a statement, which could hold a verifier
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class StepRefused(RotationFault):
    """A step that has nothing to do with the secret as it is; `text` says why."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class WishUnknown(RotationFault):
    """A tag under `keystead:` that means nothing. `text` says which and why."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class RoleMissing(RotationFault):
    """The role that a function was registered with is not there any more."""


class FunctionUnknown(RotationFault):
    """No function answers to this ARN."""

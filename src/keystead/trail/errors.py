"""What can go wrong with the log."""


class TrailError(Exception):
    """The base; never raised itself."""


class RecorderLost(TrailError):
    """The recorder is gone or refuses: nobody knows whether the record is durable. Retryable."""


class RecordRefused(TrailError):
    """The event is empty or larger than records.EVENT_LIMIT: a defect of whoever made it."""


class LogBroken(TrailError):
    """A write to the log failed. Nothing more is recorded until the log has been opened again."""


class LogDamaged(TrailError):
    """What lies on the disk contradicts what was acknowledged or signed. `text` says where, for the operator."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class LogInUse(TrailError):
    """Another process appends to this log."""


class LogMissing(TrailError):
    """There is no log in this folder."""

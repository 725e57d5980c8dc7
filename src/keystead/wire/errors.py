"""A refusal that is already in AWS's words: the wire found it before any domain was asked."""


class Refused(Exception):
    """code    as the client sees it, such as ValidationException
    text    None sends no message
    status  HTTP status where the model has none for the code
    """

    def __init__(self, code: str, text: str | None = None, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.text = text
        self.status = status


class Unreadable(Refused):
    """A request line that cannot be read in one way only. AWS answers 400 with nothing else."""

    def __init__(self) -> None:
        super().__init__("BadRequest")

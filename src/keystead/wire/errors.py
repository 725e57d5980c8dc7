"""A refusal that is already in AWS's words: the wire found it before any domain was asked."""


class Refused(Exception):
    """code    as the client sees it, such as ValidationException
    text    None sends no message
    status  HTTP status
    """

    def __init__(self, code: str, text: str | None = None, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.text = text
        self.status = status

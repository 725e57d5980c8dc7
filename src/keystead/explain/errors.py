"""What can go wrong when an answer is looked for."""


class RequestUnknown(Exception):
    """The account's trail has no such request, or none so new that it is indexed."""

    def __init__(self, request_id: str) -> None:
        super().__init__(request_id)
        self.request_id = request_id


class NothingToRead(Exception):
    """The secret has no current value, or the key that it lies under is gone."""

    def __init__(self, arn: str) -> None:
        super().__init__(arn)
        self.arn = arn


class PrincipalElsewhere(Exception):
    """Not the ARN of a user or role of the account."""


class TimesReversed(Exception):
    """A time that ends before it begins."""

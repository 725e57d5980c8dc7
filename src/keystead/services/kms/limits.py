"""Limits that an operation has and its model's shape does not."""

from keystead.keys.errors import ParameterWrong


def within(limit: int, most: int) -> None:
    """Raises ParameterWrong in the words of a failed constraint."""
    if limit > most:
        raise ParameterWrong(
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
            f"Member must have value less than or equal to {most}"
        )

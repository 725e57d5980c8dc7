"""Tags of secrets (Secrets Manager API reference, TagResource)."""

from collections.abc import Mapping, Sequence
from typing import Final

from keystead.secrets.errors import LimitReached, ParameterWrong

LIMIT: Final = 50


def check(listed: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """AWS's list of tags as a mapping. Raises ParameterWrong, LimitReached."""
    found = {tag["Key"]: tag.get("Value", "") for tag in listed}
    if len(found) != len(listed):
        raise ParameterWrong("Duplicate tag keys are not allowed.")
    if any(name.lower().startswith("aws:") for name in found):
        raise ParameterWrong("Tag keys that begin with aws: are reserved.")
    if len(found) > LIMIT:
        raise LimitReached(f"A secret can have at most {LIMIT} tags.")
    return found

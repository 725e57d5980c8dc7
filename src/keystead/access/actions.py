"""Actions of a statement: `service:Name` without regard to case, `*` and `?` anywhere in the name (IAM user guide, Action)."""

import re
from collections.abc import Callable
from typing import Final

from keystead.access.document import Listed
from keystead.access.patterns import text_matcher, tokens_of
from keystead.access.refusals import Fault

VENDOR: Final = re.compile(r"[A-Za-z0-9.-]*|\*")
TRUST: Final = re.compile(r"sts:[A-Za-z*?]*", re.IGNORECASE)


def wrong(action: str) -> tuple[Fault, dict[str, str]] | None:
    """What is wrong with an action as written, if anything."""
    if action == "*":
        return None
    vendor, *names = action.split(":")
    if not names:
        return Fault.NO_VENDOR, {}
    if len(names) > 1:
        return Fault.TWO_COLONS, {}
    if not VENDOR.fullmatch(vendor):
        return Fault.VENDOR, {"vendor": vendor}
    return None


def compiled(listed: Listed) -> Callable[[str], bool]:
    """Expects the action folded to lower case."""
    matchers = [text_matcher(tokens_of(text.lower(), variables=False)) for text in listed.patterns]
    return lambda action: any(matches(action) for matches in matchers) is not listed.negated

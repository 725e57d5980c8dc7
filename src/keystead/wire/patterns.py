"""Java's regular expressions in Python: the same language, spelled so that the same texts match."""

import re
from functools import cache
from typing import Final

UNICODE_CLASSES: Final = {
    #  Java        Python, inside a character class; slightly wide, where Python has no closer class
    r"\p{L}": r"\w",
    r"\p{M}": r"\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0900-\u0903\u093a-\u094f\u20d0-\u20f0",
    r"\p{N}": r"\d",
    r"\p{P}": r"!-#%-*,-/:;?@\[-\]_{}\u00a1\u00a7\u00ab\u00b6\u00b7\u00bb\u00bf\u2010-\u2027\u2030-\u205e\u3001-\u3003",
    r"\p{Z}": r"\s",
}
SURROGATES: Final = (r"\uD800\uDC00-\uDBFF\uDFFF", "\U00010000-\U0010ffff")
LEADING_FLAGS: Final = re.compile(r"^(?:\^)?\(\?([a-z]+)\)")
RANGE_AFTER_CLASS: Final = re.compile(r"(\\[wds])-(?=[^\]])")


def translate(java: str) -> str:
    """A pattern for `re.search` that matches the whole value or nothing, as AWS's patterns do, anchored or not."""
    flags = "a"
    body = java
    found = LEADING_FLAGS.match(body)
    if found:
        flags += found[1]
        body = body[found.end() :]
    if r"\p{" in body:
        flags = flags.replace("a", "")
        for spelled, python in UNICODE_CLASSES.items():
            body = body.replace(spelled, python)
    body = RANGE_AFTER_CLASS.sub(r"\1\\-", body.replace(*SURROGATES))
    return f"(?{flags})^(?:{body})\\Z" if flags else f"^(?:{body})\\Z"


@cache
def compiled(java: str) -> re.Pattern[str]:
    """Raises re.error at start-up for a pattern that does not translate."""
    return re.compile(translate(java))

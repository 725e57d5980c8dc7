"""Text with wildcards and variables, cut into tokens, and matchers made from it.

    arn:aws:secretsmanager:*:111122223333:secret:${aws:PrincipalTag/team, 'none'}-??????

    *       any number of characters      ${key}             the value of a condition key
    ?       one character                 ${key, 'default'}  or this, when the key is absent
                                          ${*} ${?} ${$}     the character itself

Matching is done by atomic groups, a segment between two stars at its first place and never again, so that no pattern
takes more than length of pattern times length of text.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from keystead.access.request import Context

RESOLVED: Final = 4096
"""Matchers kept for patterns whose variables had a certain value."""

ARN_PARTS: Final = 6
NEVER: Final = "(?!)"
"""A regular expression that matches nothing."""
REFERENCE: Final = re.compile(r"\$\{([^}]*)\}")
INSIDE: Final = re.compile(r"\s*([^,'{}$]+?)\s*(?:,\s*'([^']*)'\s*)?")


class Wild(Enum):
    """The value is its regular expression, but for the characters it stands for."""

    MANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Variable:
    """`key` folded to lower case."""

    key: str
    default: str | None


Token = str | Wild | Variable
Tokens = tuple[Token, ...]
Matcher = Callable[[str], bool]


def tokens_of(text: str, *, variables: bool, wildcards: bool = True) -> Tokens:
    """Raises ValueError for a reference that is none."""
    if not variables:
        return merged(pieces(text, wildcards=wildcards))
    found: list[Token] = []
    end = 0
    for reference in REFERENCE.finditer(text):
        found += pieces(plain(text[end : reference.start()]), wildcards=wildcards)
        found.append(referred(reference[1]))
        end = reference.end()
    found += pieces(plain(text[end:]), wildcards=wildcards)
    return merged(found)


def plain(text: str) -> str:
    if "${" in text:
        raise ValueError("a variable without an end")
    return text


def referred(inside: str) -> Token:
    if inside in {"*", "?", "$"}:
        return inside
    named = INSIDE.fullmatch(inside)
    if named is None:
        raise ValueError("not a variable")
    return Variable(named[1].lower(), named[2])


def pieces(text: str, *, wildcards: bool) -> list[Token]:
    if not wildcards:
        return [text]
    return [Wild(piece) if piece in {"*", "?"} else piece for piece in re.split(r"([*?])", text)]


def merged(found: list[Token]) -> Tokens:
    """Literals side by side become one, and so do stars."""
    made: list[Token] = []
    for token in found:
        last = made[-1] if made else None
        if isinstance(token, str) and isinstance(last, str):
            made[-1] = last + token
        elif token != "" and not (token is Wild.MANY and last is Wild.MANY):
            made.append(token)
    return tuple(made)


def has_variables(tokens: Tokens) -> bool:
    return any(isinstance(token, Variable) for token in tokens)


def resolved(tokens: Tokens, context: Context) -> Tokens | None:
    """With values in place of variables, as literal text; None when one has no value, or several."""
    made: list[Token] = []
    for token in tokens:
        if not isinstance(token, Variable):
            made.append(token)
            continue
        values = context.get(token.key) or ()
        if len(values) > 1 or not (values or token.default is not None):
            return None
        made.append(values[0] if values else token.default or "")
    return merged(made)


@lru_cache(RESOLVED)
def text_matcher(tokens: Tokens) -> Matcher:
    """Matches whole texts; `*` runs over anything. No variables."""
    match tokens:
        case ():
            return "".__eq__
        case (str(text),):
            return text.__eq__
        case (Wild.MANY,):
            return anything
        case (str(text), Wild.MANY):
            return lambda value: value.startswith(text)
    return matching(expression(tokens, "."))


@lru_cache(RESOLVED)
def arn_matcher(tokens: Tokens) -> Matcher:
    """Matches ARNs part by part: only in the sixth part does a wildcard run over colons. No variables.

    What has fewer than six parts matches nothing.
    """
    parts = list(split(tokens))
    if len(parts) < ARN_PARTS:
        return nothing
    match tokens:
        case (str(_),) | (str(_), Wild.MANY):
            return text_matcher(tokens)
    return matching(arn_expression(parts))


def any_arn_matcher(patterns: tuple[Tokens, ...]) -> Matcher:
    """Matches what one of them does, at once; nothing when there are none."""
    if not patterns:
        return nothing
    if len(patterns) == 1:
        return arn_matcher(patterns[0])
    parts = [list(split(tokens)) for tokens in patterns]
    return matching("|".join(arn_expression(one) for one in parts if len(one) == ARN_PARTS) or NEVER)


def arn_expression(parts: list[Tokens]) -> str:
    return ":".join([*(expression(part, "[^:]") for part in parts[:-1]), expression(parts[-1], ".")])


def matching(pattern: str) -> Matcher:
    fullmatch = re.compile(pattern, re.DOTALL).fullmatch
    return lambda value: fullmatch(value) is not None


def anything(_: str) -> bool:
    return True


def nothing(_: str) -> bool:
    return False


def split(tokens: Tokens) -> Iterator[Tokens]:
    """The parts between the first five colons of the literal text."""
    part: list[Token] = []
    found = 1
    for token in tokens:
        if not isinstance(token, str):
            part.append(token)
            continue
        *before, last = token.split(":", ARN_PARTS - found)
        for piece in before:
            yield merged([*part, piece])
            part = []
            found += 1
        part.append(last)
    yield merged(part)


def expression(tokens: Tokens, character: str) -> str:
    """A regular expression whose wildcards stand for `character`."""
    segments = [""]
    for token in tokens:
        if token is Wild.MANY:
            segments.append("")
        else:
            segments[-1] += character if token is Wild.ONE else re.escape(str(token))
    if len(segments) == 1:
        return segments[0]
    first, *middle, last = segments
    groups = "".join(f"(?>{character}*?{segment})" for segment in middle)
    return f"{first}{groups}{character}*{last}"

"""Random passwords (Secrets Manager API reference, GetRandomPassword).

1. the alphabet: upper case, lower case, digits, punctuation, less what is excluded
2. where each type must occur, one character of each
3. the rest from the whole alphabet
4. a shuffle without bias
"""

import secrets as randomness
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from keystead.secrets.errors import ParameterWrong

TYPES: Final[Mapping[str, str]] = {
    "uppercase": string.ascii_uppercase,
    "lowercase": string.ascii_lowercase,
    "numbers": string.digits,
    "punctuation": string.punctuation,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """excluded  characters that must not occur; without  types of TYPES likewise."""

    length: int = 32
    excluded: str = ""
    without: frozenset[str] = field(default_factory=frozenset)
    space: bool = False
    each: bool = True


def alphabets(wanted: Wanted) -> list[str]:
    """The characters of each type that may occur; the space is a type of its own, and never has to."""
    types = [characters for name, characters in TYPES.items() if name not in wanted.without]
    return ["".join(one for one in characters if one not in wanted.excluded) for characters in types]


def password(wanted: Wanted) -> str:
    """Raises ParameterWrong."""
    types = alphabets(wanted)
    space = " " if wanted.space and " " not in wanted.excluded else ""
    alphabet = "".join(types) + space
    if not alphabet:
        raise ParameterWrong("The password can't be generated: every character is excluded.")
    required = types if wanted.each else []
    if not all(required):
        raise ParameterWrong("The password can't have each required type: all characters of one are excluded.")
    if wanted.length < len(required):
        raise ParameterWrong("Password length is too short based on the required types.")
    drawn = [randomness.choice(characters) for characters in required]
    drawn += [randomness.choice(alphabet) for _ in range(wanted.length - len(drawn))]
    randomness.SystemRandom().shuffle(drawn)
    return "".join(drawn)

"""What parameters are called (SSM API reference, PutParameter, Name; Systems Manager user guide, parameter names).

    name       x | /level/…/x                     letters, digits and .-_ in each level, 15 levels at most
    named      name[:selector] | arn:aws:ssm:REGION:ACCOUNT:parameter/…[:selector]
    selector   a version's number, or a label

`x` and `/x` are one parameter. Outer spaces are not part of a name (likewise). Nobody makes names that begin with aws or ssm.
"""

import re
from typing import Final

import msgspec

from keystead.identities.call import Call
from keystead.parameters.errors import NameReserved, RequestWrong, TaggedNotFound, TaggedTypeWrong, TooDeep
from keystead.parameters.parameter import arn_of

LEVELS: Final = 15
LONGEST: Final = 1011
"""Characters of the ARN (SSM API reference, PutParameter, Name)."""
LEVEL: Final = r"[A-Za-z0-9_.-]+"
PATH: Final = re.compile(rf"(?:/{LEVEL})+")
FLAT: Final = re.compile(LEVEL)
ARN: Final = re.compile(r"arn:([^:]+):ssm:([^:]*):([0-9]{12}):parameter(/[^:]*)(?::(.*))?", re.DOTALL)
RESERVED: Final = ("aws", "ssm")
TAGGED: Final = "Parameter"
"""Of Systems Manager's resources, what is here."""

RELATIVE: Final = "Parameter name must be a fully qualified name."
BAD_PATH_NAME: Final = (
    'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths '
    "divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_"
)
BAD_FLAT_NAME: Final = 'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).'
BAD_PATH: Final = (
    "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash "
    '"/". It can\'t be prefixed with \\"aws\\" or \\"ssm\\" (case-insensitive). It must use only letters, numbers, or '
    "the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, "
    'if specified, must use the forward slash symbol "/". Valid example: /get/parameters2-/by1./path0_.'
)
"""All four recorded from AWS, the backslashes of the last included."""


class Named(msgspec.Struct, frozen=True):
    """Where to look. `name` is a path, `asked` what the caller said, without the selector. `selector` of None: the newest."""

    account: str
    region: str
    name: str
    asked: str
    selector: str | None = None

    @property
    def arn(self) -> str:
        return arn_of(self.account, self.region, self.name)


def read(call: Call, text: str) -> Named:
    """Of the operations that take selectors and ARNs. Raises RequestWrong, TooDeep."""
    text = text.strip()
    if text.startswith("arn:"):
        found = ARN.fullmatch(text)
        if found is None or found[1] != call.partition:
            raise RequestWrong(BAD_PATH_NAME)
        _, region, account, path, selector = found.groups()
        return Named(account, region, checked(path), path, selector)
    name, colon, selector = text.partition(":")
    return Named(call.account, call.region, checked(name), name, selector if colon else None)


def read_bare(call: Call, text: str) -> Named:
    """Of the operations that do not. Raises RequestWrong, TooDeep."""
    name = text.strip()
    return Named(call.account, call.region, checked(name), name)


def read_tagged(call: Call, kind: str, text: str) -> Named:
    """Of what tags are about. Raises TaggedTypeWrong, TaggedNotFound for what cannot be a parameter's name."""
    if kind != TAGGED:
        raise TaggedTypeWrong
    try:
        return read_bare(call, text)
    except (RequestWrong, TooDeep):
        raise TaggedNotFound from None


def read_new(call: Call, text: str) -> Named:
    """Of what is to be made. Raises NameReserved besides."""
    name = text.strip()
    if PATH.fullmatch(name) and name[1:].lower().partition("/")[0] == RESERVED[0]:
        raise NameReserved(name)
    place = read_bare(call, name)
    if len(place.arn) > LONGEST:
        raise RequestWrong(f"Parameter name: its ARN can have at most {LONGEST} characters.")
    if place.name[1:].lower().startswith(RESERVED):
        raise RequestWrong(BAD_PATH_NAME if "/" in name else BAD_FLAT_NAME)
    return place


def checked(name: str) -> str:
    """The name as a path. Raises RequestWrong, TooDeep."""
    if "/" not in name:
        if not FLAT.fullmatch(name) or name.lower().startswith(RESERVED):
            raise RequestWrong(BAD_FLAT_NAME if name.lower().startswith(RESERVED) else BAD_PATH_NAME)
        return f"/{name}"
    if not name.startswith("/"):
        raise RequestWrong(RELATIVE)
    if not PATH.fullmatch(name) or name[1:].lower().startswith(RESERVED[1]):
        raise RequestWrong(BAD_PATH_NAME)
    if name.count("/") > LEVELS:
        raise TooDeep(LEVELS)
    return name


def checked_path(path: str) -> str:
    """Of GetParametersByPath and of filters, without a slash at its end; the root is empty. Raises RequestWrong."""
    path = path.strip()
    bare = path.removesuffix("/")
    if not path.startswith("/") or (bare and not PATH.fullmatch(bare)) or bare[1:].lower().startswith(RESERVED):
        raise RequestWrong(BAD_PATH)
    return bare


def parent_of(name: str) -> str:
    """The path that a name lies in; empty for the root."""
    return name.rpartition("/")[0]

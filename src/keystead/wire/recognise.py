"""Which service a request means: the target or action it names, else the scope of its signature."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from keystead.wire.http import Request

SCOPE: Final = re.compile(rb"Credential=[^/,\s]*/[^/,\s]*/[^/,\s]*/([a-z0-9-]{1,64})/")
QUERY_SCOPE: Final = re.compile(rb"(?:^|&)X-Amz-Credential=([^&]{1,512})")
NAME: Final = re.compile(r"[a-z0-9-]{1,64}")
UNSIGNED: Final = re.compile(rb"(?:^|&)Action=AssumeRoleWith(?:WebIdentity|SAML)(?:&|$)")


def recognise(request: Request, targets: Mapping[bytes, str]) -> str | None:
    """The service's name, or None. `targets` maps the prefixes of X-Amz-Target to names.

    The target is asked first: a signature scoped to another service is then found out as such.
    """
    target = request.named.get(b"x-amz-target")
    if target is not None:
        named = targets.get(target.rpartition(b".")[0])
        if named is not None:
            return named
    authorization = request.named.get(b"authorization")
    if authorization is not None:
        found = SCOPE.search(authorization)
        return found[1].decode() if found else None
    return scope_in_query(request.query) or ("sts" if seems_unsigned(request) else None)


def scope_in_query(query: bytes) -> str | None:
    found = QUERY_SCOPE.search(query)
    if found is None:
        return None
    parts = unquote(found[1].decode("latin-1"), "latin-1").split("/")
    return parts[3] if len(parts) == 5 and NAME.fullmatch(parts[3]) else None


def seems_unsigned(request: Request) -> bool:
    """It looks like one of the two STS calls whose model asks for no signature. Only a hint: the form decides."""
    return bool(UNSIGNED.search(request.body) or UNSIGNED.search(request.query))

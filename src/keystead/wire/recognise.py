"""Which service a request means: the target or action it names, else the scope of its signature."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from keystead.wire.http import Request

SCOPE: Final = re.compile(rb"Credential=[^/,\s]+/[0-9]+/[^/,\s]+/([a-z0-9-]+)/")
QUERY_SCOPE: Final = re.compile(r"(?:^|&)X-Amz-Credential=([^&]+)")
UNSIGNED: Final = re.compile(rb"(?:^|&)Action=AssumeRoleWith(?:WebIdentity|SAML)(?:&|$)")


def recognise(request: Request, targets: Mapping[str, str]) -> str | None:
    """The service's name, or None. `targets` maps the prefixes of X-Amz-Target to names.

    The target is asked first: a signature scoped to another service is then found out as such.
    """
    target = request.header(b"x-amz-target")
    if target is not None:
        named = targets.get(target.decode("latin-1").rpartition(".")[0])
        if named is not None:
            return named
    authorization = request.header(b"authorization")
    if authorization is not None:
        found = SCOPE.search(authorization)
        return found[1].decode() if found else None
    return scope_in_query(request.query) or ("sts" if unsigned(request) else None)


def scope_in_query(query: bytes) -> str | None:
    found = QUERY_SCOPE.search(query.decode("latin-1"))
    if found is None:
        return None
    parts = unquote(found[1]).split("/")
    return parts[3] if len(parts) == 5 else None


def unsigned(request: Request) -> bool:
    """The two STS calls whose model asks for no signature."""
    return bool(UNSIGNED.search(request.body) or UNSIGNED.search(request.query))

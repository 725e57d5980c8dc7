"""Which service a request means: the target or action it names, else the scope of its signature."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from keystead.wire.http import Request

SCOPE: Final = re.compile(rb"Credential=[^/,\s]*/[^/,\s]*/[^/,\s]*/([a-z0-9-]{1,64})/")
QUERY_SCOPE: Final = re.compile(rb"(?:^|&)X-Amz-Credential=([^&]{1,512})")
NAME: Final = re.compile(r"[a-z0-9-]{1,64}")
ACTION: Final = re.compile(rb"(?:^|&)Action=([A-Za-z]{1,128})(?:&|$)")
FORM: Final = b"application/x-www-form-urlencoded"
UNSIGNED: Final = re.compile(rb"(?:^|&)Action=AssumeRoleWith(?:WebIdentity|SAML)(?:&|$)")


def recognise(request: Request, targets: Mapping[bytes, str], actions: Mapping[bytes, str]) -> str | None:
    """The service's name, or None. `targets` maps the prefixes of X-Amz-Target to names, `actions` what a form may ask for.

    Target and action are asked first: a signature scoped to another service is then found out as such.
    """
    target = request.named.get(b"x-amz-target")
    if target is not None:
        named = targets.get(target.rpartition(b".")[0])
        if named is not None:
            return named
    scope = scope_of(request)
    if scope is not None:
        return actions.get(action_of(request), scope)
    return "sts" if b"authorization" not in request.named and seems_unsigned(request) else None


def scope_of(request: Request) -> str | None:
    authorization = request.named.get(b"authorization")
    if authorization is None:
        return scope_in_query(request.query)
    found = SCOPE.search(authorization)
    return found[1].decode() if found else None


def action_of(request: Request) -> bytes:
    """Of a form, or of the query that stands for one; else nothing: an object that is put may hold any text. Only a hint, as it
    can but refuse a signature that names another service.
    """
    if request.raw_path != b"/":
        return b""
    posted = request.method == "POST" and request.named.get(b"content-type", b"").startswith(FORM)
    found = ACTION.search(request.body if posted else request.query)
    return found[1] if found else b""


def scope_in_query(query: bytes) -> str | None:
    found = QUERY_SCOPE.search(query)
    if found is None:
        return None
    parts = unquote(found[1].decode("latin-1"), "latin-1").split("/")
    return parts[3] if len(parts) == 5 and NAME.fullmatch(parts[3]) else None


def seems_unsigned(request: Request) -> bool:
    """It looks like one of the two STS calls whose model asks for no signature. Only a hint: the form decides."""
    return bool(UNSIGNED.search(request.body) or UNSIGNED.search(request.query))

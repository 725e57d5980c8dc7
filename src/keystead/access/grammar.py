"""From the text of a policy to a document, or AWS's reason why not.

1. JSON without duplicate keys, of characters that may be kept
2. the elements: which there are and what they hold
3. the version
4. statements, one by one
5. what this kind of policy may say (rules.py)

Later steps are taken for the whole document only when earlier ones have found nothing, which decides which of several faults is
told, as in IAM's recorded answers. Refusing more than AWS does is meant: values that no operator could compare (access.operators)
and lists of no values would otherwise make a Deny that never denies.
"""

import json
import re
from typing import Any, Final

from keystead.access import operators, rules
from keystead.access.document import (
    OLD_VERSION,
    VERSION,
    Document,
    Kind,
    Listed,
    Principals,
    Quantifier,
    Statement,
    Test,
)
from keystead.access.refusals import Fault, refusal

ELEMENTS: Final = {"Version", "Id", "Statement"}
"""IAM takes Id in identity policies too (recorded), though its guide says otherwise."""
OF_STATEMENT: Final = {
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
}  # fmt: skip
PAIRS: Final = (("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource"))
EFFECTS: Final = ("Allow", "Deny")
PRINCIPAL_TYPES: Final = {"AWS", "Service", "Federated", "CanonicalUser"}
UNKNOWN: Final = dict.fromkeys(Kind, ("Federated", "CanonicalUser")) | {Kind.TRUST: ("CanonicalUser",)}
"""Types of principals that mean nothing there: providers are trusted by roles only, and there is no S3."""
OPERATOR: Final = re.compile(r"(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?")
KEPT: Final = re.compile(r"[\t\n\r\x20-\xff]*")
"""Characters of a key policy (KMS API reference, PutKeyPolicy)."""
TEXT: Final = re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]*")
"""What may stand behind an escape: anything that XML and UTF-8 can carry back (ours)."""


class Number(str):
    """A JSON number, as it was written."""

    __slots__ = ()


def parse(text: str, kind: Kind) -> Document:
    """Raises PolicyMalformed. THE CALLER MUST STILL CHECK the size, and that `principals()` exist."""
    raw = read(text, kind)  # 1
    statements = elements(raw, kind)  # 2
    version = version_of(raw, kind)  # 3
    made = tuple(statement(one, kind, variables=version == VERSION) for one in statements)  # 4
    document = Document(kind, version, made)
    rules.check(document)  # 5
    return document


def read(text: str, kind: Kind) -> dict[str, Any]:
    if kind is Kind.KEY and not KEPT.fullmatch(text):
        raise refusal(kind, Fault.SYNTAX)
    try:
        raw = json.loads(text, object_pairs_hook=unique, parse_int=Number, parse_float=Number, parse_constant=constant)
    except (ValueError, RecursionError):
        raise refusal(kind, Fault.JSON) from None
    if not isinstance(raw, dict):
        raise refusal(kind, Fault.SYNTAX)
    return raw


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("duplicate key")
    return found


def constant(_: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


def elements(raw: dict[str, Any], kind: Kind) -> list[dict[str, Any]]:
    found = raw.get("Statement")
    statements = [found] if isinstance(found, dict) else found
    if statements in (None, []):
        raise refusal(kind, Fault.NO_STATEMENT)
    if not isinstance(statements, list) or not raw.keys() <= ELEMENTS or not is_text(raw.get("Id", "")):
        raise refusal(kind, Fault.SYNTAX)
    for one in statements:
        check_shape(one, kind)
    return statements


def version_of(raw: dict[str, Any], kind: Kind) -> str:
    version = raw.get("Version", "" if kind is Kind.TRUST else OLD_VERSION)
    if version not in (VERSION, OLD_VERSION):
        raise refusal(kind, Fault.VERSION)
    if kind in {Kind.IDENTITY, Kind.SESSION} and version != VERSION:
        raise refusal(kind, Fault.OLD_VERSION)
    return str(version)


def check_shape(raw: Any, kind: Kind) -> None:
    if not isinstance(raw, dict) or not raw.keys() <= OF_STATEMENT or not is_text(raw.get("Sid", "")):
        raise refusal(kind, Fault.SYNTAX)
    if "Effect" not in raw:
        raise refusal(kind, Fault.NO_EFFECT)
    lists = [raw[name] for pair in PAIRS[1:] for name in pair if name in raw]
    if not all(is_texts(listed) for listed in lists) or any(pair[0] in raw and pair[1] in raw for pair in PAIRS):
        raise refusal(kind, Fault.SYNTAX)
    if not is_text(raw["Effect"]) or raw["Effect"].lower() not in {"allow", "deny"}:
        raise refusal(kind, Fault.SYNTAX)
    if not is_condition(raw.get("Condition", {})):
        raise refusal(kind, Fault.SYNTAX)


def is_text(raw: Any) -> bool:
    return isinstance(raw, str) and not isinstance(raw, Number) and TEXT.fullmatch(raw) is not None


def is_texts(raw: Any) -> bool:
    return is_text(raw) or (isinstance(raw, list) and all(is_text(one) for one in raw))


def is_condition(raw: Any) -> bool:
    return isinstance(raw, dict) and all(
        is_operator(operator) and isinstance(keys, dict) and is_keys(keys) for operator, keys in raw.items()
    )


def is_operator(name: str) -> bool:
    found = OPERATOR.fullmatch(name)
    if found is None:
        return False
    if found[2] == operators.NULL:
        return found[1] is None and found[3] is None
    return found[2] in operators.OPERATORS


def is_keys(raw: dict[str, Any]) -> bool:
    """Keys that are one after folding are duplicates, too (ours)."""
    folded = {key.lower() for key in raw}
    return len(folded) == len(raw) and all(is_text(key) and key and is_values(found) for key, found in raw.items())


def is_values(raw: Any) -> bool:
    listed = raw if isinstance(raw, list) else [raw]
    return bool(listed) and all(isinstance(one, bool | Number) or is_text(one) for one in listed)


def statement(raw: dict[str, Any], kind: Kind, *, variables: bool) -> Statement:
    if raw["Effect"] not in EFFECTS:
        raise refusal(kind, Fault.LEGACY)
    return Statement(
        sid=raw.get("Sid"),
        denies=raw["Effect"] == "Deny",
        principals=principals(raw, kind),
        actions=listed(raw, "Action"),
        resources=listed(raw, "Resource"),
        tests=tuple(
            test(operator, key, found, kind, variables=variables)
            for operator, keys in raw.get("Condition", {}).items()
            for key, found in keys.items()
        ),
    )


def listed(raw: dict[str, Any], name: str) -> Listed | None:
    negated = f"Not{name}" in raw
    found = raw.get(f"Not{name}" if negated else name)
    return None if found is None else Listed(tuple([found] if isinstance(found, str) else found), negated)


def test(operator: str, key: str, raw: Any, kind: Kind, *, variables: bool) -> Test:
    found = OPERATOR.fullmatch(operator)
    if found is None:
        raise refusal(kind, Fault.SYNTAX)
    quantifier = Quantifier(found[1]) if found[1] else None
    texts = tuple(as_text(one) for one in (raw if isinstance(raw, list) else [raw]))
    try:
        operators.check(found[2], texts, variables=variables)
    except ValueError:
        raise refusal(kind, Fault.LEGACY) from None
    return Test(found[2], quantifier, found[3] is not None, key.lower(), texts)


def as_text(raw: str | bool) -> str:
    return str(raw) if isinstance(raw, str) else str(raw).lower()


def principals(raw: dict[str, Any], kind: Kind) -> Principals | None:
    negated = "NotPrincipal" in raw
    found = raw.get("NotPrincipal" if negated else "Principal")
    if found is None and not raw.keys() & PAIRS[0]:
        return None
    if kind in {Kind.IDENTITY, Kind.SESSION}:
        raise refusal(kind, Fault.PRINCIPAL_FORBIDDEN)
    if found == "*":
        return Principals(("*",), (), negated)
    if found in ("", {}, []):
        raise refusal(kind, Fault.EMPTY_PRINCIPAL)
    if not isinstance(found, dict) or not found.keys() <= PRINCIPAL_TYPES or not all(map(is_texts, found.values())):
        raise refusal(kind, Fault.PRINCIPAL_SHAPE)
    named = {type_: (names,) if isinstance(names, str) else tuple(names) for type_, names in found.items()}
    if not all(named.values()):
        raise refusal(kind, Fault.EMPTY_PRINCIPAL)
    for type_ in UNKNOWN[kind]:
        if type_ in named:
            raise refusal(kind, Fault.PRINCIPAL, type=type_.upper(), principal=named[type_][0])
    return Principals(named.get("AWS", ()), named.get("Service", ()), negated, named.get("Federated", ()))

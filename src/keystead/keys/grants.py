"""Grants: an allowance for one key and one grantee, beside policies. An explicit deny anywhere still beats it."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from keystead.access.request import Principal
from keystead.keyholder.promise import (
    ENCAPSULATE_DECAPSULATE,
    ENCRYPT_DECRYPT,
    GENERATE_VERIFY_MAC,
    KEY_AGREEMENT,
    SIGN_VERIFY,
)
from keystead.keys.specs import Kind

_ALWAYS: Final = frozenset({"CreateGrant", "DescribeKey", "RetireGrant"})
_PUBLIC: Final = _ALWAYS | {"GetPublicKey"}
_CIPHERTEXTS: Final = frozenset({"Decrypt", "Encrypt", "ReEncryptFrom", "ReEncryptTo"})
_DATA_KEYS: Final = frozenset(
    {
        "GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext",
    }
)  # fmt: skip

OPERATIONS: Final[Mapping[tuple[Kind, str], frozenset[str]]] = {
    #  type and usage of the key              what a grant on it can carry      source: KMS developer guide, grant operations
    (Kind.SYMMETRIC, ENCRYPT_DECRYPT):          _ALWAYS | _CIPHERTEXTS | _DATA_KEYS,
    (Kind.ASYMMETRIC, ENCRYPT_DECRYPT):         _PUBLIC | _CIPHERTEXTS,
    (Kind.ASYMMETRIC, SIGN_VERIFY):             _PUBLIC | {"Sign", "Verify"},
    (Kind.ASYMMETRIC, KEY_AGREEMENT):           _PUBLIC | {"DeriveSharedSecret"},
    (Kind.ASYMMETRIC, ENCAPSULATE_DECAPSULATE): _PUBLIC | {"Decapsulate", "Encapsulate"},
    (Kind.HMAC, GENERATE_VERIFY_MAC):           _ALWAYS | {"GenerateMac", "VerifyMac"},
}  # fmt: skip  # a table
WITHOUT_CONTEXT: Final = frozenset({"DescribeKey", "RetireGrant"})
"""Operations to which an encryption context constraint does not apply."""


class Constraint(StrEnum):
    """How the encryption context is held to the grant's."""

    EQUALS = "EncryptionContextEquals"
    SUBSET = "EncryptionContextSubset"


Context = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Grant:
    """grantee, retiring   ARNs as given; the ids beside them are what matches
    constraints  each kind at most once; several must all hold
    """

    id: str
    name: str
    grantee: str
    grantee_id: str
    retiring: str | None
    retiring_id: str | None
    operations: frozenset[str]
    constraints: Mapping[Constraint, Context]
    source_arn: str | None
    issuing_account: str
    created_at: float

    def allows(self, principal: Principal, operation: str, context: Context | None, source_arn: str | None) -> bool:
        """Whether this grant lets the principal do this with that encryption context."""
        if operation not in self.operations or not is_principal(principal, self.grantee, self.grantee_id):
            return False
        if self.source_arn is not None and operation != "RetireGrant" and self.source_arn != source_arn:
            return False
        return operation in WITHOUT_CONTEXT or satisfied(self.constraints, context or {})


def is_principal(principal: Principal, arn: str, unique_id: str) -> bool:
    """A user or role is known by its unique id, everything else by its ARN."""
    return principal.unique_id == unique_id if unique_id else principal.arn == arn


def satisfied(constraints: Mapping[Constraint, Context], context: Context) -> bool:
    """Keys compare without regard to case, values exactly (KMS API reference, GrantConstraints)."""
    given = folded(context)
    for kind, pairs in constraints.items():
        wanted = folded(pairs)
        if kind is Constraint.EQUALS and given != wanted:
            return False
        if not wanted.items() <= given.items():
            return False
    return True


def folded(context: Context) -> dict[str, tuple[str, ...]]:
    """Keys equal after folding keep all their values, so that none hides another."""
    found: dict[str, tuple[str, ...]] = {}
    for key, value in sorted(context.items()):
        found[key.lower()] = (*found.get(key.lower(), ()), value)
    return found


def at_least_as_strict(child: Mapping[Constraint, Context], parent: Mapping[Constraint, Context]) -> bool:
    """Whether every context that satisfies `child` satisfies `parent`: pairs may be added, none dropped."""
    for kind, pairs in parent.items():
        wanted = folded(pairs)
        equal = child.get(Constraint.EQUALS)
        if equal is not None and (
            folded(equal) == wanted if kind is Constraint.EQUALS else wanted.items() <= folded(equal).items()
        ):
            continue
        subset = child.get(Constraint.SUBSET)
        if kind is Constraint.SUBSET and subset is not None and wanted.items() <= folded(subset).items():
            continue
        return False
    return True


def find(
    grants: Iterable[Grant], principal: Principal, operation: str, context: Context | None, source_arn: str | None
) -> Grant | None:
    """The first grant that allows it."""
    return next((g for g in grants if g.allows(principal, operation, context, source_arn)), None)


def token_digest(token: str) -> str:
    """What is kept of a grant token."""
    return hashlib.sha256(token.encode()).hexdigest()

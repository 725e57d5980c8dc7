"""Making, rotating and opening branch keys. Their plaintext is seen only where they are used.

    create  GenerateDataKeyWithoutPlaintext under the context of the version's row, ReEncrypt into that of the ACTIVE row
    rotate  ReEncrypt the ACTIVE row to itself, which authenticates it; then as create; both rows replaced at once
    open    Decrypt under the row's context

    context of a row   branch-key-id, type, create-time, hierarchy-version, kms-arn, tablename; version for the ACTIVE row;
                       the caller's own pairs as aws-crypto-ec:NAME

Operations and contexts are those of AWS's hierarchical keyring, so that a row can be copied into its table and is read
there. Source: AWS Encryption SDK, branch key store.
"""

import hashlib
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from keystead.envelope.branch.rows import ACTIVE, VERSION, BranchRow, BranchRows
from keystead.envelope.context import NO_CONTEXT, Context
from keystead.envelope.errors import KeyUnavailable
from keystead.envelope.service.promise import identity_of, said

LENGTH: Final = 32
CUSTOM: Final = "aws-crypto-ec:"


@dataclass(frozen=True, slots=True)
class BranchKey:
    """Opened. `version` is the UUID's 16 bytes."""

    id: str
    version: bytes
    key: bytes = field(repr=False)


class BranchKeys:
    """The branch keys of one table, under one KMS key.

    client  boto3's KMS client, or the one of this package: it needs generate_data_key_without_plaintext, re_encrypt, decrypt
    table   a name that is bound into every row, whatever the store calls it: rows of another table do not open
    clock   seconds since the epoch
    """

    def __init__(
        self,
        rows: BranchRows,
        client: Any,
        key_arn: str,
        *,
        table: str = "branch-keys",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rows = rows
        self._client = client
        self._key_arn = key_arn
        self._table = table
        self._clock = clock

    def identity(self) -> bytes:
        return hashlib.sha384(identity_of(self._client) + f"\0{self._key_arn}\0{self._table}".encode()).digest()

    def create(self, branch_key_id: str | None = None, custom: Mapping[str, str] = NO_CONTEXT) -> str:
        """Its id; a UUID unless one is given. Raises BranchTaken, KeyUnavailable."""
        branch_key_id = branch_key_id or str(uuid.uuid4())
        self._rows.put(self._new_version(branch_key_id, custom), None)
        return branch_key_id

    def rotate(self, branch_key_id: str) -> None:
        """New data keys are wrapped under a new version; old ones open as before. Raises BranchTaken, KeyUnavailable."""
        active = self._row(branch_key_id, ACTIVE)
        context = self._context(active)
        self._asked(self._client.re_encrypt, **self._re_encrypt(active.sealed, context, context))
        self._rows.put(self._new_version(branch_key_id, active.custom), active.version)

    def active(self, branch_key_id: str) -> BranchKey:
        """Raises KeyUnavailable."""
        return self._opened(self._row(branch_key_id, ACTIVE))

    def version(self, branch_key_id: str, version: bytes) -> BranchKey:
        """Raises KeyUnavailable."""
        return self._opened(self._row(branch_key_id, VERSION + str(uuid.UUID(bytes=version))))

    def _row(self, branch_key_id: str, kind: str) -> BranchRow:
        row = self._rows.get(branch_key_id, kind)
        if row is None:
            raise KeyUnavailable("There is no such branch key.", [f"{branch_key_id}, {kind}."])
        return row

    def _opened(self, row: BranchRow) -> BranchKey:
        answer = self._asked(
            self._client.decrypt, KeyId=self._key_arn, CiphertextBlob=row.sealed, EncryptionContext=self._context(row)
        )
        key = bytes(answer["Plaintext"])
        if answer["KeyId"] != self._key_arn or len(key) != LENGTH:
            raise KeyUnavailable("The key service did not answer with a branch key.")
        named = (row.version or row.type).removeprefix(VERSION)
        return BranchKey(row.id, uuid.UUID(named).bytes, key)

    def _new_version(self, branch_key_id: str, custom: Mapping[str, str]) -> list[BranchRow]:
        kind = VERSION + str(uuid.uuid4())
        now = self._clock()
        created = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1e6):06d}Z"
        version = BranchRow(branch_key_id, kind, b"", created, self._key_arn, None, dict(custom))
        active = BranchRow(branch_key_id, ACTIVE, b"", created, self._key_arn, kind, dict(custom))
        made = self._asked(
            self._client.generate_data_key_without_plaintext,
            KeyId=self._key_arn,
            NumberOfBytes=LENGTH,
            EncryptionContext=self._context(version),
        )
        sealed = bytes(made["CiphertextBlob"])
        moved = self._asked(
            self._client.re_encrypt, **self._re_encrypt(sealed, self._context(version), self._context(active))
        )
        return [_sealed(version, sealed), _sealed(active, bytes(moved["CiphertextBlob"]))]

    def _re_encrypt(self, sealed: bytes, source: Context, target: Context) -> dict[str, Any]:
        return {
            "CiphertextBlob": sealed,
            "SourceKeyId": self._key_arn,
            "SourceEncryptionContext": source,
            "DestinationKeyId": self._key_arn,
            "DestinationEncryptionContext": target,
        }

    def _context(self, row: BranchRow) -> dict[str, str]:
        context = {
            "branch-key-id": row.id,
            "type": row.type,
            "create-time": row.created,
            "hierarchy-version": "1",
            "kms-arn": row.key_arn,
            "tablename": self._table,
            **{CUSTOM + name: value for name, value in row.custom.items()},
        }
        return context if row.version is None else {**context, "version": row.version}

    def _asked(self, operation: Callable[..., Any], **asked: Any) -> Any:
        try:
            return operation(**asked)
        except Exception as error:  # the client is the caller's, and so are the kinds of its errors
            raise KeyUnavailable(
                "The key service did not do its part for a branch key.", [f"{said(error)}."]
            ) from error


def _sealed(row: BranchRow, sealed: bytes) -> BranchRow:
    return BranchRow(row.id, row.type, sealed, row.created, row.key_arn, row.version, row.custom)

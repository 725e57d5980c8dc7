"""Temporary credentials: what a session is made with, and how its token is kept and compared.

    token = base64url(48 random bytes)      handed out once; kept as SHA-256(token)

The token says nothing about the session and cannot be guessed, so its plain hash is enough.
"""

import base64
import hashlib
import hmac
import json
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from keystead.database.engine import Transaction
from keystead.identities import limits
from keystead.identities.errors import SessionTooLarge
from keystead.identities.new_keys import NewKey
from keystead.identities.store import entities
from keystead.identities.store import sessions as store
from keystead.identities.store.entities import Entity


@dataclass(frozen=True, slots=True)
class Asked:
    """What a session is made with.

    name         of a role session, or of a federated user
    policy       its own policy document; `policy_arns` are managed policies beside it
    tags         {key: value}, inherited ones included
    transitive   keys of those tags that go along when this session assumes a further role
    chained      the role is assumed by a session of a role
    provider     ARN of the OIDC provider whose token it came of
    """

    seconds: int
    name: str | None = None
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive: tuple[str, ...] = ()
    source_identity: str | None = None
    chained: bool = False
    provider: str | None = None

    @property
    def packed(self) -> int | None:
        """Percent of the room for policies and tags that is taken; None when there are none. Raises SessionTooLarge."""
        if not (self.policy or self.policy_arns or self.tags):
            return None
        packed = zlib.compress(json.dumps([self.policy, self.policy_arns, dict(self.tags)]).encode(), 9)
        plain = len(self.policy or "") + sum(map(len, self.policy_arns))
        percent = max(share(len(packed), limits.SESSION_BYTES), share(plain, limits.SESSION_CHARACTERS))
        if percent > 100:
            raise SessionTooLarge(percent)
        return percent


def share(taken: int, room: int) -> int:
    """Percent, rounded up."""
    return -(-taken * 100 // room)


@dataclass(frozen=True, slots=True)
class Issued:
    """Temporary credentials on their way to the one who asked."""

    access_key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    expires_at: float


def hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def matches(token: str | None, expected: bytes) -> bool:
    """In constant time, whatever was presented."""
    return hmac.compare_digest(hashed(token or ""), expected) and token is not None


async def issue(tx: Transaction, entity: Entity, new: NewKey, asked: Asked) -> Issued:
    """A session that begins now, under a new key of its own. Raises EntityNotFound."""
    await entities.present(tx, entity)
    token = base64.urlsafe_b64encode(secrets.token_bytes(48)).decode("ascii")
    issued_at = float(int(tx.at))
    session = store.Session(
        access_key_id=new.id,
        account=entity.account,
        entity_id=entity.id,
        name=asked.name,
        token_hash=hashed(token),
        secret_token=new.wrapped,
        issued_at=issued_at,
        expires_at=issued_at + asked.seconds,
        policy=asked.policy,
        policy_arns=list(asked.policy_arns),
        tags=dict(asked.tags),
        transitive=list(asked.transitive),
        source_identity=asked.source_identity,
        chained=asked.chained,
        provider=asked.provider,
    )
    await store.add(tx, session)
    return Issued(new.id, new.secret, token, session.expires_at)

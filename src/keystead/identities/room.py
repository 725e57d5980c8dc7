"""Identities: who a request comes from, and what its policies are, cached until something about it changes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from keystead.access.request import Principal, PrincipalKind
from keystead.database.cache import Cache
from keystead.database.engine import Connection, Database, Transaction
from keystead.database.feed import EVERYTHING, Feed
from keystead.identities import aws_managed, callers, documents, https, names, new_keys, sessions
from keystead.identities.call import Call
from keystead.identities.callers import Credential
from keystead.identities.errors import AccountRefused, SessionExpired
from keystead.identities.issuers import Issuers
from keystead.identities.signing_keys import SigningKeys
from keystead.identities.store import access_keys, accounts, entities, permissions
from keystead.identities.store import sessions as stored_sessions
from keystead.identities.store.tables import KIND
from keystead.keyholder.promise import Keyholder
from keystead.trail import outbox
from keystead.trail.event import internal_event

KNOWN: Final = 10_000
"""Credentials kept by one process."""
STRANGERS: Final = 2
"""Looks at the database at a time for access keys not met before: made-up ones must not keep the others waiting."""
REGION: Final = "us-east-1"
"""Where IAM's events are recorded."""
ADMINISTRATOR: Final = f"arn:aws:iam::{aws_managed.ACCOUNT}:policy/AdministratorAccess"
DECOY: Final = names.LONG_TERM + "0" * 16
"""Nobody's: it has a character that no access key id has."""
DECOY_HASH: Final = sessions.hashed("")


class Identities:
    """The room. Operations on users, roles and policies are functions of their own over its `database`."""

    def __init__(
        self,
        database: Database,
        feed: Feed,
        keyholder: Keyholder,
        clock: Callable[[], float],
        issuers: Issuers | None = None,
    ) -> None:
        """`issuers`: where the keys of OIDC providers come from, unless it is what this machine trusts."""
        self.database = database
        self.issuers = issuers or Issuers(https.context(""), clock)
        self.keyholder = keyholder
        self.clock = clock
        self._feed = feed
        self._known: Cache[str, Credential] = Cache(feed, KNOWN, "credentials")
        self._met: set[str] = set()
        self._strangers = asyncio.Semaphore(STRANGERS)
        self._decoy: SigningKeys | None = None
        feed.on(KIND, self._evict)

    async def authenticate(self, access_key_id: str, token: str | None) -> Credential | None:
        """The credential, if the key is active and the session token is the one it was issued with.

        None otherwise, and nothing is said about which: unknown, inactive, deleted, a token missing, wrong or too many.
        THE CALLER MUST STILL VERIFY THE SIGNATURE, and look_in_vain() when it is wrong.
        Raises SessionExpired for the right token past its time.

        That a key is unknown is never remembered: an account made by another process counts at once, and every
        refusal costs one look at the database, whatever its reason.
        """
        if len(access_key_id) != names.ACCESS_KEY_LENGTH:
            return None
        credential = self._known.get(access_key_id)
        remembered = credential is not None
        if credential is None:
            credential = await self._load(access_key_id)
        expected = credential.token_hash if credential is not None else None
        if expected is None and token is None:
            return credential
        matched = sessions.matches(token, expected or DECOY_HASH)
        if credential is None or expected is None or not matched:
            if remembered:
                await self.look_in_vain()
            return None
        expires_at = credential.caller.expires_at
        if expires_at is None or self.clock() >= expires_at:
            raise SessionExpired
        return credential

    async def _load(self, access_key_id: str) -> Credential | None:
        if access_key_id in self._met:
            return await self._read(access_key_id)
        async with self._strangers:
            return await self._read(access_key_id)

    async def _read(self, access_key_id: str) -> Credential | None:
        generation = self._feed.generation
        async with self.database.read() as connection:
            credential = await callers.load(connection, access_key_id)
        if credential is None:
            self._met.discard(access_key_id)
            return None
        self._known.keep(access_key_id, credential, generation)
        if len(self._met) >= KNOWN:
            self._met.clear()
        self._met.add(access_key_id)
        return credential

    @asynccontextmanager
    async def read_for_strangers(self) -> AsyncIterator[Connection]:
        """A read for somebody who has shown nothing yet: a few at a time, so that the others need not wait for them."""
        async with self._strangers, self.database.read() as connection:
            yield connection

    async def look_in_vain(self) -> None:
        """What it costs to find a key unknown. Owed where a known one is refused: time must not tell."""
        async with self._strangers, self.database.read() as connection:
            await callers.load(connection, DECOY)

    async def signing_key(self, credential: Credential | None, date: str, region: str, service: str) -> bytes:
        """The SigV4 signing key; for nobody one that fits nothing, at the same cost. Raises KeyholderLost."""
        keys = credential.keys if credential is not None else self._decoy
        if keys is None:
            _, token = await self.keyholder.create_secret(DECOY)
            keys = self._decoy = SigningKeys(token, DECOY)
        return await keys.get(self.keyholder, date, region, service)

    def _evict(self, changed: str) -> None:
        """A change is an access key's, a user's or role's, an account's, or EVERYTHING."""
        if changed == EVERYTHING:
            self._known.clear()
            return
        self._known.evict(changed)
        self._known.evict_where(lambda credential: credential.concerned(changed))

    def write(self, call: Call) -> AbstractAsyncContextManager[Transaction]:
        return self.database.write(call.id)

    def write_session(self, call: Call) -> AbstractAsyncContextManager[Transaction]:
        """For a new session, which is in nobody's cache: no other process need be told."""
        return self.database.write(call.id, announced=False)

    async def resolve_principals(self, arns: Iterable[str]) -> dict[str, str]:
        """User and role ARNs to their unique ids. Raises PrincipalUnknown for one that names nobody alive."""
        async with self.database.read() as connection:
            return await documents.unique_ids(connection, arns)

    async def living(self, unique_ids: Mapping[str, str]) -> frozenset[str]:
        """Of the principals in a stored policy, ARN to unique id, those still alive under that ARN; ARNs and ids."""
        async with self.database.read() as connection:
            return await documents.living(connection, unique_ids)

    async def principal(self, arn: str) -> Principal | None:
        """The user, role, role session or account behind an ARN, as it would call; None when there is none.

        A role as such, without a session, has its own ARN as `arn`.
        """
        async with self.database.read() as connection:
            root = names.ROOT.fullmatch(arn)
            if root is not None:
                known = await accounts.exists(connection, root["account"])
                return Principal(PrincipalKind.ROOT, arn, root["account"], root["account"], arn) if known else None
            session = names.SESSION.fullmatch(arn)
            if session is not None:
                role = await entities.named(connection, session["account"], "role", session["role"])
                return callers.role_principal(role, session["name"]) if role and role.name == session["role"] else None
            entity = await entities.by_arn(connection, arn)
            if entity is None:
                return None
            kind = PrincipalKind.USER if entity.kind == "user" else PrincipalKind.ROLE_SESSION
            return Principal(kind, arn, entity.account, entity.id, arn)

    async def sweep(self, now: float) -> int:
        """Delete sessions that expired more than a day ago; how many. For the scheduler."""
        async with self.database.write("sweep", announced=False) as tx:
            return await stored_sessions.sweep(tx, now)

    async def create_account(self, account: str, administrator: str = "administrator") -> tuple[str, str]:
        """A new account of 12 digits; the access key id and the secret of its first user, who may do everything.

        There is no access key of the account's root, now or later. Raises AccountExists, AccountRefused, KeyholderLost.
        """
        if not names.ACCOUNT.fullmatch(account):
            raise AccountRefused(account)
        new = await new_keys.make(self.keyholder, names.LONG_TERM)
        async with self.database.write("create account") as tx:
            await accounts.create(tx, account)
            user = await entities.create(tx, account, "user", administrator, "/", boundary=None)
            await permissions.attach(tx, user, ADMINISTRATOR)
            await access_keys.create(tx, user, new)
            details = {"userName": user.name, "userId": user.id, "policyArn": ADMINISTRATOR, "accessKeyId": new.id}
            made = internal_event("CreateAccount", account=account, region=REGION, at=tx.at, details=details)
            await outbox.put(tx, made)
        return new.id, new.secret

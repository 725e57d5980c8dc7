"""The one door to secrets: nothing reaches a secret or its values but through here."""

from collections.abc import Awaitable, Callable, Container, Sequence
from typing import Final

from keystead.access import texts
from keystead.access.decision import Combine
from keystead.access.errors import AccessDenied
from keystead.access.request import Request
from keystead.database.engine import Database, Transaction
from keystead.database.feed import Feed
from keystead.identities.authorize import authorize, weigh
from keystead.identities.call import Call
from keystead.identities.conditions import CallContext
from keystead.identities.room import Identities
from keystead.keyholder.promise import Keyholder
from keystead.keys.use import Keys
from keystead.secrets import names, records, sealing, states
from keystead.secrets.conditions import NOTHING, Asked, SecretContext
from keystead.secrets.errors import SecretNotFound, StageMismatch, StageNotFound, VersionNotFound
from keystead.secrets.known import Known
from keystead.secrets.names import Named
from keystead.secrets.rotating import Rotator
from keystead.secrets.secret import CURRENT, Secret, Value, Version

SERVICE: Final = "secretsmanager"


class Secrets:
    """The room. What changes secrets are functions over it, in the files beside this one."""

    def __init__(
        self,
        database: Database,
        feed: Feed,
        keys: Keys,
        identities: Identities,
        clock: Callable[[], float],
        rotator: Rotator | None = None,
        regions: Container[str] = (),
    ) -> None:
        """`regions`: those that a secret can be replicated to."""
        self.database = database
        self.keys = keys
        self.identities = identities
        self.clock = clock
        self.rotator = rotator
        self.regions = regions
        self.known = Known(database, feed)

    @property
    def keyholder(self) -> Keyholder:
        return self.keys.keyholder

    async def admit(
        self,
        call: Call,
        operation: str,
        named: str,
        *,
        asked: Asked = NOTHING,
        let_in: Callable[[Secret], Awaitable[None]] | None = None,
    ) -> Secret:
        """The secret, once the caller may do this operation on it and its state allows it.

        1. find the secret the caller named     3. check its state
        2. decide whether the caller may        4. note it for the record

        `let_in` takes the place of step 2 for a secret that is there: it returns only when the caller may.

        Raises NameInvalid, AccessDenied, SecretNotFound, SecretMarked, ReplicaRefuses.
        """
        place = names.read(call, named)
        secret = await self.reach(call, place)  # 1
        if let_in is not None and secret is not None:
            call.decided = True
            await let_in(secret)
        else:
            self.decide(call, operation, place, named, secret, asked)  # 2
        if secret is None:
            raise SecretNotFound
        states.check(secret, operation)  # 3
        self.note(call, secret)  # 4
        return secret

    async def reach(self, call: Call, place: Named) -> Secret | None:
        """Step 1 alone. THE CALLER MUST STILL decide."""
        return await self.known.named(place) if place.region == call.region else None

    def decide(
        self, call: Call, operation: str, place: Named, named: str, secret: Secret | None, asked: Asked = NOTHING
    ) -> None:
        """Step 2 alone, also about a secret that is not there: who may not ask does not learn that. The denial names the
        secret as the caller did. Raises AccessDenied.
        """
        action, context = f"{SERVICE}:{operation}", SecretContext(secret, asked)
        arn, account = secret.arn if secret is not None else place.arn, place.account
        decision = weigh(
            call,
            action,
            arn,
            combine=Combine.RESOURCE,
            resource_account=account,
            resource_policy=secret.policy if secret is not None else None,
            extra=context,
        )
        if not decision.allowed:
            request = Request(call.caller.principal, action, named, CallContext(call, account, context))
            raise AccessDenied(texts.denial(request, decision, hidden=account != call.account))

    def decide_alone(self, call: Call, operation: str, asked: Asked = NOTHING, resource: str = "*") -> None:
        """Of what is about no secret, or not yet about one. Raises AccessDenied."""
        context = SecretContext(None, asked)
        authorize(call, f"{SERVICE}:{operation}", resource, resource_account=call.account, extra=context)

    def note(self, call: Call, secret: Secret) -> None:
        """The ARN, whatever the caller called it; and of whom the secret is."""
        call.notes.secret(secret.arn)
        call.notes.concern(secret.account)

    async def version(self, secret: Secret, version_id: str | None, stage: str | None) -> Version:
        """The version that is asked for; the current one where neither is given.

        Raises VersionNotFound, StageNotFound, StageMismatch.
        """
        if version_id is None:
            version_id = secret.labels.get(stage or CURRENT)
            if version_id is None:
                raise StageNotFound(stage or CURRENT)
        version = await self.known.version(secret, version_id)
        if version is None:
            raise VersionNotFound(version_id)
        if stage is not None and secret.labels.get(stage) != version_id:
            raise StageMismatch
        if version.sealed is None:
            raise StageNotFound(stage) if stage is not None else VersionNotFound(version_id)
        return version

    async def open(self, call: Call, secret: Secret, version: Version) -> Value:
        """THE CALLER HAS BEEN ADMITTED. Raises KeyDenied, OpeningFailed."""
        if version.sealed is None:
            raise VersionNotFound(version.id)
        return await sealing.open_(self.keys, call, secret, version.id, version.sealed)


async def again(tx: Transaction, secret: Secret, operation: str) -> Secret:
    """The secret as it is inside the transaction, whose state must still allow the operation. Raises SecretNotFound."""
    now = await records.load(tx.connection, secret.id)
    if now is None:
        raise SecretNotFound
    states.check(now, operation)
    return now


def stages_of(secret: Secret, version_id: str) -> Sequence[str]:
    return sorted(label for label, version in secret.labels.items() if version == version_id)

"""Rotation as the rooms around it see it: begun and cancelled by calls, moved on by whatever moves a secret's labels.

Every label that moves is looked at here, inside the transaction that moves it. So a run, its event and its labels never disagree,
whoever moved them and whatever dies in between.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import delete

from keystead.access.errors import AccessDenied
from keystead.database.engine import Database, Transaction
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.keyholder.promise import Keyholder
from keystead.rotation import events, functions, leave, overlap, planning, run, tokens, wishes
from keystead.rotation.errors import FunctionUnknown, ScheduleInvalid
from keystead.rotation.run import Kind, Run, State
from keystead.rotation.schedule import Window
from keystead.rotation.steps import CREATE, FINISH
from keystead.rotation.store import schedules
from keystead.secrets import copying, records, writing
from keystead.secrets.errors import ParameterWrong, RequestWrong, RotationDenied, TokenTaken
from keystead.secrets.room import again
from keystead.secrets.rotating import RotationAsked
from keystead.secrets.secret import CURRENT, PENDING, Secret
from keystead.secrets.store import versions

NO_FUNCTION: Final = "No Lambda rotation function ARN is associated with this secret."
IN_PROGRESS: Final = "A previous rotation isn't complete. That rotation will be reattempted."
NO_VALUE: Final = "You can't rotate a secret that has no value."
NO_TOKEN: Final = "The RotationToken does not allow this."  # noqa: S105  # a refusal's text
OUT_OF_STEP: Final = "A rotation function moves this staging label in another step, or not at all."

Labels = Mapping[str, str]


class Rotation:
    """The room; it keeps the promise secrets.rotating.Rotator. `told`: somebody wants to hear of rotations (rotation.notices)."""

    def __init__(
        self, database: Database, keyholder: Keyholder, clock: Callable[[], float], *, told: bool = False
    ) -> None:
        self.database = database
        self.keyholder = keyholder
        self.clock = clock
        self.told = told

    # --- calls --------------------------------------------------------------------------------------------------------

    async def rotate(self, call: Call, secret: Secret, asked: RotationAsked) -> str:
        """1. the function: there is one, it is known, and the caller may invoke it
        2. the rules hold
        3. in one transaction: no other rotation is on; configuration, empty version, run and event

        Raises RequestWrong, ParameterWrong, RotationDenied, AccessDenied, TokenTaken.
        """
        function = asked.function or secret.rotation.function
        if function is None:
            raise RequestWrong(NO_FUNCTION)
        await self._invocable(call, secret, function)  # 1
        rules = self._rules(asked, secret)  # 2
        async with self.database.write(call.id) as tx:  # 3
            now = await again(tx, secret, "RotateSecret")
            before = await run.live(tx.connection, now.id)
            if before is not None and before.token == asked.token:
                return before.token
            blocked = now.labels.get(PENDING) not in {None, now.labels.get(CURRENT)}
            if not blocked and before is None:
                await self._begin(tx, now, asked, function, rules)
                return asked.token
            if before is not None:
                await self._reattempt(tx, now, before)
        raise RequestWrong(IN_PROGRESS)

    async def _invocable(self, call: Call, secret: Secret, function: str) -> None:
        try:
            async with self.database.read() as connection:
                await functions.find(connection, function, secret.account, secret.region)
        except FunctionUnknown:
            raise RotationDenied from None
        authorize(call, "lambda:InvokeFunction", function, resource_account=secret.account)

    def _rules(self, asked: RotationAsked, secret: Secret) -> Mapping[str, Any] | None:
        rules = asked.rules or secret.rotation.rules
        try:
            planning.read(rules)
        except ScheduleInvalid as invalid:
            raise ParameterWrong(invalid.text) from None
        return rules

    async def _begin(
        self, tx: Transaction, now: Secret, asked: RotationAsked, function: str, rules: Mapping[str, Any] | None
    ) -> None:
        if CURRENT not in now.labels:
            raise RequestWrong(NO_VALUE)
        if await records.version(tx.connection, now.id, asked.token) is not None:
            raise TokenTaken(asked.token, now.arn)
        columns = {"rotation_enabled": True, "rotation_function": function, "rotation_rules": rules}
        if asked.external is not None:
            columns["rotation_external"] = list(asked.external)
        if asked.external_role is not None:
            columns["rotation_external_role"] = asked.external_role
        known = await planning.planned(tx.connection, now.id)
        since = known.since if known is not None and rules == now.rotation.rules else tx.at
        last = max(now.rotation.last_at or 0.0, since)
        await planning.plan(tx, now, last=last, rules_set_at=since, **columns)
        kind = Kind.test if not asked.immediately else self.kind(now)
        await self.start(tx, now, asked.token, kind, function, tx.at + run.UNSCHEDULED)

    def kind(self, secret: Secret) -> Kind:
        compromised = wishes.read(secret.tags).compromised
        return Kind.emergency if compromised == secret.labels.get(CURRENT) else Kind.rotate

    async def start(
        self, tx: Transaction, now: Secret, token: str, kind: Kind, function: str, closes_at: float
    ) -> None:
        """An empty version that is pending, and its run."""
        await writing.insert_version(tx, now.id, token, None)
        await writing.store_labels(tx, now.id, now.labels, {**now.labels, PENDING: token})
        began = run.new(now.id, now.arn, token, kind, function, tx.at, closes_at)
        await run.add(tx, began)
        await events.of_run(tx, "Started", began, told=self.told)

    async def _reattempt(self, tx: Transaction, now: Secret, before: Run) -> None:
        """At once, and a stuck one too."""
        state = State.waiting if before.state == State.stuck else before.state
        closes_at = max(before.window_closes_at, tx.at + run.UNSCHEDULED)
        await run.change(tx, before, state=state, next_at=tx.at, window=0, attempt=0, window_closes_at=closes_at)
        tx.changed("secret", str(now.id))

    async def cancel(self, call: Call, secret: Secret) -> str | None:
        """AWSPENDING stays, and rules and function stay to be seen (RotateSecret's model)."""
        async with self.database.write(call.id) as tx:
            now = await again(tx, secret, "CancelRotateSecret")
            before = await run.live(tx.connection, now.id)
            await tx.execute(delete(schedules).where(schedules.c.secret_id == now.id))
            await writing.touch(tx, now, rotation_enabled=False, rotation_next_at=None)
            if before is not None:
                await run.end(tx, before, State.cancelled)
                await events.of_run(tx, "Cancelled", before, told=self.told)
        return before.token if before is not None else now.labels.get(PENDING)

    async def check_token(self, _: Call, secret: Secret, version: str, stages: Sequence[str], token: str) -> None:
        """Raises AccessDenied."""
        run_id = await tokens.run_of(self.keyholder, token, secret.arn, version, self.clock())
        async with self.database.read() as connection:
            before = await run.live(connection, secret.id)
        if before is None or run_id != before.id or before.step != CREATE or list(stages) != [PENDING]:
            raise AccessDenied(NO_TOKEN)

    # --- whatever moves labels ----------------------------------------------------------------------------------------

    async def labels_moved(
        self, tx: Transaction, call: Call, before: Secret, labels: Labels, written: str | None
    ) -> None:
        """Inside the transaction that moved them. Raises AccessDenied, and so undoes it, for a function that is out of step."""
        live = await run.live(tx.connection, before.id)
        if performs(call):
            check_step(live, call, before.labels, labels, written)
        if live is not None and labels.get(CURRENT) == live.token:
            await self._succeeded(tx, live, before)
        elif live is not None and (written not in {None, live.token} or labels.get(PENDING) != live.token):
            await self._abandoned(tx, live, before, labels)
        if written is not None and (live is None or written != live.token):
            await self._written_by_hand(tx, before)

    async def _succeeded(self, tx: Transaction, live: Run, before: Secret) -> None:
        await run.end(tx, live, State.done)
        await events.of_run(tx, "Succeeded", live, told=self.told)
        window = await self._planned(tx, before, rotated_at=tx.at)
        await overlap.begin(tx, live, before, window.opens if window is not None else None)

    async def _abandoned(self, tx: Transaction, live: Run, before: Secret, labels: Labels) -> None:
        if labels.get(PENDING) == live.token:
            left = {label: version for label, version in labels.items() if label != PENDING}
            await writing.store_labels(tx, before.id, labels, left)
        await discard(tx, before.id, live.token)
        await run.end(tx, live, State.abandoned)
        await events.of_run(tx, "Abandoned", live, told=self.told)

    async def _written_by_hand(self, tx: Transaction, before: Secret) -> None:
        """It counts as a rotation when the next one is planned (RotationRulesType)."""
        if before.rotation.enabled and before.rotation.rules:
            await self._planned(tx, before)

    async def _planned(self, tx: Transaction, before: Secret, **columns: Any) -> Window | None:
        known = await planning.planned(tx.connection, before.id)
        since = known.since if known is not None else tx.at
        return await planning.plan(tx, before, last=tx.at, rules_set_at=since, **columns)

    async def removed(self, tx: Transaction, secret: Secret) -> None:
        live = await run.live(tx.connection, secret.id)
        if live is not None:
            await run.end(tx, live, State.cancelled)
            await events.of_run(tx, "Cancelled", live, told=self.told)


def performs(call: Call) -> bool:
    """Whether it calls with a session that was issued for a step. Who names a session of their own so binds only themselves."""
    principal = call.caller.principal
    return call.caller.temporary and principal.arn.rpartition("/")[2].startswith(leave.PREFIX)


def check_step(live: Run | None, call: Call, before: Labels, after: Labels, written: str | None) -> None:
    """Raises AccessDenied unless the step allows what was moved.

    createSecret may write the pending value; finishSecret may move AWSCURRENT to it, and take AWSPENDING off.
    """
    if live is None or live.session != call.caller.access_key_id or (written is not None and live.step != CREATE):
        raise AccessDenied(OUT_OF_STEP)
    moved = {label for label in {*before, *after} if before.get(label) != after.get(label)}
    if not moved:
        return
    promoted = after.get(CURRENT) == live.token and live.step == FINISH
    tidied = moved == {PENDING} and PENDING not in after and live.step == FINISH
    if not promoted and not tidied:
        raise AccessDenied(OUT_OF_STEP)


async def discard(tx: Transaction, secret_id: int, version: str) -> None:
    """A version that was never given a value, and is nobody's now."""
    empty = versions.c.kind.is_(None)
    await tx.execute(delete(versions).where(versions.c.secret_id == secret_id, versions.c.id == version, empty))


async def forget(tx: Transaction, secret: Secret, version: str) -> None:
    """The version of a test, with the copy that it holds; it has no label but AWSPENDING."""
    left = {label: labelled for label, labelled in secret.labels.items() if (label, labelled) != (PENDING, version)}
    await writing.store_labels(tx, secret.id, secret.labels, left)
    if version not in left.values():
        this = (versions.c.secret_id == secret.id) & (versions.c.id == version)
        await tx.execute(delete(versions).where(this))
    await copying.follow(tx, secret.id, {})

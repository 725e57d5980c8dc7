"""Who can decrypt under a key, or read a secret: every principal, with each way by which it may.

1. ask every user and role of the account                          4. who may become a role that can (chains.py)
2. ask whomever policy or grants name besides (strangers.py)       5. who could give itself what it lacks (escalation.py)
3. those who can without a condition are done                      6. when each was last seen doing it

It is about permissions: a key that is disabled today may be enabled tomorrow. Steps 4 and 5 are for those who cannot do it
without a condition already. Times in policies are taken at the moment that is asked about.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from keystead.access.policy import Kind, Policy, compile, parse  # noqa: A004  # the rules' own verb
from keystead.access.paths import Granted, Way
from keystead.explain import now, strangers
from keystead.explain.chains import Chains
from keystead.explain.contexts import Manner, folded
from keystead.explain.escalation import Escalation, Lever
from keystead.explain.holders import Account, Holder, Tags, account_of
from keystead.explain.lastuse import last_uses
from keystead.explain.questions import Question, change_of_key, use_of_key
from keystead.explain.room import Explain
from keystead.explain.rows import Row, row, unconditional
from keystead.keys import records
from keystead.keys.grants import Grant
from keystead.keys.key import Key

OPEN_KEY: Final = compile(
    parse('{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}', Kind.KEY)
)
"""What somebody who may put a key policy could put."""
LABELLED: Final = ("aws:resourcetag/", "kms:resourcealiases", "kms:requestalias")
"""Beginnings of condition keys whose values are changed by who may tag a key or name it."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is asked about, with everything that can be changed about it.

    grantees  (ARN, unique id) of grants
    levers    changes to the resource itself
    """

    question: Question
    policy: Policy | None
    grantees: Sequence[tuple[str, str]]
    levers: Sequence[Lever]
    region: str


async def who_can_decrypt(room: Explain, key: Key) -> list[Row]:
    """Of the key's account, and whom its policy names. Raises what the database raises."""
    manner = Manner(room.clock(), anyhow=True)
    async with room.database.read() as connection:
        rows = await now.rows(connection, key.account)
        grants = await records.live_grants(connection, key.region, key.id)
        used = await last_uses(connection, key.arn)
    subject = key_subject(key, key.policy, grants, manner)
    return await asyncio.to_thread(answer, lambda: account_of(rows), subject, manner, used)


def key_subject(key: Key, policy: Policy, grants: Sequence[Grant], manner: Manner) -> Subject:
    tags = folded(key.tags)
    question = use_of_key(key, policy, manner, grants=grants, tags=tags)
    grantees = [(grant.grantee, grant.grantee_id) for grant in grants if "Decrypt" in grant.operations]
    return Subject(question, policy, grantees, list(levers(key, policy, grants, manner, tags)), key.region)


def levers(key: Key, policy: Policy, grants: Sequence[Grant], manner: Manner, tags: Tags) -> Iterator[Lever]:
    """Changes to a key by which somebody may come to decrypt."""
    direct = Manner(manner.at)

    def change(operation: str) -> Question:
        return change_of_key(key, policy, direct, operation, grants=grants, tags=tags)

    opened = use_of_key(key, OPEN_KEY, manner, grants=grants, tags=tags)
    granted = replaced(use_of_key(key, policy, manner, tags=tags))
    yield Lever(change("PutKeyPolicy"), "a key policy that names it", opened.ways)
    yield Lever(change("CreateGrant"), "a grant to it", granted.ways)
    labelled = use_of_key(key, policy, manner, grants=grants, tags=None)
    if key_policies_ask(policy):
        for operation in ("TagResource", "UntagResource"):
            yield Lever(change(operation), "the tags that a condition asks for", labelled.ways)


def key_policies_ask(policy: Policy) -> bool:
    return any(test.key.startswith(LABELLED) for one in policy.document.statements for test in one.tests)


def replaced(question: Question) -> Question:
    """The same, by who has a grant."""
    return question.granted(Granted("to be made"))


def answer(
    load: Callable[[], Account], subject: Subject, manner: Manner, used: Mapping[str, float]
) -> list[Row]:
    """Pure, and slow for thousands: not for the event loop."""
    account = load()
    found = list(rows_of(account, subject, manner))
    seen = {holder.arn: used.get(holder.entity.id) for holder in account.holders}
    return [replace(one, last_used=seen.get(one.principal, used.get(one.principal))) for one in found]


def rows_of(account: Account, subject: Subject, manner: Manner) -> Iterator[Row]:
    can: dict[str, list[Way]] = {}
    able: list[Holder] = []
    for holder in account.holders:  # 1
        ways = subject.question.ways(holder)
        if ways:
            can[holder.entity.id] = ways
            able.append(holder)
            yield from (row(holder.arn, way) for way in ways)
    yield from strangers.rows(subject.question, account, subject.policy, subject.grantees)  # 2
    free = {unique_id for unique_id, ways in can.items() if unconditional(ways)}  # 3
    direct = Manner(manner.at)
    yield from Chains(account, subject.region, direct).rows(can, free)  # 4
    escalation = Escalation(account, subject.question, subject.levers, subject.region, direct)
    for holder in account.holders:  # 5
        if holder.entity.id not in free:
            yield from escalation.rows(holder, able)

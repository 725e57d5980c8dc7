"""Who may become a role that can, directly or over further roles; and who from outside may, by a token or a certificate.

Breadth first, from the roles that can backwards, so that each role is looked at once and a circle of roles ends by itself. A role
chain may be as long as it likes: each link is a call of its own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from keystead.access.decision import Standing
from keystead.access.document import Statement
from keystead.access.paths import Way
from keystead.access.request import Principal, PrincipalKind
from keystead.explain.contexts import Manner
from keystead.explain.holders import Account, Holder
from keystead.explain.questions import Question, assumption_of
from keystead.explain.rows import ARROW, ROLE_CHAIN, Row, easiest, path_of

ASSUME: Final = "sts:AssumeRole"
WITH_TOKEN: Final = "sts:AssumeRoleWithWebIdentity"  # noqa: S105  # an action
CERTIFICATES: Final = "rolesanywhere.amazonaws.com"
"""The one service here that assumes roles for others."""


class Onward(NamedTuple):
    """How a role goes on to what is asked."""

    path: str
    conditions: tuple[str, ...]


class Chains:
    """Of one account, for one question."""

    def __init__(self, account: Account, region: str, manner: Manner) -> None:
        self._region = region
        self._manner = manner
        self._by_id = {holder.entity.id: holder for holder in account.holders}
        self._everybody = account.holders
        self._asking = [holder for holder in account.holders if speaks_of_assuming(holder)]

    def rows(self, can: Mapping[str, Sequence[Way]], spared: Iterable[str]) -> Iterator[Row]:
        """`can`: by unique id, the ways of those who can. `spared`: ids of those whose further ways are not looked for."""
        skip = set(spared)
        onward = {
            role: Onward(path_of(way), tuple(way.conditions))
            for role, ways in can.items()
            if ways and self._by_id[role].is_role
            for way in (easiest(ways),)
        }
        level = sorted(onward)
        while level:
            found: dict[str, Onward] = {}
            for role_id in level:
                role, rest = self._by_id[role_id], onward[role_id]
                yield from self._outsiders(role, rest)
                for holder, ways in self._assuming(role, skip):
                    made = [link(role, way, rest) for way in ways]
                    yield from (Row(holder.arn, ROLE_CHAIN, one.path, one.conditions) for one in made)
                    if holder.is_role and holder.entity.id not in onward:
                        best = min(made, key=lambda one: len(one.conditions))
                        known = found.setdefault(holder.entity.id, best)
                        found[holder.entity.id] = min(known, best, key=lambda one: len(one.conditions))
            onward |= found
            level = sorted(found)

    def _assuming(self, role: Holder, skip: set[str]) -> Iterator[tuple[Holder, list[Way]]]:
        question = assumption_of(role, self._region, self._manner)
        for holder in self._candidates(role):
            if holder is not role and holder.entity.id not in skip:
                ways = question.ways(holder)
                if ways:
                    yield holder, ways

    def _candidates(self, role: Holder) -> Iterable[Holder]:
        """Whom the trust policy may mean: those it names; and who asks by its own policies, where it names the account."""
        allowing = list(statements(role))
        names = {name for one in allowing if one.principals is not None for name in one.principals.aws}
        if "*" in names:
            return self._everybody
        ids = role.trust.ids if role.trust is not None else {}
        named = (self._by_id.get(ids.get(name, name)) for name in names)
        found = {holder.entity.id: holder for holder in named if holder is not None}
        if names & {role.account, f"arn:aws:iam::{role.account}:root"}:
            found |= {holder.entity.id: holder for holder in self._asking}
        return list(found.values())

    def _outsiders(self, role: Holder, rest: Onward) -> Iterator[Row]:
        """Who has a token of a provider that the role trusts, or a certificate."""
        named = [one.principals for one in statements(role) if one.principals is not None]
        for provider in dict.fromkeys(name for one in named for name in one.federated):
            principal = Principal(PrincipalKind.WEB_IDENTITY, provider, role.account, provider, provider)
            question = assumption_of(role, self._region, self._manner, WITH_TOKEN)
            yield from self._outsider(question, principal, role, rest)
        if any(CERTIFICATES in one.services for one in named):
            principal = Principal(PrincipalKind.SERVICE, CERTIFICATES, role.account, CERTIFICATES, CERTIFICATES)
            yield from self._outsider(assumption_of(role, self._region, self._manner), principal, role, rest)

    def _outsider(self, question: Question, principal: Principal, role: Holder, rest: Onward) -> Iterator[Row]:
        for way in question.ways_of(principal, Standing()):
            made = link(role, way, rest)
            yield Row(principal.arn, ROLE_CHAIN, made.path, made.conditions)


def link(role: Holder, way: Way, rest: Onward) -> Onward:
    before = tuple(f"to assume {role.entity.name}: {condition}" for condition in way.conditions)
    return Onward(f"assume {role.arn} ({path_of(way)}){ARROW}{rest.path}", before + rest.conditions)


def statements(role: Holder) -> Iterator[Statement]:
    if role.trust is not None:
        yield from (one for one in role.trust.document.statements if not one.denies)


def speaks_of_assuming(holder: Holder) -> bool:
    return any(policy.about(ASSUME) for policy in holder.standing.identity)

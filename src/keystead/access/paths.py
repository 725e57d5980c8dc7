"""Every way by which a principal may do something, when the request is only partly known: the steps, and what must hold besides.

The rows are those of access.decision, read backwards. A way is made of statements that allow, one of each kind that is needed:

    resource                         a way needs                                          and, where there are any
    key, same account                resource statement naming the caller                 boundary and session, if it names the role
                                     resource statement naming the account, identity      boundary, session
                                     grant                                                boundary, session
    secret, same account             resource statement naming the caller                 as above
                                     identity                                             boundary, session
    role, same account               as a key, without grants
    any, other account               resource statement or grant, identity                boundary, session

Statements that deny may close every way: one that surely matches leaves none, one that may becomes a condition of each.
A request that is known whole is allowed if and only if one of the ways is open to it; a test holds the two together.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from keystead.access.decision import Combine, Source, Standing
from keystead.access.policy import Policy
from keystead.access.possible import Look, Match, Need, decides, limits, matching, opposite
from keystead.access.principals import Named
from keystead.access.request import Principal, PrincipalKind, Request
from keystead.access.trace import collected, name_of

KEY_POLICY: Final = "key policy"
NAMES: Final = {Combine.KEY: KEY_POLICY, Combine.RESOURCE: "resource policy", Combine.TRUST: "trust policy"}


@dataclass(frozen=True, slots=True)
class Step:
    """One statement, or grant, of a way: which policy, and which of its statements."""

    source: Source
    policy: str
    statement: str

    def __str__(self) -> str:
        return f"{self.policy}, statement {self.statement}" if self.statement else self.policy


@dataclass(frozen=True, slots=True)
class Way:
    """needs   must all hold
    nots    of each, one at least must not hold: the conditions of a statement that would deny
    """

    steps: tuple[Step, ...]
    needs: tuple[Need, ...] = ()
    nots: tuple[tuple[Need, ...], ...] = ()

    def open_to(self, request: Request) -> bool:
        """Of a request that is known whole."""
        if not all(need.holds(request) for need in self.needs):
            return False
        return not any(all(need.holds(request) for need in one) for one in self.nots)

    @property
    def conditions(self) -> list[str]:
        told = [need.text for need in self.needs]
        return told + ["not (" + " and ".join(need.text for need in one) + ")" for one in self.nots]


@dataclass(frozen=True, slots=True)
class Granted:
    """A grant to the caller for what is asked, under conditions of its own."""

    id: str
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What may be done, and to what."""

    action: str
    resource: str
    combine: Combine
    owner: str
    policy: Policy | None


Partial = tuple[tuple[Step, ...], tuple[Need, ...]]
NOTHING: Final[tuple[Partial, ...]] = (((), ()),)
"""The one way through a limit that is not there."""


@dataclass(slots=True)
class Said:
    """By kind of policy, what allows; and over all kinds, what may deny. `denied`: something surely does."""

    allows: dict[Source, list[tuple[Step, Match]]]
    nots: list[tuple[Need, ...]]
    denied: bool = False


class Reader:
    """Reads policies for one question. Remembers what a policy without principals says, where no key of the principal's own
    has a part in it: most principals share their policies.
    """

    def __init__(self, asked: Asked, of_principal: frozenset[str], families: tuple[str, ...]) -> None:
        """`of_principal`: condition keys, and beginnings of keys, that differ between principals."""
        self.asked = asked
        self._own = of_principal
        self._families = families
        self._shared: dict[tuple[Policy, str], list[Match]] = {}

    def matches(self, policy: Policy, principal: Principal, look: Look) -> list[Match]:
        known = self._shared.get((policy, principal.account))
        if known is not None:
            return known
        found, by_name = matching(policy, self.asked.action, self.asked.resource, principal, look)
        if not by_name and not self._varies(policy):
            self._shared[policy, principal.account] = found
        return found

    def _varies(self, policy: Policy) -> bool:
        """Whether any statement about the action looks at a key of the principal's own."""
        return any(
            rule.varies or any(self._is_own(test.key) or "${" in "".join(test.values) for test in statement.tests)
            for rule in policy.about(self.asked.action)
            for statement in (policy.document.statements[rule.number],)
        )

    def _is_own(self, key: str) -> bool:
        return key in self._own or key.startswith(self._families)

    def said(self, principal: Principal, standing: Standing, look: Look) -> Said:
        source = Source.TRUST if self.asked.combine is Combine.TRUST else Source.RESOURCE
        said = Said({}, [])
        for of, number, policy in collected(standing, source, self.asked.policy):
            for match in self.matches(policy, principal, look):
                statement = policy.document.statements[match.number]
                if not statement.denies:
                    step = Step(of, self._label(of, number, standing), name_of(match.number, statement))
                    said.allows.setdefault(of, []).append((step, match))
                elif match.needs:
                    said.nots.append(match.needs)
                else:
                    said.denied = True
        return said

    def _label(self, source: Source, number: int, standing: Standing) -> str:
        if source in {Source.RESOURCE, Source.TRUST}:
            return NAMES.get(self.asked.combine, "resource policy")
        if source is Source.BOUNDARY:
            return f"within boundary {standing.labels.boundary}"
        labels = standing.labels.identity if source is Source.IDENTITY else standing.labels.session
        return labels[number] if number < len(labels) else f"{source.value} policy {number + 1}"

    def ways(self, principal: Principal, standing: Standing, look: Look, grants: Sequence[Granted] = ()) -> list[Way]:
        """Those that are not closed, each once."""
        said = self.said(principal, standing, look)
        if said.denied:
            return []
        found = (closed(way, said.nots) for way in self._ways(principal, standing, said, grants))
        return list(dict.fromkeys(way for way in found if way is not None))

    def _ways(
        self, principal: Principal, standing: Standing, said: Said, grants: Sequence[Granted]
    ) -> Iterator[Partial]:
        kind, combine = principal.kind, self.asked.combine
        source = Source.TRUST if combine is Combine.TRUST else Source.RESOURCE
        resource = said.allows.get(source, [])
        named = {by: [partial(one) for one in resource if one[1].named is by] for by in Named}
        anyhow = [partial(one) for one in resource]
        if kind is PrincipalKind.SERVICE:
            yield from named[Named.DIRECTLY]
            return
        foreign = self.asked.owner != principal.account or kind is PrincipalKind.ANONYMOUS
        limits_ = list(self._limits(principal, standing, said))
        own = [joined(*parts) for parts in product(self._identity(kind, said), limits_)]
        of_grants = [((Step(Source.GRANT, f"grant {grant.id}", ""),), grant.needs) for grant in grants]
        if combine is not Combine.KEY:
            of_grants = []
        if foreign:
            yield from (joined(*parts) for parts in product([*anyhow, *of_grants], own))
            return
        if combine is not Combine.IDENTITY_ONLY:
            yield from named[Named.DIRECTLY]
            yield from (joined(*parts) for parts in product(named[Named.LIMITED], limits_))
        if combine in {Combine.IDENTITY_ONLY, Combine.RESOURCE}:
            yield from own
        else:
            yield from (joined(*parts) for parts in product(named[Named.ACCOUNT], own))
            yield from (joined(*parts) for parts in product(of_grants, limits_))

    def _identity(self, kind: PrincipalKind, said: Said) -> Iterable[Partial]:
        if kind is PrincipalKind.ROOT:
            return NOTHING
        return [partial(one) for one in said.allows.get(Source.IDENTITY, [])]

    def _limits(self, principal: Principal, standing: Standing, said: Said) -> Iterator[Partial]:
        """Ways through boundary and session policies."""
        session: Iterable[Partial] = NOTHING
        if standing.session is not None:
            session = [partial(one) for one in said.allows.get(Source.SESSION, [])]
        elif principal.kind is PrincipalKind.FEDERATED_USER:
            session = ()
        boundary: Iterable[Partial] = NOTHING
        if standing.boundary is not None:
            boundary = [partial(one) for one in said.allows.get(Source.BOUNDARY, [])]
        for parts in product(shortest(boundary), shortest(session)):
            yield joined(*parts)


def both(first: Way, second: Way) -> Way | None:
    """Of a principal that needs the one and the other, for requests that know the same of it; None where they contradict."""
    part = (*first.steps, *second.steps), tuple(dict.fromkeys((*first.needs, *second.needs)))
    return closed(part, (*first.nots, *second.nots))


def partial(one: tuple[Step, Match]) -> Partial:
    step, match = one
    return (step,), match.needs


def joined(*parts: Partial) -> Partial:
    steps = tuple(step for part in parts for step in part[0])
    return steps, tuple(dict.fromkeys(need for part in parts for need in part[1]))


def shortest(parts: Iterable[Partial]) -> list[Partial]:
    """One that needs nothing is enough to come through a limit."""
    listed = list(parts)
    free = next((part for part in listed if not part[1]), None)
    return listed if free is None else [free]


def closed(part: Partial, nots: Iterable[tuple[Need, ...]]) -> Way | None:
    """The way with what may deny it; None where needs contradict one another, or always meet a denial.

    1. what must not hold alone becomes a need, where it has an opposite
    2. needs that leave a key few values are tried on everything else about that key
    """
    steps, needs = part
    open_: list[tuple[Need, ...]] = []
    wanted = dict.fromkeys(needs)
    for one in dict.fromkeys(nots):
        turned = opposite(one[0]) if len(one) == 1 else None  # 1
        if turned is not None:
            wanted[turned] = None
        else:
            open_.append(one)
    left = left_over(wanted)  # 2
    if left is None:
        return None
    kept = needed(wanted, left)
    if kept is None:
        return None
    remaining: list[tuple[Need, ...]] = []
    for one in open_:
        still = denial(one, left, kept)
        if still == ():
            return None
        if still is not None:
            remaining.append(still)
    return Way(steps, tuple(kept), tuple(dict.fromkeys(remaining)))


Left = dict[str, frozenset[str]]


def left_over(needs: Iterable[Need]) -> Left | None:
    """By key, the values that needs leave it; None where they leave none."""
    left: Left = {}
    for need in needs:
        found = limits(need)
        if found is None or need.test is None:
            continue
        key = need.test.key
        left[key] = left[key] & found if key in left else found
        if not left[key]:
            return None
    return left


def needed(needs: Iterable[Need], left: Left) -> list[Need] | None:
    """Without those that follow from the others; None where one cannot hold."""
    kept: list[Need] = []
    for need in needs:
        key = need.test.key if need.test is not None else None
        if key is None or key not in left:
            kept.append(need)
            continue
        verdict = decides(need, left[key], denies=False)
        if verdict is False:
            return None
        if verdict is None or limits(need) is not None:
            kept.append(need)
    return kept


def denial(one: tuple[Need, ...], left: Left, needs: Iterable[Need]) -> tuple[Need, ...] | None:
    """What of a denial's conditions is still open: none of them, and it always denies; None, and it never does."""
    held = set(needs)
    still: list[Need] = []
    for need in one:
        key = need.test.key if need.test is not None else None
        verdict = decides(need, left[key], denies=True) if key is not None and key in left else None
        if verdict is False:
            return None
        if verdict is None and need not in held:  # what all values must pass, one does
            still.append(need)
    return tuple(still)

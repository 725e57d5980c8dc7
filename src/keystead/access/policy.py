"""Policies, compiled once and asked often: from a document to closures that say how it stands to a request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from keystead.access import actions, conditions, principals, resources
from keystead.access.document import Document, Kind, Statement
from keystead.access.grammar import parse
from keystead.access.patterns import Matcher, Tokens, any_arn_matcher, anything
from keystead.access.principals import Named
from keystead.access.request import Request
from keystead.access.stored import shown

__all__ = ["Document", "Kind", "Policy", "Stance", "compile", "parse", "shown"]

ACTIONS: Final = 512
"""Actions for which a policy remembers the statements that speak about them; they come from operations, so they are few."""
NO_IDS: Final[Mapping[str, str]] = {}


class Stance(IntEnum):
    """What a policy says to a request. A policy without principals allows DIRECTLY; the rest is access.principals.Named."""

    DENIES = -1
    SILENT = 0
    ALLOWS_ACCOUNT = 1
    ALLOWS_LIMITED = 2
    ALLOWS_DIRECTLY = 3


DENIES: Final = Stance.DENIES
SILENT: Final = Stance.SILENT
STANCES: Final = {named: Stance(named.value) for named in Named}
Answer = tuple[Stance, bool, int]
"""A stance; whether it would be the same for every request of this principal, through this service if through one, for this
action and resource; and the number of
the statement that it is put down to, from 0, or NOBODY."""
NOBODY: Final = -1
NOTHING: Final[Answer] = (SILENT, True, NOBODY)


@dataclass(frozen=True, slots=True)
class Rule:
    """A statement.

    number  its place in the document
    varies  its resources have variables
    settled  its tests, if any, look at nothing but the caller and the service that the call comes through
    reach   patterns of the resources that it may apply to, whatever its variables stand for; none: it may apply to any
    tests   one for each of the statement's; `holds` is all of them, if there are any
    """

    number: int
    denies: bool
    varies: bool
    settled: bool
    about: Callable[[str], bool]
    reach: tuple[Tokens, ...]
    applies: resources.Applies
    names: principals.Names | None
    tests: tuple[conditions.Holds, ...]
    holds: conditions.Holds | None


class Policy:
    """A compiled document. Equal only to itself."""

    __slots__ = ("_by_action", "document", "ids", "rules")

    def __init__(self, document: Document, ids: Mapping[str, str]) -> None:
        self.document = document
        self.ids = ids
        found = (rule_of(number, one, document, ids) for number, one in enumerate(document.statements))
        self.rules = tuple(rule for rule in found if rule is not None)
        self._by_action: dict[str, tuple[tuple[Rule, ...], Matcher]] = {}

    def stance(self, request: Request) -> Answer:
        """Raises what its evaluation raises: THE CALLER MUST TAKE ANY EXCEPTION FOR A DENIAL."""
        speaking = self._by_action.get(request.action)
        rules, reached = speaking if speaking is not None else self._speaking(request.action)
        if not reached(request.resource):
            return NOTHING
        found = SILENT
        fixed = True
        number = NOBODY
        for rule in rules:
            named = Named.DIRECTLY if rule.names is None else rule.names(request.principal)
            if named is Named.NOT:
                continue
            if rule.varies:
                fixed = False
            if not rule.applies(request):
                continue
            if rule.holds is not None:
                fixed = fixed and rule.settled
                if not rule.holds(request.context):
                    continue
            if rule.denies:
                return DENIES, fixed, rule.number
            if named > found:
                found = STANCES[named]
                number = rule.number
        return found, fixed, number

    def about(self, action: str) -> tuple[Rule, ...]:
        """Statements with an effect that speak about the action, denying ones first."""
        return self._speaking(action)[0]

    def _speaking(self, action: str) -> tuple[tuple[Rule, ...], Matcher]:
        """The statements about the action, and what matches a resource that any of them may apply to."""
        known = self._by_action.get(action)
        if known is not None:
            return known
        folded = action.lower()
        about = tuple(sorted((rule for rule in self.rules if rule.about(folded)), key=lambda rule: not rule.denies))
        if len(self._by_action) >= ACTIONS:
            self._by_action.clear()
        made = about, reach_of(about)
        self._by_action[action] = made
        return made


def reach_of(rules: tuple[Rule, ...]) -> Matcher:
    if not all(rule.reach for rule in rules):
        return anything
    return any_arn_matcher(tuple(dict.fromkeys(pattern for rule in rules for pattern in rule.reach)))


def compile(document: Document, ids: Mapping[str, str] = NO_IDS) -> Policy:  # noqa: A001  # the rules' own verb
    """`ids`: what `document.principals()` named when it was put, with their unique ids."""
    return Policy(document, dict(ids))


def rule_of(number: int, statement: Statement, document: Document, ids: Mapping[str, str]) -> Rule | None:
    """None for a statement without effect."""
    listed, named = statement.resources, statement.principals
    if statement.actions is None or (listed is None and document.kind is not Kind.TRUST):
        return None
    variables, denies = document.variables, statement.denies
    tests = conditions.compiled(statement.tests, variables=variables, denies=denies)
    return Rule(
        number=number,
        denies=denies,
        varies=listed is not None and not resources.fixed(listed, variables=variables),
        settled=conditions.settled(statement.tests, variables=variables),
        about=actions.compiled(statement.actions),
        reach=() if listed is None else resources.reach(listed, variables=variables),
        applies=everywhere if listed is None else resources.compiled(listed, variables=variables, denies=denies),
        names=None if named is None else principals.compiled(named, ids, denies=denies),
        tests=tests,
        holds=conditions.together(tests),
    )


def everywhere(_: Request) -> bool:
    return True

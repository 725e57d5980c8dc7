"""AllowedPattern: whether a whole value matches a caller's regular expression, in time that no caller can make grow.

The expression comes from outside, and Python's engine backtracks: its time can double with each character. So its parser is
used and its engine is not. The syntax tree becomes an automaton, and all its states are followed at once (Thompson, Regular
Expression Search Algorithm, 1968). What such an automaton cannot do is refused: references back, looking ahead and behind,
atomic groups, word boundaries. Classes such as digits are those of ASCII, as in Java.

    node   (accepts, next)      reads one character that it accepts
           (None, next…)        goes on without reading; with a mark, only at the beginning or at the end
"""

import re
import warnings
from collections.abc import Callable, Sequence
from re import _constants as ops  # type: ignore[attr-defined]  # the parser has no public door; re itself is built on it
from re import _parser as parser  # type: ignore[attr-defined]  # likewise
from typing import Any, Final

from keystead.parameters.errors import PatternInvalid, PatternMismatch

NODES: Final = 20_000
"""Of one automaton: a{1,8192} has so many as it has characters."""
STEPS: Final = 500_000
"""Nodes that one match may visit: some tenths of a second."""
MISMATCH: Final = "Parameter value, cannot be validated against allowedPattern: {}"
DIGITS: Final = frozenset("0123456789")
SPACES: Final = frozenset(" \t\n\r\f\v")
WORD: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
CATEGORIES: Final = {
    ops.CATEGORY_DIGIT: (DIGITS, True),
    ops.CATEGORY_NOT_DIGIT: (DIGITS, False),
    ops.CATEGORY_SPACE: (SPACES, True),
    ops.CATEGORY_NOT_SPACE: (SPACES, False),
    ops.CATEGORY_WORD: (WORD, True),
    ops.CATEGORY_NOT_WORD: (WORD, False),
}
BEGINS: Final = frozenset({ops.AT_BEGINNING, ops.AT_BEGINNING_STRING})
ENDS: Final = frozenset({ops.AT_END, ops.AT_END_STRING})

Accepts = Callable[[str], bool]


def check(pattern: str, value: str) -> None:
    """Raises PatternInvalid, PatternMismatch; neither repeats the value."""
    if not matches(pattern, value):
        raise PatternMismatch(MISMATCH.format(pattern))


def matches(pattern: str, value: str) -> bool:
    """The whole value. Raises PatternInvalid."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about what may mean something else in a later Python
            tree = parser.parse(pattern, re.ASCII)
        automaton = Automaton(tree)
    except (re.error, OverflowError, RecursionError):
        raise PatternInvalid("The regular expression for AllowedPattern is not valid.") from None
    return automaton.accepts(value)


class Automaton:
    """Of one expression. Raises PatternInvalid for what it cannot do, or only with too many nodes."""

    def __init__(self, tree: Any) -> None:
        self._accepts: list[Accepts | None] = []
        self._next: list[list[int]] = []
        self._mark: list[str] = []
        self._reached: dict[tuple[int, bool, bool], tuple[int, ...]] = {}
        self._visited = 0
        self._end = self._node(None)
        self._start = self._sequence(tree, tree.state.flags, self._end)

    def accepts(self, value: str) -> bool:
        length = len(value)
        current = self._closure([self._start], first=True, last=length == 0)
        for at, character in enumerate(value, 1):
            onwards = []
            for node in current:
                test = self._accepts[node]
                if test is not None and test(character):
                    onwards += self._next[node]
            self._count(len(current))
            if not onwards:
                return False
            current = self._closure(onwards, first=False, last=at == length)
        return self._end in current

    def _count(self, visited: int) -> None:
        self._visited += visited
        if self._visited > STEPS:
            raise PatternInvalid("The regular expression for AllowedPattern takes too long to match.")

    def _closure(self, nodes: Sequence[int], *, first: bool, last: bool) -> set[int]:
        found: set[int] = set()
        for node in nodes:
            found.update(self._from(node, first, last))
        return found

    def _from(self, node: int, first: bool, last: bool) -> tuple[int, ...]:
        """All that is reached from a node without reading."""
        place = (node, first, last)
        known = self._reached.get(place)
        if known is not None:
            return known
        seen, waiting = {node}, [node]
        while waiting:
            one = waiting.pop()
            mark = self._mark[one]
            if self._accepts[one] is not None or (mark == "first" and not first) or (mark == "last" and not last):
                continue
            for further in self._next[one]:
                if further not in seen:
                    seen.add(further)
                    waiting.append(further)
        self._count(len(seen))
        kept = tuple(one for one in seen if self._accepts[one] is not None or one == self._end)
        self._reached[place] = kept
        return kept

    # --- building, from the end backwards -------------------------------------------------------------------------------

    def _node(self, accepts: Accepts | None, *onwards: int, mark: str = "") -> int:
        if len(self._next) >= NODES:
            raise PatternInvalid("The regular expression for AllowedPattern is too large.")
        self._accepts.append(accepts)
        self._next.append(list(onwards))
        self._mark.append(mark)
        return len(self._next) - 1

    def _sequence(self, items: Any, flags: int, after: int) -> int:
        for kind, argument in reversed(list(items)):
            after = self._item(kind, argument, flags, after)
        return after

    def _item(self, kind: Any, argument: Any, flags: int, after: int) -> int:
        if kind in {ops.LITERAL, ops.NOT_LITERAL, ops.ANY, ops.IN}:
            return self._node(one_character(kind, argument, flags), after)
        if kind is ops.BRANCH:
            return self._node(None, *(self._sequence(branch, flags, after) for branch in argument[1]))
        if kind is ops.SUBPATTERN:
            _, more, less, items = argument
            return self._sequence(items, (flags | more) & ~less, after)
        if kind in {ops.MAX_REPEAT, ops.MIN_REPEAT}:
            return self._repeat(argument, flags, after)
        if kind is ops.AT and argument in BEGINS | ENDS and not flags & re.MULTILINE:
            return self._node(None, after, mark="first" if argument in BEGINS else "last")
        raise PatternInvalid("The regular expression for AllowedPattern uses what is not matched in linear time.")

    def _repeat(self, argument: Any, flags: int, after: int) -> int:
        least, most, items = argument
        if most is ops.MAXREPEAT:
            loop = self._node(None, after)
            self._next[loop].append(self._sequence(items, flags, loop))
            start = loop
        else:
            start = after
            for _ in range(most - least):
                start = self._node(None, after, self._sequence(items, flags, start))
        for _ in range(least):
            start = self._sequence(items, flags, start)
        return start


def one_character(kind: Any, argument: Any, flags: int) -> Accepts:
    if kind is ops.ANY:
        return (lambda _: True) if flags & re.DOTALL else (lambda character: character != "\n")
    if kind is ops.IN:
        return of_set(argument, flags)
    return of_set(
        [(ops.NEGATE, None), (ops.LITERAL, argument)] if kind is ops.NOT_LITERAL else [(kind, argument)], flags
    )


def of_set(items: Sequence[tuple[Any, Any]], flags: int) -> Accepts:
    negated = any(kind is ops.NEGATE for kind, _ in items)
    tests = [of_item(kind, argument) for kind, argument in items if kind is not ops.NEGATE]

    def accepts(character: str) -> bool:
        spelled = {character, character.lower(), character.upper()} if flags & re.IGNORECASE else (character,)
        return any(test(one) for test in tests for one in spelled) is not negated

    return accepts


def of_item(kind: Any, argument: Any) -> Accepts:
    if kind is ops.LITERAL:
        literal = chr(argument)
        return lambda character: character == literal
    if kind is ops.RANGE:
        first, last = argument
        return lambda character: first <= ord(character[:1]) <= last
    members, within = CATEGORIES[argument]
    return lambda character: (character in members) is within

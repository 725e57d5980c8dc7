"""Which logs count, which witnesses, and how many of them suffice (C2SP tlog-policy).

    log VKEY [URL]
    witness NAME VKEY [URL]                 URL: the prefix that add-checkpoint is asked under
    group NAME any|all|K NAME …             of witnesses and groups on the lines before
    quorum NAME|none

Names mean something in this file only. One file serves the node, which asks the witnesses, and everybody who checks.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from keystead.trail.checkpoints import Checkpoint, parse
from keystead.trail.signed_note import COSIGNATURE, ED25519, ML_DSA_44, KeyInvalid, NoteInvalid, Verifier, verified

NONE: Final = "none"
LOG_KINDS: Final = frozenset({ED25519, ML_DSA_44})
WITNESS_KINDS: Final = frozenset({COSIGNATURE, ML_DSA_44})
LIMIT: Final = 1024
"""Lines that say something; tlog-policy asks for at least 32 logs, 32 witnesses and 32 groups."""
FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class PolicyInvalid(ValueError):
    """Not a policy. `text` says which line and why."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Party(NamedTuple):
    """A log or a witness. Without a URL it can be checked and not asked."""

    key: Verifier
    url: str = ""


class Group(NamedTuple):
    """At least `needed` of `members`, which are names of witnesses and groups."""

    needed: int
    members: tuple[str, ...]


class Checked(NamedTuple):
    """A checkpoint that the policy accepts: who cosigned it, by name, and when, seconds since the epoch."""

    checkpoint: Checkpoint
    cosigned: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a file says."""

    logs: tuple[Party, ...] = ()
    witnesses: Mapping[str, Party] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    quorum: str = NONE

    def satisfied(self, names: Collection[str]) -> bool:
        """Whether the cosignatures of these witnesses suffice."""
        return self.quorum == NONE or self._counts(self.quorum, names)

    def _counts(self, name: str, names: Collection[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in names
        return sum(self._counts(member, names) for member in group.members) >= group.needed

    def cosigned(self, note: bytes) -> dict[str, int]:
        """By name, when each witness last cosigned. Raises NoteInvalid."""
        _, signatures = verified(note, [witness.key for witness in self.witnesses.values()])
        at: dict[Verifier, int] = {}
        for signature in signatures:
            at[signature.by] = max(signature.at, at.get(signature.by, 0))
        return {name: at[witness.key] for name, witness in self.witnesses.items() if witness.key in at}

    def check(self, note: bytes) -> Checked:
        """Steps: 1 one of the logs signed it, under its own name  2 the cosignatures are there  3 they suffice.

        Raises NoteInvalid, PolicyInvalid where the policy names no log.
        """
        if not self.logs:
            raise PolicyInvalid("the policy names no log")
        text, signatures = verified(note, [log.key for log in self.logs])  # 1
        try:
            checkpoint = parse(text)
        except ValueError:
            raise NoteInvalid("not a checkpoint") from None
        if not any(signature.by.name == checkpoint.origin for signature in signatures):
            raise NoteInvalid("no log of the policy has signed it")
        cosigned = self.cosigned(note)  # 2
        if not self.satisfied(cosigned):  # 3
            raise NoteInvalid(f"the quorum of the policy is not met: {', '.join(cosigned) or 'no witness'} cosigned it")
        return Checked(checkpoint, cosigned)


def load(path: Path) -> Policy:
    """Raises OSError, PolicyInvalid."""
    return read(path.read_bytes())


def read(content: bytes) -> Policy:
    """Raises PolicyInvalid. What is not ASCII is taken as it is: names are octets."""
    text = content.decode("utf-8", "surrogateescape")
    if FORBIDDEN.search(text):
        raise PolicyInvalid("a control character")
    reading = Reading()
    for number, line in enumerate(text.split("\n"), 1):
        words = re.split(r"[ \t]+", line.strip(" \t"))
        if words == [""] or words[0].startswith("#"):
            continue
        try:
            reading.line(words)
        except (ValueError, KeyError) as error:
            raise PolicyInvalid(f"line {number}: {error.args[0] if error.args else 'not a policy'}") from None
    return reading.finish()


class Reading:
    """Line by line."""

    def __init__(self) -> None:
        self._logs: list[Party] = []
        self._witnesses: dict[str, Party] = {}
        self._groups: dict[str, Group] = {}
        self._members: set[str] = set()
        self._quorum: str | None = None
        self._count = 0

    def line(self, words: list[str]) -> None:
        """Raises ValueError, KeyError."""
        kind, *rest = words
        reads: dict[str, tuple[Callable[..., None], Iterable[int]]] = {
            "log": (self._log, (1, 2)),
            "witness": (self._witness, (2, 3)),
            "group": (self._group, range(3, LIMIT)),
            "quorum": (self._set_quorum, (1,)),
        }
        if kind not in reads or len(rest) not in reads[kind][1]:
            raise ValueError("not a line of a policy")
        self._count += 1
        if self._count > LIMIT:
            raise ValueError("too many lines")
        reads[kind][0](*rest)

    def finish(self) -> Policy:
        """Raises PolicyInvalid."""
        if self._quorum is None:
            raise PolicyInvalid("there is no quorum line")
        return Policy(tuple(self._logs), self._witnesses, self._groups, self._quorum)

    def _log(self, key: str, url: str = "") -> None:
        read_key = _key(key, LOG_KINDS)
        if any(log.key.public == read_key.public for log in self._logs):
            raise ValueError("the same key twice")
        self._logs.append(Party(read_key, url))

    def _witness(self, name: str, key: str, url: str = "") -> None:
        self._new(name)
        read_key = _key(key, WITNESS_KINDS)
        if any(witness.key.public == read_key.public for witness in self._witnesses.values()):
            raise ValueError("the same key twice")
        self._witnesses[name] = Party(read_key, url)

    def _group(self, name: str, threshold: str, *members: str) -> None:
        self._new(name)
        for member in members:
            self._known(member)
            if member in self._members:  # else one witness could count in several ways
                raise ValueError(f"{member} is in a group already")
            self._members.add(member)
        self._groups[name] = Group(_needed(threshold, len(members)), members)

    def _set_quorum(self, name: str) -> None:
        if self._quorum is not None:
            raise ValueError("a second quorum")
        if name != NONE:
            self._known(name)
        self._quorum = name

    def _new(self, name: str) -> None:
        if name == NONE or name in self._witnesses or name in self._groups:
            raise ValueError(f"the name {name} is taken")

    def _known(self, name: str) -> None:
        if name not in self._witnesses and name not in self._groups:
            raise ValueError(f"{name} is not defined before")


def _key(text: str, kinds: Collection[int]) -> Verifier:
    try:
        key = Verifier.read(text)
    except KeyInvalid:
        raise ValueError("not a verifier key") from None
    if key.kind not in kinds:
        raise ValueError("a key of another kind")
    return key


def _needed(threshold: str, count: int) -> int:
    named = {"any": 1, "all": count}
    if threshold in named:
        return named[threshold]
    if not threshold.isascii() or not threshold.isdigit() or threshold != str(int(threshold)):
        raise ValueError("a threshold is any, all or a number")
    if not 1 <= int(threshold) <= count:
        raise ValueError("a threshold is from 1 to the number of members")
    return int(threshold)

"""Checks a log against what witnesses have seen of it. Trusts the policy, and its keys; not the log, and not the disk it is on.

1. the newest cosigned checkpoint, kept beside the log: signed by the log, cosigned by a quorum
2. it is not older than the lag that is allowed: what was cut off after it would show
3. of every hour, the one that was kept
4. what each witness itself says it cosigned last: cosigned by its key, so by nobody else
5. each of those trees is one that the log had                                            verify.py, step 7

A log that contradicts one of them was rewritten, or its end was cut off. One that cannot be compared is not proven.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

import httpx

from keystead.trail import cosigned
from keystead.trail.checkpoints import parse
from keystead.trail.policy import NONE, Policy, PolicyInvalid
from keystead.trail.signed_note import NoteInvalid, opened
from keystead.trail.verify import Head

LAG_SECONDS: Final = 3600.0
"""How old the newest cosignature may be unless somebody says otherwise."""
TIMEOUT: Final = 10.0
NOTE_LIMIT: Final = 256 * 1024


@dataclass(slots=True)
class Witnessed:
    """What was found before the records are read.

    size, at  of the newest checkpoint with a quorum; 0 for none
    copies    by witness, the size that it says itself; -1 where it could not be asked
    findings  contradictions; `doubts`: what could not be checked
    """

    size: int = 0
    at: int = 0
    copies: dict[str, int] = field(default_factory=dict)
    heads: list[Head] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


Fetch = Callable[[str, str, str], bytes | None]
"""From a witness's name, its URL and the log's origin to the note that it shows; None when it cannot be had."""


def witnessed(
    folder: Path, policy: Policy, now: float, *, lag: float = LAG_SECONDS, fetch: Fetch | None = None
) -> Witnessed:
    """`now` in seconds since the epoch. Without `fetch` nobody is asked. Raises nothing but what a defect raises."""
    found = Witnessed()
    if policy.quorum != NONE:
        _newest(folder, policy, found, now, lag)  # 1, 2
        _hourly(folder, policy, found)  # 3
    if fetch is not None:
        for name, size in _copies(policy, found, fetch):  # 4
            found.copies[name] = size
    return found


def _newest(folder: Path, policy: Policy, found: Witnessed, now: float, lag: float) -> None:
    note = cosigned.newest(folder)
    if note is None:
        found.doubts.append("no checkpoint has been cosigned by a quorum")
        return
    try:
        checked = policy.check(note)
    except (NoteInvalid, PolicyInvalid) as error:
        found.findings.append(f"the newest cosigned checkpoint: {error}")
        return
    found.size, found.at = checked.checkpoint.size, quorum_time(policy, checked.cosigned)
    found.heads.append(Head(checked.checkpoint.size, checked.checkpoint.root, "the newest cosigned checkpoint"))
    age = now - found.at
    if age > lag:
        found.doubts.append(
            f"a quorum last cosigned {int(age)} seconds ago: nobody else can say what the log had since"
        )


def quorum_time(policy: Policy, cosigned_at: Mapping[str, int]) -> int:
    """The newest moment by which a quorum had cosigned: each member of it then or later."""
    for at in sorted(set(cosigned_at.values()), reverse=True):
        if policy.satisfied([name for name, then in cosigned_at.items() if then >= at]):
            return at
    return 0


def _hourly(folder: Path, policy: Policy, found: Witnessed) -> None:
    for number, note in enumerate(cosigned.hourly(folder)):
        try:
            checkpoint = policy.check(note).checkpoint
        except (NoteInvalid, PolicyInvalid) as error:
            found.findings.append(f"cosigned checkpoint {number} of those kept by the hour: {error}")
            continue
        found.heads.append(Head(checkpoint.size, checkpoint.root, f"a cosigned checkpoint of {checkpoint.size}"))


def _copies(policy: Policy, found: Witnessed, fetch: Fetch) -> Iterator[tuple[str, int]]:
    origins = sorted({log.key.name for log in policy.logs})
    for name, witness in policy.witnesses.items():
        for origin in origins if witness.url else ():
            note = fetch(name, witness.url, origin)
            if note is None:
                yield name, -1
                continue
            try:
                text, signed = opened(note, [witness.key])
                checkpoint = parse(text)
            except ValueError:
                signed, checkpoint = set(), None
            if checkpoint is None or not signed or checkpoint.origin != origin:
                found.doubts.append(f"what witness {name} shows is not cosigned by it")
                yield name, -1
                continue
            found.heads.append(Head(checkpoint.size, checkpoint.root, f"what witness {name} cosigned last"))
            yield name, checkpoint.size


def over_http(_: str, url: str, origin: str) -> bytes | None:
    """Asks a witness that serves monitors under its submission prefix, as `keystead witness` does."""
    address = f"{url.rstrip('/')}/{sha256(origin.encode()).hexdigest()}/checkpoint"
    try:
        answer = httpx.get(address, timeout=TIMEOUT)
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
    return answer.content if answer.is_success and len(answer.content) <= NOTE_LIMIT else None

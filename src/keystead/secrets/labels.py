"""Staging labels: which version each is on after a call. Plain functions of values (Secrets Manager user guide, versions).

    notation V{C,N}: C AWSCURRENT, P AWSPREVIOUS, N AWSPENDING, small letters labels of one's own

    before                    call                after
    no version                Put [x]             V1{C,x}                 the first value is always current
    V1{P} V2{C}               Put                 V1{} V2{P} V3{C}
    V1{P} V2{C,N}             Put                 V1{} V2{P} V3{C}        who was current is no longer pending
    V2{a,b,c}                 Put [a,b,d]         V2{c} V3{a,b,d}
    V1{P} V2{C,a} V3{N,b}     move C to V3        V1{} V2{P,a} V3{C,N,b}  labels of one's own stay
    V1{P} V2{C}               move C to V1        V1{C} V2{P}

1. a label is on one version
2. once there is a value, exactly one version is current, and it has a value
3. the previous version is never the current one
"""

from collections.abc import Mapping, Sequence
from typing import Final

from keystead.secrets.errors import LimitReached, ParameterWrong, RemovalMissing, VersionNotFound
from keystead.secrets.secret import CURRENT, PENDING, PREVIOUS

LIMIT: Final = 20
"""Labels of a secret, on all its versions together (Secrets Manager user guide, quotas)."""

Labels = Mapping[str, str]
"""Label to version id."""


def after_put(labels: Labels, version: str, asked: Sequence[str] | None) -> Labels:
    """The version has just got its value. Raises LimitReached."""
    wanted = set(asked or (CURRENT,))
    if CURRENT not in labels:
        wanted.add(CURRENT)
    if CURRENT in wanted or labels.get(CURRENT) == version:
        wanted.discard(PREVIOUS)
    after = dict(labels)
    after.update(dict.fromkeys(wanted - {CURRENT}, version))
    if CURRENT in wanted:
        after = promoted(after, version)
    return bounded(after)


def promoted(labels: Labels, version: str) -> dict[str, str]:
    """AWSCURRENT goes to `version`; who had it becomes the previous one, and is pending no longer."""
    after = dict(labels)
    former = after.get(CURRENT)
    after[CURRENT] = version
    if former == version:
        return after
    if former is not None:
        after[PREVIOUS] = former
        if after.get(PENDING) == former:
            del after[PENDING]
    elif after.get(PREVIOUS) == version:
        del after[PREVIOUS]
    return after


def after_move(
    labels: Labels, label: str, move_to: str | None, remove_from: str | None, versions: Mapping[str, bool]
) -> Labels:
    """`versions`: every version of the secret, and whether it has a value.

    Raises VersionNotFound, RemovalMissing, ParameterWrong, LimitReached.
    """
    for version in (move_to, remove_from):
        if version is not None and version not in versions:
            raise VersionNotFound(version)
    holder = labels.get(label)
    check_removal(label, holder, move_to, remove_from)
    if move_to is None:
        return removed(labels, label)
    if move_to == holder:
        return labels
    if label == CURRENT:
        if not versions[move_to]:
            raise ParameterWrong(f"You can't move staging label {CURRENT} to version {move_to}, which has no value.")
        return promoted(labels, move_to)
    if label == PREVIOUS and labels.get(CURRENT) == move_to:
        raise ParameterWrong(f"You can't attach staging label {PREVIOUS} to the version that has {CURRENT}.")
    return bounded({**labels, label: move_to})


def check_removal(label: str, holder: str | None, move_to: str | None, remove_from: str | None) -> None:
    """A label that is somewhere leaves only the version that the caller says it is on."""
    if move_to is None and remove_from is None:
        raise ParameterWrong("You must specify MoveToVersionId, RemoveFromVersionId, or both.")
    if remove_from is None:
        if holder is not None and holder != move_to:
            raise RemovalMissing(label, holder)
        return
    if holder != remove_from:
        where = f"attached to version {holder}" if holder else "not attached to any version"
        raise ParameterWrong(f"Staging label {label} is currently {where}, not to version {remove_from}.")


def removed(labels: Labels, label: str) -> Labels:
    if label == CURRENT:
        raise ParameterWrong(f"You can't remove staging label {CURRENT} without moving it to another version.")
    return {name: version for name, version in labels.items() if name != label}


def bounded(labels: Labels) -> Labels:
    if len(labels) > LIMIT:
        raise LimitReached(f"A secret can have at most {LIMIT} staging labels.")
    return labels

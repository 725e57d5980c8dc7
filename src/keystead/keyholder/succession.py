"""Replaces the seal, and with it the root key if wanted, while a keyholder runs; no moment at which a crash loses anything.

    seal.json   old seal [root 1]
                  │  replace: one rename
                  ▼
                new seal [root 2, former: root 1]      opens what either root key sealed
                  │  reseal every sealed key, in any order and any number of attempts
                  │  drop_former: one rename, refused while a sealed key still needs root 1
                  ▼
                new seal [root 2]

Where several nodes share a database, every node gets the new seal (its seal file, and its key file if it has one) and a
restart of its keyholder before the first key is resealed: a keyholder that has only root 1 cannot load what lies under
root 2. A key that one of them seals under root 1 meanwhile opens as well.

A backup of the database from before needs root 1: its old seal belongs to it.
"""

from collections.abc import Iterable
from pathlib import Path

from keystead.keyholder import seals
from keystead.keyholder.errors import TokenInvalid
from keystead.keyholder.own_keys import OwnKeys
from keystead.keyholder.promise import SealedKey
from keystead.keyholder.seals import SEAL_FILE, Seal
from keystead.keyholder.secret_files import alone, remove, replace


class FormerRootNeeded(Exception):
    """Some sealed keys open only under a root key that was replaced; nothing was changed. `ids` names the keys."""

    def __init__(self, ids: tuple[str, ...]) -> None:
        super().__init__(", ".join(ids))
        self.ids = ids


def replace_seal(data: Path, old: Seal, new: Seal, *, same_root: bool = False) -> None:
    """Seal under `new` instead of `old`: a new root key, or the same one. The old key file stays until `drop_former`.

    A root key does not come out of a token or go into one: to or from a pkcs11 seal it must be a new one.
    Raises SealNotOpened, HsmLost; nothing has been changed then, but that a token may hold a key that nobody uses.
    """
    with alone(data):
        roots = seals.unseal(data, old)
        if not same_root:
            roots = new.new_root(), *roots
        replace(data / SEAL_FILE, seals.made(data, new, roots))


def drop_former(data: Path, seal: Seal, sealed: Iterable[SealedKey]) -> None:
    """Forget the root keys that were replaced, and old key files. `sealed` is everything that the database holds.

    A root key in a token stays there: older backups may need it.
    Raises FormerRootNeeded, TokenInvalid for a key that does not open at all, SealNotOpened, HsmLost.
    """
    with alone(data):
        root, *former = seals.unseal(data, seal)
        newest, any_root = OwnKeys((root,)), OwnKeys((root, *former))
        needed = tuple(key.id for key in sealed if any_root.open(key) and not _opens(newest, key))
        if needed:
            raise FormerRootNeeded(needed)
        if former:
            replace(data / SEAL_FILE, seals.made(data, seal, (root,)))
        _clear(data, seals.key_file(seals.load(data).id))


def _clear(data: Path, current: str) -> None:
    """All key files but the current one, and what a crash left of writing one or the seal file."""
    for pattern in (f"{seals.key_file('*')}*", f"{SEAL_FILE}.*"):
        for left in data.glob(pattern):
            if left.name != current:
                remove(left)


def _opens(own: OwnKeys, key: SealedKey) -> bool:
    try:
        own.open(key)
    except TokenInvalid:
        return False
    return True

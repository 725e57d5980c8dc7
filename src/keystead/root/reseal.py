"""Replaces what opens everything: another seal, and a new root key unless told otherwise.

    reseal    seal.json: old seal [root 1]  →  new seal [root 2, former: root 1]       one rename; all opens as before
              give every other node the new seal, and restart each node, one after another
    finish    every sealed key under root 2, this node's checkpoint key too; then root 1 and the old key file are forgotten
              once on each node

Between the two everything opens, whatever dies and whichever node has been restarted; either can be run again. A keyholder
that started under the old seal has only root 1: `finish` refuses while such a node serves this folder, and over a shared
database wants to be told of the others.

A backup opens with the seal that it was made under. For a new root key that seal must be kept as long as the backup.
"""

import fcntl
import os
from pathlib import Path
from typing import NamedTuple

import msgspec

from keystead.config import Installation, Settings
from keystead.database import sealed_keys
from keystead.database.engine import Transaction
from keystead.install import passphrase_of, reach_of
from keystead.keyholder import seals
from keystead.keyholder.promise import SealedKey
from keystead.keyholder.seals import Seal
from keystead.keyholder.succession import drop_former, replace_seal
from keystead.trail import disk, setup
from keystead.unsealed import Unsealed, unsealed


class FormerSealServes(Exception):
    """A node serves this folder that was started before the seal was replaced."""


class OtherNodes(Exception):
    """Other nodes may share the database, and nobody has said that they have the new seal."""


class Resealed(NamedTuple):
    """seal     id of the new one
    key_file  what opens it; None for a passphrase or a token
    former_key_file  what opened the one before, and opens backups made under it
    """

    seal: str
    kind: str
    key_file: Path | None
    former_key_file: Path | None
    former_kind: str


class Finished(NamedTuple):
    """resealed  keys that were under a former root key; formers  root keys that were forgotten"""

    resealed: int
    formers: int


async def reseal(settings: Settings, to: Seal, *, same_root: bool) -> Resealed:
    """Raises SealNotOpened, and what `unsealed` raises; then the old seal stands."""
    data = settings.folder
    async with unsealed(settings) as node:
        before = seals.load(data)
        asked = {"from": before.kind, "to": to.kind, "newRootKey": not same_root}
        await node.record("SealReplacementBegun", {**asked, "seal": str(before.id)})
        replace_seal(data, given(settings), to, same_root=same_root)
        after = seals.load(data)
        await node.record("SealReplaced", {**asked, "seal": str(after.id), "formerSeal": str(before.id)})
    return Resealed(str(after.id), after.kind, key_of(data, after), key_of(data, before), before.kind)


def given(settings: Settings) -> Seal:
    return seals.given(settings.folder, passphrase_of(settings), reach_of(settings))


def key_of(data: Path, file: seals.SealFile) -> Path | None:
    return data / seals.key_file(file.id) if file.kind == seals.FILE else None


async def finish(settings: Settings, *, all_nodes: bool) -> Finished:
    """Raises FormerSealServes, OtherNodes, FormerRootNeeded, SealNotOpened, and what `unsealed` raises."""
    data = settings.folder
    Installation.load(data)
    refuse_former_seal(data)
    async with unsealed(settings) as node:
        if node.database.shared and not all_nodes:
            raise OtherNodes
        resealed = await _reseal_keys(node)
        resealed += _reseal_checkpoint_key(node)
        async with node.database.write("root finish", announced=False) as tx:  # no key is added meanwhile
            sealed = [*await _sealed(tx), setup.sealed_key(data / "trail")]
            drop_former(data, given(settings), sealed)
            await node.note(
                tx, "FormerRootKeysDropped", {"dropped": node.seal.formers, "seal": str(seals.load(data).id)}
            )
    return Finished(resealed, node.seal.formers)


def refuse_former_seal(data: Path) -> None:
    """The supervisor that holds the lock has written into it under which seal it started (keystead.node.serving)."""
    try:
        descriptor = os.open(data / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        if os.pread(descriptor, 64, 0).decode() != str(seals.load(data).id):
            raise FormerSealServes from None
    finally:
        os.close(descriptor)


async def _reseal_keys(node: Unsealed) -> int:
    async with node.database.write("root finish", announced=False) as tx:
        moved = [(key, node.software.reseal(key)) for key in await _sealed(tx)]
        changed = [(before, after) for before, after in moved if after is not before]
        for before, after in changed:
            await sealed_keys.replace(tx, after, before.blob)
        await node.note(tx, "SealedKeysResealed", {"resealed": len(changed)})
    return len(changed)


def _reseal_checkpoint_key(node: Unsealed) -> int:
    folder = node.settings.folder / "trail"
    before = setup.sealed_key(folder)
    after = node.software.reseal(before)
    if after is before:
        return 0
    disk.replace(folder / setup.SEALED_KEY, msgspec.json.encode(after))
    return 1


async def _sealed(tx: Transaction) -> list[SealedKey]:
    return [SealedKey(*row) for row in await sealed_keys.load(tx.connection)]

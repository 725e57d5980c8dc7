"""A message sealed anew under other keys, in one pass: the only way to give a message other data keys.

The header's tag is AES-GCM under a fixed IV and the message's key, and it covers the wrapped keys. With other wrapped keys
and a new tag there would be two tags under one key and IV, and from two such headers the authentication key can be computed,
without any key: whoever has both can forge headers and frames. So wrapped keys are never replaced. A key that KMS rotated
opens what it sealed before; nothing has to be done then.
"""

import os
import threading
from collections.abc import Collection
from pathlib import Path

from keystead.envelope import files
from keystead.envelope.context import Context
from keystead.envelope.envelope import Envelope

WHY_NOT = (
    "The wrapped data keys of a message cannot be replaced: its header's tag covers them, and a second tag under the same key "
    "would let anybody forge it. After a rotation of the KMS key nothing has to be done. To move to another key, seal the "
    "message anew: --anew. Records and their keys are moved in place: --database."
)


def reseal(
    old: Envelope, new: Envelope, source: Path, target: Path, context: Context, required: Collection[str] = ()
) -> int:
    """Open with the one and seal with the other; the bytes of plaintext. It appears when all of the old one is verified."""
    outgoing, incoming = os.pipe()
    failed: list[BaseException] = []

    def open_all(message: files.Source) -> None:
        try:
            with os.fdopen(incoming, "wb") as sink:
                old.decrypt_stream(
                    _Forwards(message), sink, context, before_signature=True
                )  # not committed before its end
        except BaseException as error:  # noqa: BLE001  # raised by the other thread, below
            failed.append(error)

    with files.Source(source) as message, files.Target(target, like=message) as output:
        thread = threading.Thread(target=open_all, args=(message,))
        thread.start()
        try:
            with os.fdopen(outgoing, "rb") as plain:
                size = new.encrypt_stream(plain, output, context, required=required)
        finally:
            thread.join()
        if failed:
            raise failed[0]
        output.commit()
        return size


class _Forwards:
    """A file read from its beginning."""

    def __init__(self, source: files.Source) -> None:
        self._source = source
        self._at = 0

    def read(self, size: int, /) -> bytes:
        piece = self._source.read_at(self._at, size)
        self._at += len(piece)
        return piece

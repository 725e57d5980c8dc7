"""What a message says of itself, for people and programs: its header and its size. None of it is verified."""

import sys
from pathlib import Path
from typing import Any, Final

from keystead.envelope.errors import EnvelopeFault
from keystead.envelope.header import Header
from keystead.envelope.keyrings import split
from keystead.envelope.limits import LIMITS
from keystead.envelope.ranges import Stored, StoredBytes, StoredFile, header_of, layout_of
from keystead.envelope.suites import Suite

PIPED_MAX: Final = 1024 * 1024


def facts(source: str) -> dict[str, Any]:
    """Of a file, or of a pipe's beginning. Raises Truncated, Malformed, LimitExceeded, OSError."""
    if source == "-":
        return _facts(StoredBytes(sys.stdin.buffer.read(PIPED_MAX)), whole=False)
    with StoredFile(Path(source)) as stored:
        return _facts(stored, whole=True)


def _facts(stored: Stored, *, whole: bool) -> dict[str, Any]:
    header = header_of(stored, LIMITS)
    known: dict[str, Any] = {
        "version": str(header.suite.version),
        "suite": described(header.suite),
        "message id": header.message_id.hex(),
        "context": dict(sorted(header.context.items())) or "none",
        "wrapped keys": [wrapped(header, number) for number in range(len(header.wrapped_keys))],
        "header bytes": header.length,
        "frame bytes": header.frame_length or "in one piece",
    }
    return {**known, **_sizes(stored, header)} if whole and header.framed else known


def _sizes(stored: Stored, header: Header) -> dict[str, Any]:
    try:
        layout = layout_of(stored, header)
    except EnvelopeFault as fault:
        return {"body": str(fault)}
    return {"frames": layout.full + 1, "plaintext bytes": layout.size, "message bytes": stored.size}


def described(suite: Suite) -> str:
    parts = [f"{suite}: AES-{8 * suite.key_length}-GCM", f"HKDF-{suite.kdf.upper()}" if suite.kdf else "no derivation"]
    parts.append("committed" if suite.committed else "not committed")
    return ", ".join((*parts, f"ECDSA {suite.curve}")) if suite.curve else ", ".join(parts)


def wrapped(header: Header, number: int) -> str:
    """Provider and whose key; the infos of raw AES and of shares are binary."""
    key = header.wrapped_keys[number]
    told = split.descriptor(key.info) if key.provider == split.PROVIDER else None
    if told is not None:
        return f"{key.provider}  share {told.share}, {told.needed} of {told.total} needed  {told.key_id}"
    name = key.info.partition(b"\0")[0].decode(errors="replace")
    return f"{key.provider}  {name if name.isprintable() else key.info.hex()}"

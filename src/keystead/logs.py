"""One form for every line that any process of a node logs.

    text    2026-11-24T05:37:06.123Z info    worker-1: unforeseen service=kms error=ValueError       on a terminal
    json    {"time":"2026-11-24T05:37:06.123Z","level":"info","process":"worker-1","event":"unforeseen","service":"kms"}
    plain   keyholder: ready                                  a process that somebody starts by hand, without the supervisor

What is logged is chosen where it is logged: never a key, a token, a plaintext, a header, or text that a caller sent. What libraries
log, and the traceback of a process that ends, may hold any of these: of such only the kind and the place are told.

The keyholder, the recorder and the supervisor say a line or two themselves; the others log with structlog (keystead.log_setup).
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Final

FORMS: Final = ("text", "json", "plain")
_form = "plain"
_process = ""


def chosen(wanted: str) -> str:
    """What `--log-format` comes to: as it says, else text on a terminal and JSON elsewhere."""
    return wanted or ("text" if sys.stderr.isatty() else "json")


def name_process(process: str, form: str) -> None:
    """The form of this process's lines, and its name in them. Raises KeyError for no such form."""
    global _form, _process  # a process has one standard error
    if form not in FORMS:
        raise KeyError(form)
    _form, _process = form, process
    sys.excepthook = last_words


def say(process: str, event: str, level: str = "info") -> None:
    """One line on standard error, for the operator."""
    write({"level": level, "event": event}, process)


def rendered(_: object, __: str, fields: MutableMapping[str, Any]) -> str:
    """The last of the processors."""
    return line(fields, _process)


def write(fields: Mapping[str, Any], process: str = "") -> None:
    with suppress(OSError):
        sys.stderr.write(line(fields, process or _process) + "\n")
        sys.stderr.flush()


def line(fields: Mapping[str, Any], process: str) -> str:
    more = {name: value for name, value in fields.items() if name not in {"level", "event"}}
    level, event = str(fields.get("level", "info")), str(fields["event"])
    if _form == "json":
        head = {"time": stamp(time.time()), "level": level, "process": process, "event": event}
        return json.dumps({**head, **{f"{name}_" if name in head else name: more[name] for name in more}}, default=str)
    said = " ".join((f"{process}: {one_line(event)}", *(f"{name}={quoted(value)}" for name, value in more.items())))
    return said if _form == "plain" else f"{stamp(time.time())} {level:7} {said}"


def stamp(at: float) -> str:
    """RFC 3339, UTC, milliseconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03}Z"


def one_line(text: str) -> str:
    return text if text.isprintable() else json.dumps(text)


def quoted(value: object) -> str:
    text = str(value)
    return text if text and " " not in text and '"' not in text and text.isprintable() else json.dumps(text)


def last_words(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """sys.excepthook: why the process ends, without the error's words."""
    if not issubclass(kind, KeyboardInterrupt):
        write({"level": "error", "event": "the process failed", **described(error, traceback)})


def described(error: BaseException, traceback: TracebackType | None = None) -> dict[str, str]:
    """What the log may say of an error: its kind and its place. Its words, and the values at that place, may hold
    what the caller sent.
    """
    found = places(traceback or error.__traceback__)
    return {"error": type(error).__name__, "at": " < ".join(reversed(list(found)))}


def places(traceback: TracebackType | None) -> Iterator[str]:
    while traceback is not None:
        code = traceback.tb_frame.f_code
        yield f"{os.path.basename(code.co_filename)}:{traceback.tb_lineno} {code.co_name}"  # noqa: PTH119  # a name, not a path
        traceback = traceback.tb_next

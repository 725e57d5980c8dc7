"""What the verbs of the envelope say, without loading what the other verbs need for that."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Never


@contextmanager
def told() -> Iterator[None]:
    """Whatever the room can raise becomes one line and an exit status."""
    from keystead.envelope.errors import EnvelopeFault
    from keystead.envelope.service.profile import NoRegion

    try:
        yield
    except BrokenPipeError:
        raise SystemExit(1) from None
    except (EnvelopeFault, NoRegion, ValueError) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or ''}: {error.strerror or type(error).__name__}".removeprefix(": "))
    except Exception as error:
        if not type(error).__module__.startswith("botocore"):
            raise
        fail(str(error))


def show(facts: Mapping[str, Any], output: str) -> None:
    """Text for people, JSON for programs."""
    if output == "json":
        import json

        sys.stdout.write(json.dumps(facts, indent=2) + "\n")
        return
    for name, value in facts.items():
        if isinstance(value, Mapping):
            width = max(map(len, value))
            lines = [f"  {one:<{width}}  {_shown(held)}" for one, held in value.items()]
            sys.stdout.write("\n".join((name, *lines)) + "\n")
        else:
            for held in value if isinstance(value, list) else (value,):
                sys.stdout.write(f"{name:<18}{_shown(held)}\n")


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def say(text: str) -> None:
    """To people, beside the output."""
    sys.stderr.write(text + "\n")


def fail(text: str, status: int = 1) -> Never:
    say(text)
    raise SystemExit(status)

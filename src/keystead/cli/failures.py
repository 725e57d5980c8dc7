"""What can go wrong when a data folder, a log or a database is read, in the operator's words."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from keystead.cli.output import fail
from keystead.database.errors import DatabaseLost
from keystead.trail.errors import LogDamaged, LogMissing

INSTALLATION: Final = "keystead.json"


@contextmanager
def told() -> Iterator[None]:
    """Ends with the words and status 1."""
    try:
        yield
    except FileExistsError as exists:
        fail(f"{exists} exists; nothing was changed.")
    except FileNotFoundError as missing:
        path = Path(str(missing.filename))
        fail(f"There is no installation in {path.parent}." if path.name == INSTALLATION else f"{path} is not there.")
    except (LogMissing, LogDamaged) as damaged:
        fail(f"The log is missing or damaged ({damaged or 'no log'}): see keystead trail verify.")
    except KeyError:
        fail("A database URL begins with sqlite: or postgresql:")
    except (DatabaseLost, ValueError) as failed:
        fail(str(failed))

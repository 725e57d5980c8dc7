"""What can happen to a database while it is used."""


class DatabaseLost(Exception):
    """The database cannot be reached or cannot take this now; the same call may succeed later. Nothing is known to be wrong.

    After a commit that ended so, the transaction may have happened or not.

    reason  the driver's code or the error's type; never an address, a statement or a value
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"The database cannot be used just now ({reason}).")
        self.reason = reason


class DatabaseNotEmpty(Exception):
    """There are tables where there should be none; nothing was changed."""


class Fenced(Exception):
    """The lease is over or another holder's: what was to be written under it was not written."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Unannounced(RuntimeError):
    """A transaction wrote and named nothing as changed: caches would go stale. A defect of the caller; rolled back."""


class Unvouched(RuntimeError):
    """A transaction was to prove what it writes, and nobody was named who could. A defect of whoever opened the database; rolled back."""

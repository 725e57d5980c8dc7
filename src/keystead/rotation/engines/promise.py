"""What every kind of database promises to rotation. Each method opens a connection of its own and may be repeated.

`admin` is who acts: an administrator, or the user itself where the secret names none. All raise TargetLost when the server is
out of reach, LoginRefused when the one who acts is not let in, and TargetRefused when the server will not.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from keystead.rotation.credential import Credential


class Session(NamedTuple):
    """Connections that are open on a user, from one place."""

    address: str
    application: str
    connections: int


class Engine(Protocol):
    """two_passwords  one user can have an old and a new password at the same time
    own_clock      the server can be told to refuse a user from a moment on, and does so without being reminded
    """

    @property
    def two_passwords(self) -> bool: ...
    @property
    def own_clock(self) -> bool: ...

    async def login(self, who: Credential) -> None:
        """Returns when the server lets them in."""

    async def change(self, admin: Credential, new: Credential, kept: Credential | None) -> None:
        """The user's password is the new one from now on; that of `kept`, the same user's, goes on working beside it."""

    async def ready_alternate(self, admin: Credential, new: Credential, like: str) -> None:
        """The user `new` is there, may do what the user `like` may, and has this password and no other, for ever."""

    async def mark(self, admin: Credential) -> int:
        """A number that tells connections made before now from those made later."""

    async def limit(self, admin: Credential, old: Credential, deadline: float) -> None:
        """The server refuses the user `old` after the deadline, seconds since the epoch. Only with own_clock."""

    async def revoke(self, admin: Credential, old: Credential, current: Credential) -> None:
        """`old` is refused from now on; `current` is not. They may be one user with two passwords."""

    async def sessions(self, admin: Credential, old: Credential, before: int | None) -> Sequence[Session]:
        """Connections open on the user, that were there at the mark `before` where one is given."""

    async def terminate(self, admin: Credential, old: Credential, before: int | None) -> None:
        """End them."""

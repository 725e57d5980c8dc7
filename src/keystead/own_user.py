"""Whether the process at the other end of a socket of this machine runs as this user."""

import os
import socket
import struct
from typing import Final

OWN_USER: Final = os.getuid()
"""Asked once: getuid is not among the system calls of a started keyholder."""


def is_own_user(connection: socket.socket) -> bool:
    """By SO_PEERCRED (unix(7))."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", credentials)
    return bool(user == OWN_USER)

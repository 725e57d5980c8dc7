"""What the supervisor tells a process that holds a house of its part in a node."""

import msgspec

from keystead.config import Settings


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Handed over on standard input, as JSON.

    slot      this process's place in the change counter; the scheduler's is 0
    slots     of how many; 0 for a process that has no place there and is not measured, because it ends before others begin
    listener  of a worker, for its clients; of the scheduler, for scrapers of metrics; -1 for none
    published  of the scheduler, for readers of the tree; -1 for none
    endpoint  of the rotator: where clients on this machine find the node
    ready     descriptor on which to say that the process serves; -1 for none
    """

    settings: Settings
    runtime: str
    slot: int = 0
    slots: int = 0
    listener: int = -1
    published: int = -1
    ready: int = -1
    endpoint: str = ""

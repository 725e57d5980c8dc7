"""Whose events are those of the log itself: started, cut, clock stepped, disk full."""

from functools import partial
from pathlib import Path
from typing import Final

from keystead.config import Installation
from keystead.trail.event import internal_event
from keystead.trail.log import Describe

NOBODY: Final = ("000000000000", "us-east-1")
"""Where there is no installation."""


def describing(data: Path) -> Describe:
    """Events of the log itself belong to the installation's first account, and to its home Region."""
    try:
        installation = Installation.load(data)
        account, region = installation.account, installation.region
    except FileNotFoundError:
        account, region = NOBODY
    return partial(internal_event, account=account, region=region)

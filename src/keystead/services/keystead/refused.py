"""What the own model has and is not served, and why: nothing."""

from typing import Final

REFUSED: Final[dict[str, str]] = {}

"""What of Secrets Manager's model is known and not served, with the reason: nothing."""

from collections.abc import Mapping
from typing import Final

REFUSED: Final[Mapping[str, str]] = {}

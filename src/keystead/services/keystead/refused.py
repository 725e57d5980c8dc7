"""What the own model has and is not served, and why."""

from typing import Final

LATER: Final = "not served yet"

REFUSED: Final = dict.fromkeys(("GetKeyBlastRadius", "GetPrincipalBlastRadius", "ListOverdue"), LATER)

"""The arithmetic of envelope encryption for so much data: keys, calls, time, and what each compromised key exposes.

All of it follows from the sizes given; nothing is measured here but what is passed in.
"""

from dataclasses import dataclass
from typing import Any, Final

from keystead.envelope.frames import FRAME_OVERHEAD, LAST_OVERHEAD

UNITS: Final = {"": 1, "B": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18}
DAY: Final = 86_400
YEAR: Final = 365 * DAY
HEADER: Final = 700
"""A header with one data key wrapped by KMS and a few pairs of context, with its tag (measured: 450 to 800)."""
GCM_MESSAGES: Final = 2**32


def size_of(text: str) -> int:
    """750PB, 4MiB, 512: powers of 1000, or of 1024 with an i. Raises ValueError."""
    cleaned = text.strip().upper().removesuffix("B")
    binary = cleaned.endswith("I")
    cleaned = cleaned.removesuffix("I")
    unit = cleaned[-1:] if cleaned[-1:] in UNITS and not cleaned[-1:].isdigit() else ""
    number = float(cleaned.removesuffix(unit))
    if not 0 < number < 1e30:  # neither nan nor inf
        raise ValueError(f"{text} is not a size.")
    scale = UNITS[unit]
    if binary:
        scale = 1024 ** (len(str(UNITS[unit])) // 3)
    return round(number * scale)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be sealed, and how.

    total             bytes in all                         branches       branch keys: tenants or prefixes
    object_size       bytes of one object, on average      branch_ttl     seconds that one is kept opened
    frame             bytes of one frame                   processes      that seal and open
    written_per_year  bytes sealed anew each year          rotation       days between two versions of a branch key
    kms_rate          calls a second that the key service answers
    core_rate         bytes a second that one core seals
    """

    total: int
    object_size: int
    frame: int
    written_per_year: int
    branches: int
    branch_ttl: int
    processes: int
    rotation: int
    kms_rate: int
    core_rate: int

    @property
    def objects(self) -> int:
        return -(-self.total // self.object_size)

    @property
    def versions(self) -> int:
        """Of each branch key, by the time that all of it has been written."""
        return max(1, round(self.total / self.written_per_year * 365 / self.rotation))

    def facts(self) -> dict[str, dict[str, Any]]:
        """By chapter, by name."""
        return {
            "data": self._data(),
            "key calls": self._calls(),
            "after a rotation": self._rotation(),
            "exposed": self._exposed(),
        }

    def _data(self) -> dict[str, Any]:
        frames = max(1, -(-self.object_size // self.frame))
        over = HEADER + (frames - 1) * FRAME_OVERHEAD + LAST_OVERHEAD
        return {
            "objects": self.objects,
            "data keys, one for each object": self.objects,
            "frames to an object": frames,
            "overhead, bytes an object": over,
            "overhead, percent": round(100 * over / self.object_size, 4),
            "core years to seal it all": round(self.total / self.core_rate / YEAR, 2),
        }

    def _calls(self) -> dict[str, Any]:
        yearly = -(-self.written_per_year // self.object_size)
        direct = self.objects
        opened = min(self.branches * self.processes * (YEAR // self.branch_ttl), yearly)
        made = self.branches * 2 * max(1, 365 // self.rotation)
        return {
            "to seal it all, a key call for each object": direct,
            "of that, days at the service's rate": round(direct / self.kms_rate / DAY, 1),
            "objects written a year": yearly,
            "key calls a year for them, branch keys": opened + made,
            "objects to a key call": round(yearly / (opened + made)),
            "key calls a second on average": round((opened + made) / YEAR, 3),
        }

    def _rotation(self) -> dict[str, Any]:
        return {
            "key service rotates its material: rewrapped": 0,
            "versions of branch keys wrapped anew, if its material was compromised": self.branches * self.versions,
            "seconds for that": round(2 * self.branches * self.versions / self.kms_rate, 1),
            "data keys rewrapped if every object had its own key call": self.objects,
            "days for that": round(self.objects * 2 / self.kms_rate / DAY, 1),
            "core years to seal all payload anew": round(2 * self.total / self.core_rate / YEAR, 2),
        }

    def _exposed(self) -> dict[str, Any]:
        versions = self.versions
        per_version = self.total / self.branches / versions
        return {
            "by one data key, bytes": self.object_size,
            "by one version of a branch key, bytes": round(per_version),
            "by one version of a branch key, share": f"1 : {self.branches * versions}",
            "by the key service's key, with the store of branch keys, bytes": self.total,
            "by one custodian of a split key, bytes": 0,
            "wraps to a branch key version": -(-self.objects // (self.branches * versions)),
            "wraps that are safe, two alike at odds of 2^-32": 2**96,
        }

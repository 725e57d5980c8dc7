"""Where identities lie, and the rules that hold whenever they change: uniqueness, quotas, what must go first."""

from keystead.identities.store import tables

__all__ = ["tables"]

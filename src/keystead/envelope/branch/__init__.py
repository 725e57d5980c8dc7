"""Branch keys: one for each tenant or prefix, kept wrapped by KMS in a table, wrapping data keys locally."""

from keystead.envelope.branch.keyring import BranchKeyring
from keystead.envelope.branch.keys import BranchKey, BranchKeys
from keystead.envelope.branch.rows import BranchRow, BranchRows, MemoryRows

__all__ = ["BranchKey", "BranchKeyring", "BranchKeys", "BranchRow", "BranchRows", "MemoryRows"]

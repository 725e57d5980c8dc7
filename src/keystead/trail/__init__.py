"""The audit trail: events, the append-only log, its Merkle tree and signed checkpoints, and their verification."""

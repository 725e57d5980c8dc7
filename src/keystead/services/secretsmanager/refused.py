"""What of Secrets Manager's model is known and not served, with the reason."""

from typing import Final

ACCOUNTS: Final = "replication to another account is not served yet"

REFUSED: Final = {
    **dict.fromkeys(
        ("AssociateCrossAccountReplica", "DisassociateCrossAccountReplica", "CreateSecret.CrossAccountPrimaryARN"),
        ACCOUNTS,
    ),
}

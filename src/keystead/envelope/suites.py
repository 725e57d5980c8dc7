"""The algorithm suites of the AWS Encryption SDK, and which of them a commitment policy lets pass."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from keystead.envelope.errors import Malformed, PolicyRefused

IV_LENGTH: Final = 12
TAG_LENGTH: Final = 16
COMMITMENT_LENGTH: Final = 32


@dataclass(frozen=True, slots=True)
class Suite:
    """One row of the table. All are AES-GCM with a 12 byte IV and a 16 byte tag.

    kdf    the hash of HKDF; None where the data key is used as it is
    curve  of the signature; None where there is none. Its hash is SHA-256 for P-256, SHA-384 for P-384
    """

    id: int
    version: int
    key_length: int
    kdf: str | None
    committed: bool
    curve: str | None

    @property
    def signed(self) -> bool:
        return self.curve is not None

    @property
    def message_id_length(self) -> int:
        return 32 if self.version == 2 else 16

    def __str__(self) -> str:
        return f"0x{self.id:04X}"


SUITES: Final = {
    row.id: row
    for row in (
        #     id      version  key  kdf       commits  curve          source: AWS Encryption SDK, algorithms reference
        Suite(0x0014, 1,       16,  None,     False,   None),
        Suite(0x0046, 1,       24,  None,     False,   None),
        Suite(0x0078, 1,       32,  None,     False,   None),
        Suite(0x0114, 1,       16,  "sha256", False,   None),
        Suite(0x0146, 1,       24,  "sha256", False,   None),
        Suite(0x0178, 1,       32,  "sha256", False,   None),
        Suite(0x0214, 1,       16,  "sha256", False,   "P-256"),
        Suite(0x0346, 1,       24,  "sha384", False,   "P-384"),
        Suite(0x0378, 1,       32,  "sha384", False,   "P-384"),
        Suite(0x0478, 2,       32,  "sha512", True,    None),
        Suite(0x0578, 2,       32,  "sha512", True,    "P-384"),
    )
}  # fmt: skip

COMMITTED: Final = SUITES[0x0478]
"""The default: authorship is the key service's matter, and signing costs more than all the rest."""
COMMITTED_SIGNED: Final = SUITES[0x0578]
"""For readers who hold the data key but must not be able to write in the writer's name."""
WRITABLE: Final = (COMMITTED, COMMITTED_SIGNED)


class CommitmentPolicy(Enum):
    """Which suites are opened. We write none that does not commit."""

    REQUIRE_ENCRYPT_ALLOW_DECRYPT = "require-encrypt-allow-decrypt"
    REQUIRE_ENCRYPT_REQUIRE_DECRYPT = "require-encrypt-require-decrypt"

    def check_open(self, suite: Suite) -> None:
        """Raises PolicyRefused: under a key that is not committed to, one message can have two plaintexts."""
        if self is CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT and not suite.committed:
            raise PolicyRefused(f"Suite {suite} does not commit to its key, and the commitment policy requires that.")


def check_write(suite: Suite) -> None:
    """Raises PolicyRefused for all but the two that commit."""
    if suite not in WRITABLE:
        raise PolicyRefused(f"Suite {suite} is only read, never written.")


def suite_of(number: int, version: int) -> Suite:
    """Raises Malformed for a suite that does not exist or belongs to the other version of the format."""
    suite = SUITES.get(number)
    if suite is None:
        raise Malformed(f"There is no algorithm suite 0x{number:04X}.")
    if suite.version != version:
        raise Malformed(f"Suite {suite} does not belong into a message of version {version}.")
    return suite

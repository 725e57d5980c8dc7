"""The seal whose root key is made in a token and stays there."""

from dataclasses import dataclass, field

from keystead.keyholder.hsm import OBJECT_LENGTH, MakeKey
from keystead.keyholder.reach import InHsm, Reach, ask
from keystead.keyholder.sealing import urandom
from keystead.keyholder.seals.seal_file import PKCS11


@dataclass(frozen=True, slots=True)
class Pkcs11Seal:
    """The root key is in a token. `hsm` is its name in the HSM file."""

    hsm: str
    reach: Reach = field(repr=False, compare=False)
    kind = PKCS11

    def new_root(self) -> InHsm:
        root = InHsm(self.hsm, urandom(OBJECT_LENGTH), self.reach)
        ask(self.reach.module, MakeKey(self.hsm, root.object, "keystead root key"))
        return root

"""The hazardous implementation: material in the clear, in the memory of whichever process runs this.

Each method is one of keyholder.promise.Keyholder, synchronous. It trusts no caller: tokens prove what they are bound to,
the spec says what the material may be used for, and sizes are checked here whatever was checked before.
"""

from keystead.keyholder.software.hsm_material import HsmMaterial
from keystead.keyholder.software.key_material import KeyMaterial
from keystead.keyholder.software.markers import Markers
from keystead.keyholder.software.own import Own
from keystead.keyholder.software.request_secrets import RequestSecrets
from keystead.keyholder.software.signatures import Signatures
from keystead.keyholder.software.values import Values


class Software(KeyMaterial, HsmMaterial, Values, Signatures, RequestSecrets, Markers, Own):
    """Implements the promise with the processor, and for what is in a hardware security module with that.

    The root keys, newest first, must have come from a seal, and `reach` with them.
    """

    def __repr__(self) -> str:
        return "Software()"

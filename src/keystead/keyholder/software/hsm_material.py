"""Material that is made in a hardware security module and stays there, and the ways to the module."""

from contextlib import suppress

from keystead.keyholder.errors import HsmLost, KeyholderError, RequestRefused
from keystead.keyholder.hsm import OBJECT_LENGTH, Connect, DestroyKey, Look, MakeKey, Random
from keystead.keyholder.hsm_file import NAME as HSM_NAME
from keystead.keyholder.materials import name
from keystead.keyholder.promise import Material
from keystead.keyholder.reach import InHsm, Steps
from keystead.keyholder.sealing import CIPHERTEXT, NONCE_LENGTH, urandom, wipe
from keystead.keyholder.software.checks import DATA_KEY_LIMIT, for_recipient
from keystead.keyholder.software.holding import Holding
from keystead.keyholder.software.request_secrets import secret_of


class HsmMaterial(Holding):
    """Every step is somebody else's to take: nobody waits here for a module."""

    def create_hsm_material(self, key_id: str, hsm: str) -> Steps[Material]:
        """Nothing is left in the token when it fails, if that can be helped."""
        name(key_id)
        self._own.newest_domain()  # first: what is missed is loaded, and this begins again
        self._own.identifier()
        key = InHsm(of_hsm(hsm), urandom(OBJECT_LENGTH), self.reach)
        yield MakeKey(hsm, key.object, f"keystead {key_id}")
        try:
            yield key.ask(CIPHERTEXT, urandom(NONCE_LENGTH))  # it can be used
            return self._materials.referring(key_id, key)
        except KeyholderError:
            with suppress(KeyholderError):
                yield DestroyKey(hsm, key.object)
            raise

    def destroy_hsm_material(self, material: Material) -> Steps[None]:
        key = self._materials.in_hsm(material)
        self._materials.forget(material.key_id)
        if key is not None:
            yield DestroyKey(key.hsm, key.object)

    def connect_hsm(self, hsm: str, password: bytes, binding: str) -> Steps[str]:
        opened = self._materials.unwrap(secret_of(binding), password)
        code = yield Connect(of_hsm(hsm), opened)
        wipe(opened)
        return code.decode("ascii", "replace")

    def look_hsm(self, hsm: str) -> Steps[None]:
        yield Look(of_hsm(hsm))

    def hsm_random(self, hsm: str, length: int, recipient: bytes = b"") -> Steps[bytes]:
        if not 1 <= length <= DATA_KEY_LIMIT:
            raise RequestRefused
        found = yield Random(of_hsm(hsm), length)
        if len(found) != length:
            raise HsmLost
        return for_recipient(recipient, found) if recipient else found


def of_hsm(named: str) -> str:
    """Raises RequestRefused for what cannot be a name in the HSM file."""
    if not HSM_NAME.fullmatch(named):
        raise RequestRefused
    return named

"""Key material between its token and its use: made, taken from outside, unwrapped, and kept open for a while.

Tokens prove what they are bound to. A key spec that leaves a choice of usage has the usage bound with it, so that a key made
to sign never decrypts, whoever asks.
"""

from typing import Final

from keystead.keyholder import tokens
from keystead.keyholder.algorithms.specs import SPECS, Spec
from keystead.keyholder.algorithms.working_key import WorkingKey
from keystead.keyholder.ciphertext import utf8
from keystead.keyholder.errors import RequestRefused, TokenInvalid
from keystead.keyholder.opened import Opened, OpenedMaterials
from keystead.keyholder.own_keys import OwnKeys
from keystead.keyholder.promise import ENCRYPT_DECRYPT, SYMMETRIC_DEFAULT, Material
from keystead.keyholder.reach import InHsm, Reach
from keystead.keyholder.sealing import KEY_LENGTH, Key, wipe
from keystead.keyholder.tokens import Binding

TOKEN_LIMIT: Final = 4096
NAME_LIMIT: Final = 256
"""Bytes of a key id, an access key id, a date, a Region or a service name; the longest in AWS's models is 256."""


class Materials:
    """Holds secrets: no part of it may leave this process."""

    def __init__(self, own: OwnKeys, reach: Reach) -> None:
        self._own = own
        self._reach = reach
        self._symmetric: OpenedMaterials[Opened] = OpenedMaterials()
        self._working: OpenedMaterials[WorkingKey] = OpenedMaterials()

    def __repr__(self) -> str:
        return f"Materials({len(self._symmetric) + len(self._working)} opened)"

    def wrapped(self, key_id: str, spec: str, usage: str, secret: bytes) -> Material:
        """A token for material that `generate` or `take` gave. The secret is wiped once it is in the token."""
        name(key_id)
        of_spec(spec, usage)
        material_id = tokens.material_id(self._own, key_id, secret)
        token = tokens.wrap(self._own, binding(key_id, material_id, spec, usage), secret)
        wipe(secret)
        return Material(key_id, material_id, spec, token, usage)

    def referring(self, key_id: str, key: InHsm) -> Material:
        """A token for material that is in a hardware security module."""
        reference = key.reference()
        material_id = tokens.material_id(self._own, name(key_id).decode(), reference)
        bound = binding(key_id, material_id, SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT)
        token = tokens.wrap(self._own, bound, reference, tokens.REFERENCE)
        return Material(key_id, material_id, SYMMETRIC_DEFAULT, token)

    def in_hsm(self, material: Material) -> InHsm | None:
        """Where the material is, if it is in a hardware security module."""
        key = self.symmetric(material).material
        return key if isinstance(key, InHsm) else None

    def rewrap(self, material: Material) -> Material:
        bound = of_material(material)
        secret = self.unwrap(bound, material.token)
        token = tokens.wrap(self._own, bound, secret, material.token[:1])
        wipe(secret)
        return Material(material.key_id, material.material_id, material.spec, token, material.usage)

    def symmetric(self, material: Material) -> Opened:
        """Material of a symmetric key, opened."""
        return self._symmetric.get(material) or self._open_symmetric(material)

    def working(self, material: Material, usage: str) -> WorkingKey:
        """Material of any other key, opened, if it was made for this usage."""
        if material.usage != usage or material.spec == SYMMETRIC_DEFAULT:
            raise RequestRefused
        return self._working.get(material) or self._open_working(material)

    def unwrap(self, bound: Binding, token: bytes) -> bytes:
        if len(token) > TOKEN_LIMIT:
            raise RequestRefused
        return tokens.unwrap(self._own, bound, token)

    def forget(self, key_id: str) -> None:
        self._symmetric.forget(key_id)
        self._working.forget(key_id)

    def age(self) -> None:
        self._symmetric.age()
        self._working.age()

    def _open_symmetric(self, material: Material) -> Opened:
        if material.spec != SYMMETRIC_DEFAULT or material.usage != ENCRYPT_DECRYPT:
            raise RequestRefused
        secret = self.unwrap(of_material(material), material.token)
        opened = Opened(material, self._key_of(material.token, secret))
        self._symmetric.keep(material, opened)
        return opened

    def _key_of(self, token: bytes, secret: bytes) -> Key:
        try:
            key = InHsm.from_reference(secret, self._reach) if token[:1] == tokens.REFERENCE else secret
        except ValueError:
            raise TokenInvalid from None
        if isinstance(key, bytes) and len(key) != KEY_LENGTH:
            raise TokenInvalid
        return key

    def _open_working(self, material: Material) -> WorkingKey:
        family = of_spec(material.spec, material.usage).family
        if material.token[:1] == tokens.REFERENCE:
            raise RequestRefused
        secret = self.unwrap(of_material(material), material.token)
        try:
            opened = family.open(secret)
        except ValueError:
            raise TokenInvalid from None
        self._working.keep(material, opened)
        return opened


def of_spec(spec: str, usage: str) -> Spec:
    """Raises RequestRefused for what is not made here."""
    known = SPECS.get(spec)
    if known is None or usage not in known.usages:
        raise RequestRefused
    return known


def generate(spec: str) -> bytes:
    """New material of this spec. Touches nothing else: the slow ones are made on another thread. Raises RequestRefused."""
    known = SPECS.get(spec)
    if known is None:
        raise RequestRefused
    return known.family.generate()


def generate_pair(spec: str) -> bytes:
    """A new private key that may be given out as a data key pair. Raises RequestRefused."""
    known = SPECS.get(spec)
    if known is None or not known.pair:
        raise RequestRefused
    return known.family.generate()


def of_material(material: Material) -> Binding:
    return binding(material.key_id, material.material_id, material.spec, material.usage)


def binding(key_id: str, material_id: str, spec: str, usage: str) -> Binding:
    return Binding(key_id, material_id, spec if spec == SYMMETRIC_DEFAULT else f"{spec} {usage}")


def name(text: str) -> bytes:
    """Raises RequestRefused."""
    encoded = utf8(text)
    if not 1 <= len(encoded) <= NAME_LIMIT:
        raise RequestRefused
    return encoded

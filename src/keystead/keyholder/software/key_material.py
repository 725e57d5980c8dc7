"""Material of keys: made here, taken from elsewhere, wrapped anew, forgotten. `made` is what `generate` gave on another thread."""

from keystead.keyholder import importing
from keystead.keyholder.algorithms.specs import SPECS
from keystead.keyholder.errors import RequestRefused
from keystead.keyholder.materials import generate, of_spec
from keystead.keyholder.promise import ENCRYPT_DECRYPT, Material, WrappingKey
from keystead.keyholder.software.holding import Holding


class KeyMaterial(Holding):
    """Makes material, and nothing with it."""

    def is_slow(self, spec: str) -> bool:
        """Whether material of this spec is better made by `generate` on another thread, and handed in as `made`."""
        return spec in SPECS and SPECS[spec].slow

    def generate(self, spec: str) -> bytes:
        """Safe on any thread."""
        return generate(spec)

    def create_material(
        self, key_id: str, spec: str, usage: str = ENCRYPT_DECRYPT, made: bytes | None = None
    ) -> Material:
        of_spec(spec, usage)
        return self._materials.wrapped(key_id, spec, usage, made or generate(spec))

    def take_material(self, key_id: str, spec: str, usage: str, given: bytes) -> Material:
        """Material made elsewhere: PKCS #8 in DER, or the secret bytes. Raises MaterialWrong."""
        return self._materials.wrapped(key_id, spec, usage, of_spec(spec, usage).family.take(given))

    def wrapping_key(
        self, arn: str, spec: str, wrapping_spec: str, algorithm: str, made: bytes | None = None
    ) -> WrappingKey:
        if spec not in SPECS or wrapping_spec not in importing.WRAPPING_SPECS:
            raise RequestRefused
        private = made or generate(wrapping_spec)
        return importing.make(self._own, arn, spec, algorithm, private, self._clock())

    def import_material(self, arn: str, key_id: str, spec: str, usage: str, token: bytes, wrapped: bytes) -> Material:
        return self.take_material(
            key_id, spec, usage, importing.unwrap(self._own, arn, spec, token, wrapped, self._clock())
        )

    def rewrap(self, material: Material) -> Material:
        return self._materials.rewrap(material)

    def forget(self, key_id: str) -> None:
        self._materials.forget(key_id)

    def age(self) -> None:
        """Drop the material that was not used since the last time."""
        self._materials.age()

"""What may be asked of the keyholder, and by whom.

The fields of a request are the parameters of the method of keyholder.promise.Keyholder that it names, in that order.
Sizes are checked where the method is carried out, so that a request that is too large is refused and harms no other.
"""

from typing import Any, Final, NamedTuple

import msgspec

from keystead.keyholder.promise import ENCRYPT_DECRYPT, SYMMETRIC_DEFAULT, Material, SealedKey


class Request(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """The base of all requests. They carry secrets: their repr names the operation only."""

    @property
    def generates(self) -> str | None:
        """The key spec that the request wants a new private key of, if it does."""
        return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []


class CreateMaterial(Request, tag=1):
    key_id: str
    spec: str
    usage: str = ENCRYPT_DECRYPT

    @property
    def generates(self) -> str | None:
        return self.spec


class Encrypt(Request, tag=2):
    material: Material
    plaintext: bytes
    context: bytes
    algorithm: str = SYMMETRIC_DEFAULT


class Decrypt(Request, tag=3):
    material: Material
    blob: bytes
    context: bytes
    algorithm: str = SYMMETRIC_DEFAULT
    recipient: bytes = b""


class ReEncrypt(Request, tag=4):
    source: Material
    blob: bytes
    source_context: bytes
    target: Material
    target_context: bytes
    source_algorithm: str = SYMMETRIC_DEFAULT
    target_algorithm: str = SYMMETRIC_DEFAULT


class GenerateDataKey(Request, tag=5):
    material: Material
    length: int
    context: bytes
    recipient: bytes = b""


class GenerateDataKeyWithoutPlaintext(Request, tag=6):
    material: Material
    length: int
    context: bytes


class Random(Request, tag=7):
    length: int
    recipient: bytes = b""


class CreateSecret(Request, tag=8):
    binding: str


class SigningKey(Request, tag=9):
    token: bytes
    binding: str
    date: str
    region: str
    service: str


class SealMarker(Request, tag=10):
    context: bytes
    place: bytes


class OpenMarker(Request, tag=11):
    context: bytes
    marker: bytes


class NewDomainKey(Request, tag=12):
    pass


class Rewrap(Request, tag=13):
    material: Material


class Load(Request, tag=14):
    sealed: tuple[SealedKey, ...]


class CheckpointSeeds(Request, tag=15):
    sealed: SealedKey


class RewrapSecret(Request, tag=16):
    token: bytes
    binding: str


class Reseal(Request, tag=17):
    sealed: SealedKey


class Forget(Request, tag=18):
    key_id: str


class PublicKey(Request, tag=19):
    material: Material


class Sign(Request, tag=20):
    material: Material
    algorithm: str
    message: bytes
    message_type: str


class Verify(Request, tag=21):
    material: Material
    algorithm: str
    message: bytes
    message_type: str
    signature: bytes


class GenerateMac(Request, tag=22):
    material: Material
    algorithm: str
    message: bytes


class VerifyMac(Request, tag=23):
    material: Material
    algorithm: str
    message: bytes
    mac: bytes


class DeriveSharedSecret(Request, tag=24):
    material: Material
    public_key: bytes
    recipient: bytes = b""


class Encapsulate(Request, tag=25):
    material: Material


class Decapsulate(Request, tag=26):
    material: Material
    ciphertext: bytes


class GenerateDataKeyPair(Request, tag=27):
    material: Material
    pair_spec: str
    context: bytes
    recipient: bytes = b""

    @property
    def generates(self) -> str | None:
        return self.pair_spec


class GenerateDataKeyPairWithoutPlaintext(Request, tag=28):
    material: Material
    pair_spec: str
    context: bytes

    @property
    def generates(self) -> str | None:
        return self.pair_spec


class SealValue(Request, tag=40):
    material: Material
    value: bytes
    context: bytes
    kind: bytes


class OpenValue(Request, tag=41):
    material: Material
    blob: bytes
    sealed: bytes
    context: bytes
    kind: bytes


class MakeWrappingKey(Request, tag=50):
    arn: str
    spec: str
    wrapping_spec: str
    algorithm: str

    @property
    def generates(self) -> str | None:
        return self.wrapping_spec


class ImportMaterial(Request, tag=51):
    arn: str
    key_id: str
    spec: str
    usage: str
    token: bytes
    wrapped: bytes


class NewDigestKey(Request, tag=44):
    version: int


class SignDigest(Request, tag=45):
    sealed: SealedKey
    end: str
    place: str
    digest_hash: str
    previous: str


class CreateHsmMaterial(Request, tag=60):
    key_id: str
    hsm: str


class DestroyHsmMaterial(Request, tag=61):
    material: Material


class ConnectHsm(Request, tag=62):
    hsm: str
    password: bytes
    binding: str


class LookHsm(Request, tag=63):
    hsm: str


class HsmRandom(Request, tag=64):
    hsm: str
    length: int
    recipient: bytes = b""


class KeepSecret(Request, tag=65):
    secret: bytes
    binding: str


class Operation(NamedTuple):
    """One row: the method that answers, and who may ask."""

    method: str
    roles: frozenset[str]


WORKER: Final = "worker"
SCHEDULER: Final = "scheduler"
RECORDER: Final = "recorder"
ROLES: Final = (WORKER, SCHEDULER, RECORDER)
_W: Final = frozenset({WORKER})
_S: Final = frozenset({SCHEDULER})
_WS: Final = _W | _S
_R: Final = frozenset({RECORDER})
OPERATIONS: Final[dict[type[Request], Operation]] = {
    CreateMaterial: Operation("create_material", _WS),  # CreateKey and on-demand rotation; automatic rotation
    Encrypt: Operation("encrypt", _W),
    Decrypt: Operation("decrypt", _W),
    ReEncrypt: Operation("reencrypt", _W),
    GenerateDataKey: Operation("generate_data_key", _W),
    GenerateDataKeyWithoutPlaintext: Operation("generate_data_key_without_plaintext", _W),
    Random: Operation("random", _WS),  # also what health asks
    CreateSecret: Operation("create_secret", _W),
    SigningKey: Operation("signing_key", _W),
    SealMarker: Operation("seal_marker", _WS),
    OpenMarker: Operation("open_marker", _WS),  # pages; what waits to be recorded (trail.outbox)
    NewDomainKey: Operation("new_domain_key", _S),
    Rewrap: Operation("rewrap", _S),
    Load: Operation("load", _WS),
    CheckpointSeeds: Operation("checkpoint_seeds", _R),
    RewrapSecret: Operation("rewrap_secret", _S),
    Reseal: Operation("reseal", _S),
    Forget: Operation("forget", _WS),
    NewDigestKey: Operation("new_digest_key", _S),
    SignDigest: Operation("sign_digest", _S),
    SealValue: Operation("seal_value", _W),
    OpenValue: Operation("open_value", _W),
    CreateHsmMaterial: Operation("create_hsm_material", _W),
    DestroyHsmMaterial: Operation("destroy_hsm_material", _WS),  # a key that could not be stored; deletion
    ConnectHsm: Operation("connect_hsm", _WS),
    LookHsm: Operation("look_hsm", _WS),
    HsmRandom: Operation("hsm_random", _W),
    KeepSecret: Operation("keep_secret", _W),
    PublicKey: Operation("public_key", _W),
    Sign: Operation("sign", _W),
    Verify: Operation("verify", _W),
    GenerateMac: Operation("generate_mac", _W),
    VerifyMac: Operation("verify_mac", _W),
    DeriveSharedSecret: Operation("derive_shared_secret", _W),
    Encapsulate: Operation("encapsulate", _W),
    Decapsulate: Operation("decapsulate", _W),
    GenerateDataKeyPair: Operation("generate_data_key_pair", _W),
    GenerateDataKeyPairWithoutPlaintext: Operation("generate_data_key_pair_without_plaintext", _W),
    MakeWrappingKey: Operation("wrapping_key", _W),
    ImportMaterial: Operation("import_material", _W),
}
decode: Final = msgspec.msgpack.Decoder[Request](
    CreateMaterial | Encrypt | Decrypt | ReEncrypt | GenerateDataKey | GenerateDataKeyWithoutPlaintext | Random
    | CreateSecret | SigningKey | SealMarker | OpenMarker | NewDomainKey | Rewrap | Load | CheckpointSeeds
    | RewrapSecret | Reseal | Forget | PublicKey | Sign | Verify | GenerateMac | VerifyMac | DeriveSharedSecret
    | Encapsulate | Decapsulate | GenerateDataKeyPair | GenerateDataKeyPairWithoutPlaintext | SealValue | OpenValue
    | MakeWrappingKey | ImportMaterial
    | NewDigestKey | SignDigest
    | CreateHsmMaterial | DestroyHsmMaterial | ConnectHsm | LookHsm | HsmRandom | KeepSecret
).decode  # fmt: skip  # a list of names

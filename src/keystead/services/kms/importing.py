"""Key material from outside."""

from collections.abc import Mapping
from typing import Any, Final

from keystead.access.request import Values
from keystead.identities.call import Call
from keystead.keys import importing
from keystead.keys.errors import NotServed
from keystead.keys.importing import EXPIRES, Wanted, admitted, check_expiry, check_wanted
from keystead.keys.key import Key
from keystead.keys.use import Keys
from keystead.services.kms.refused import VALUES, why_not

Answer = Mapping[str, Any]
OAEP: Final = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")
TWO_STEPS: Final = ("RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256")
WRAPPINGS: Final = {
    #  key spec prefix     how its material may be wrapped    source: KMS API reference, GetParametersForImport
    "SYMMETRIC_DEFAULT": OAEP,
    "HMAC_":             OAEP,
    "RSA_":              TWO_STEPS,
    "ECC_":              (*OAEP, *TWO_STEPS),
    "ML_":               (*OAEP, *TWO_STEPS),
}  # fmt: skip  # a table
TOO_LONG: Final = ("ECC_NIST_P521", "RSA_2048", True)
"""A P-521 key in PKCS #8 is longer than RSA-2048 encrypts (likewise)."""


async def get_parameters_for_import(
    keys: Keys, call: Call, *, key_id: str, wrapping_algorithm: str, wrapping_key_spec: str
) -> Answer:
    asked: dict[str, Values] = {
        "kms:wrappingalgorithm": (wrapping_algorithm,),
        "kms:wrappingkeyspec": (wrapping_key_spec,),
    }
    key = await admitted(keys, call, "GetParametersForImport", key_id, asked)
    check_wrapping(key, wrapping_algorithm, wrapping_key_spec)
    made = await importing.parameters(keys, key, wrapping_key_spec, wrapping_algorithm)
    return {
        "KeyId": key.arn,
        "ImportToken": made.token,
        "PublicKey": made.public_key,
        "ParametersValidTo": made.valid_to,
    }


def check_wrapping(key: Key, algorithm: str, wrapping_spec: str) -> None:
    """Raises NotServed, which is KMS's own answer too."""
    for member, asked in (("WrappingAlgorithm", algorithm), ("WrappingKeySpec", wrapping_spec)):
        if asked in VALUES[f"GetParametersForImport.{member}"]:
            raise NotServed(why_not(f"GetParametersForImport.{member}", asked))
    known = next(wrappings for prefix, wrappings in WRAPPINGS.items() if key.spec.startswith(prefix))
    if algorithm not in known or (key.spec, wrapping_spec, algorithm in OAEP) == TOO_LONG:
        raise NotServed(f"Wrapping {algorithm} with {wrapping_spec} is not supported for key spec {key.spec}.")


async def import_key_material(
    keys: Keys,
    call: Call,
    *,
    key_id: str,
    import_token: bytes,
    encrypted_key_material: bytes,
    valid_to: float | None = None,
    expiration_model: str | None = None,
    import_type: str | None = None,
    key_material_description: str | None = None,
    key_material_id: str | None = None,
) -> Answer:
    asked: dict[str, Values] = {}
    if expiration_model is not None:  # the default is no condition key (KMS developer guide, kms:ExpirationModel)
        asked["kms:expirationmodel"] = (expiration_model,)
    if valid_to is not None:
        asked["kms:validto"] = (str(int(valid_to)),)  # Unix time: for numeric and for date operators
    key = await admitted(keys, call, "ImportKeyMaterial", key_id, asked)
    wanted = Wanted(import_type, valid_to, key_material_description, key_material_id)
    check_expiry(expiration_model or EXPIRES, valid_to, keys.clock())
    check_wanted(wanted, key.spec)
    material_id = await importing.bring(keys, call, key, import_token, encrypted_key_material, wanted)
    call.notes.additional["keyMaterialId"] = material_id
    return {"KeyId": key.arn, "KeyMaterialId": material_id}


async def delete_imported_key_material(
    keys: Keys, call: Call, *, key_id: str, key_material_id: str | None = None
) -> Answer:
    key = await admitted(keys, call, "DeleteImportedKeyMaterial", key_id)
    material_id = await importing.discard(keys, call, key, key_material_id)
    if material_id:
        call.notes.additional["keyMaterialId"] = material_id
    return {"KeyId": key.arn, "KeyMaterialId": material_id}

"""Public keys, RSA ciphertexts, shared secrets and data key pairs through boto3, with `cryptography` as the other side."""

import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

SIGN, ENCRYPT, AGREE, MAC, KEM = (
    "SIGN_VERIFY", "ENCRYPT_DECRYPT", "KEY_AGREEMENT", "GENERATE_VERIFY_MAC", "ENCAPSULATE_DECAPSULATE",
)  # fmt: skip  # names
SPKI = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
CONTEXT = {"purpose": "test"}
OAEP = {
    "RSAES_OAEP_SHA_1": padding.OAEP(padding.MGF1(SHA1()), SHA1(), None),  # noqa: S303  # what KMS offers
    "RSAES_OAEP_SHA_256": padding.OAEP(padding.MGF1(SHA256()), SHA256(), None),
}
RSA_SIGNING = [f"RSASSA_{how}_SHA_{bits}" for how in ("PKCS1_V1_5", "PSS") for bits in (256, 384, 512)]
KINDS = [
    #  spec, usage, member of the metadata, algorithms
    *((f"RSA_{bits}", ENCRYPT, "EncryptionAlgorithms", list(OAEP)) for bits in (2048, 3072, 4096)),
    *((f"RSA_{bits}", SIGN, "SigningAlgorithms", RSA_SIGNING) for bits in (2048, 3072, 4096)),
    ("ECC_NIST_P256", SIGN, "SigningAlgorithms", ["ECDSA_SHA_256"]),
    ("ECC_NIST_P384", SIGN, "SigningAlgorithms", ["ECDSA_SHA_384"]),
    ("ECC_NIST_P521", SIGN, "SigningAlgorithms", ["ECDSA_SHA_512"]),
    ("ECC_SECG_P256K1", SIGN, "SigningAlgorithms", ["ECDSA_SHA_256"]),
    ("ECC_NIST_EDWARDS25519", SIGN, "SigningAlgorithms", ["ED25519_SHA_512", "ED25519_PH_SHA_512"]),
    *((f"ML_DSA_{size}", SIGN, "SigningAlgorithms", ["ML_DSA_SHAKE_256"]) for size in (44, 65, 87)),
    *((f"ECC_NIST_P{size}", AGREE, "KeyAgreementAlgorithms", ["ECDH"]) for size in (256, 384, 521)),
    *((f"ML_KEM_{size}", KEM, "EncapsulationAlgorithms", ["ML_KEM"]) for size in (768, 1024)),
    *((f"HMAC_{bits}", MAC, "MacAlgorithms", [f"HMAC_SHA_{bits}"]) for bits in (224, 256, 384, 512)),
]
MEMBERS = {kind[2] for kind in KINDS}


@pytest.mark.parametrize(("spec", "usage", "member", "algorithms"), KINDS)
def test_a_key_of_every_kind_is_made_and_described_as_aws_does(kms, key_of, spec, usage, member, algorithms):
    key = key_of(spec, usage)

    described = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]

    assert described == key
    assert (key["KeySpec"], key["CustomerMasterKeySpec"], key["KeyUsage"]) == (spec, spec, usage)
    assert (key["KeyState"], key["Enabled"], key["Origin"]) == ("Enabled", True, "AWS_KMS")
    assert {name: key[name] for name in MEMBERS & set(key)} == {member: algorithms}
    assert "CurrentKeyMaterialId" not in key


@pytest.mark.parametrize(("spec", "usage", "member", "algorithms"), [kind for kind in KINDS if kind[1] != MAC])
def test_a_public_key_comes_with_what_it_may_be_used_for(kms, key_of, spec, usage, member, algorithms):
    key = key_of(spec, usage)

    answer = kms.get_public_key(KeyId=key["KeyId"])

    load_der_public_key(answer["PublicKey"])
    assert (answer["KeyId"], answer["KeySpec"], answer["KeyUsage"]) == (key["Arn"], spec, usage)
    assert answer["CustomerMasterKeySpec"] == spec
    assert {name: answer[name] for name in MEMBERS & set(answer)} == {member: algorithms}


@pytest.mark.parametrize(("spec", "usage"), [("SYMMETRIC_DEFAULT", ENCRYPT), ("HMAC_256", MAC)])
def test_a_secret_key_has_no_public_key(kms, key_of, refused, spec, usage):
    with refused() as told:
        kms.get_public_key(KeyId=key_of(spec, usage)["KeyId"])

    assert told[0] == "UnsupportedOperationException"


# RSA encryption


@pytest.mark.parametrize("spec", ["RSA_2048", "RSA_3072", "RSA_4096"])
@pytest.mark.parametrize("algorithm", OAEP)
def test_what_was_encrypted_offline_decrypts_here_and_nothing_more_than_the_limit_is_taken(
    kms, key_of, refused, spec, algorithm
):
    key = key_of(spec, ENCRYPT)
    public = load_der_public_key(kms.get_public_key(KeyId=key["KeyId"])["PublicKey"])
    longest = int(spec[4:]) // 8 - 2 * (20 if algorithm.endswith("_1") else 32) - 2
    asked = {"KeyId": key["KeyId"], "EncryptionAlgorithm": algorithm}

    offline = kms.decrypt(CiphertextBlob=public.encrypt(b"x" * longest, OAEP[algorithm]), **asked)
    blob = kms.encrypt(Plaintext=bytes(longest), **asked)

    assert offline["Plaintext"] == b"x" * longest
    assert (offline["KeyId"], offline["EncryptionAlgorithm"]) == (key["Arn"], algorithm)
    assert "KeyMaterialId" not in offline
    assert len(blob["CiphertextBlob"]) == int(spec[4:]) // 8
    assert kms.decrypt(CiphertextBlob=blob["CiphertextBlob"], **asked)["Plaintext"] == bytes(longest)
    with refused() as told:
        kms.encrypt(Plaintext=bytes(longest + 1), **asked)
    text = f"Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {longest} bytes."
    assert told == ["ValidationException", text]


def test_openssl_encrypts_what_decrypts_here(kms, key_of, tmp_path):
    key = key_of("RSA_2048", ENCRYPT)["KeyId"]
    (tmp_path / "public").write_bytes(kms.get_public_key(KeyId=key)["PublicKey"])
    options = ["rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256"]
    command = ["openssl", "pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", "public"]

    done = subprocess.run(
        [*command, *(part for option in options for part in ("-pkeyopt", option))],
        input=b"from openssl",
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )

    opened = kms.decrypt(KeyId=key, CiphertextBlob=done.stdout, EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    assert opened["Plaintext"] == b"from openssl"


def test_an_rsa_ciphertext_needs_its_key_and_its_algorithm(kms, key_of, refused):
    key = key_of("RSA_2048", ENCRYPT)["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256")["CiphertextBlob"]

    with refused() as told:
        kms.decrypt(KeyId=key, CiphertextBlob=blob)
    assert told == ["InvalidKeyUsageException", "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048."]
    with refused() as told:
        kms.decrypt(CiphertextBlob=blob, EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    assert told[0] == "ValidationException"
    with refused() as told:
        kms.decrypt(CiphertextBlob=blob)
    assert told == ["InvalidCiphertextException", None]
    for wrong in ({"EncryptionAlgorithm": "RSAES_OAEP_SHA_1"}, {"CiphertextBlob": blob[:-1] + bytes([blob[-1] ^ 1])}):
        asked = {"CiphertextBlob": blob, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256", **wrong}
        with refused() as told:
            kms.decrypt(KeyId=key, **asked)
        assert told == ["InvalidCiphertextException", None]


def test_a_symmetric_key_has_no_rsa_algorithm(kms, key_of, refused):
    with refused() as told:
        kms.encrypt(KeyId=key_of()["KeyId"], Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256")

    text = "Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT."
    assert told == ["InvalidKeyUsageException", text]


@pytest.mark.parametrize(("spec", "usage"), [("HMAC_256", MAC), ("RSA_2048", ENCRYPT), ("ECC_NIST_P256", SIGN)])
def test_a_symmetric_ciphertext_with_another_keys_name_is_an_incorrect_key(kms, key_of, refused, spec, usage):
    blob = kms.encrypt(KeyId=key_of()["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    named = key_of(spec, usage)["KeyId"]

    text = "The key ID in the request does not identify a CMK that can perform this operation."
    with refused() as told:
        kms.decrypt(KeyId=named, CiphertextBlob=blob)
    assert told == ["IncorrectKeyException", text]
    with refused() as told:
        kms.re_encrypt(SourceKeyId=named, CiphertextBlob=blob, DestinationKeyId=key_of()["KeyId"])
    assert told == ["IncorrectKeyException", text]


def test_an_encryption_context_does_not_go_with_rsa(kms, key_of, refused):
    asked = {"KeyId": key_of("RSA_2048", ENCRYPT)["KeyId"], "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    blob = kms.encrypt(Plaintext=b"x", **asked)["CiphertextBlob"]

    with refused() as told:
        kms.encrypt(Plaintext=b"x", EncryptionContext=CONTEXT, **asked)
    assert told[0] == "ValidationException"
    with refused() as told:
        kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT, **asked)
    assert told[0] == "ValidationException"


def test_reencrypt_moves_between_symmetric_and_rsa_keys(kms, key_of):
    symmetric, pair = key_of(), key_of("RSA_3072", ENCRYPT)
    blob = kms.encrypt(KeyId=symmetric["KeyId"], Plaintext=b"moved", EncryptionContext=CONTEXT)["CiphertextBlob"]

    there = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceEncryptionContext=CONTEXT,
        DestinationKeyId=pair["KeyId"],
        DestinationEncryptionAlgorithm="RSAES_OAEP_SHA_256",
    )
    back = kms.re_encrypt(
        CiphertextBlob=there["CiphertextBlob"],
        SourceKeyId=pair["KeyId"],
        SourceEncryptionAlgorithm="RSAES_OAEP_SHA_256",
        DestinationKeyId=symmetric["KeyId"],
    )

    assert (there["SourceKeyId"], there["KeyId"]) == (symmetric["Arn"], pair["Arn"])
    assert there["SourceKeyMaterialId"] == symmetric["CurrentKeyMaterialId"] == back["DestinationKeyMaterialId"]
    assert "DestinationKeyMaterialId" not in there
    assert "SourceKeyMaterialId" not in back
    assert (there["SourceEncryptionAlgorithm"], there["DestinationEncryptionAlgorithm"]) == (
        "SYMMETRIC_DEFAULT",
        "RSAES_OAEP_SHA_256",
    )
    assert kms.decrypt(CiphertextBlob=back["CiphertextBlob"])["Plaintext"] == b"moved"


# Shared secrets


@pytest.mark.parametrize(
    ("size", "curve", "length"), [(256, ec.SECP256R1(), 32), (384, ec.SECP384R1(), 48), (521, ec.SECP521R1(), 66)]
)
def test_both_sides_derive_the_same_secret(kms, key_of, size, curve, length):
    key, other = key_of(f"ECC_NIST_P{size}", AGREE), ec.generate_private_key(curve)
    asked = {"KeyId": key["KeyId"], "KeyAgreementAlgorithm": "ECDH"}

    answer = kms.derive_shared_secret(PublicKey=other.public_key().public_bytes(*SPKI), **asked)

    public = load_der_public_key(kms.get_public_key(KeyId=key["KeyId"])["PublicKey"])
    assert answer["SharedSecret"] == other.exchange(ec.ECDH(), public)
    assert len(answer["SharedSecret"]) == length
    assert (answer["KeyId"], answer["KeyAgreementAlgorithm"], answer["KeyOrigin"]) == (key["Arn"], "ECDH", "AWS_KMS")


def test_a_public_key_that_does_not_fit_is_a_validation_error_without_a_message(kms, key_of, refused):
    asked = {"KeyId": key_of("ECC_NIST_P256", AGREE)["KeyId"], "KeyAgreementAlgorithm": "ECDH"}

    for wrong in (b"x", ec.generate_private_key(ec.SECP384R1()).public_key().public_bytes(*SPKI)):
        with refused() as told:
            kms.derive_shared_secret(PublicKey=wrong, **asked)
        assert told == ["ValidationException", None]


@pytest.mark.parametrize(("size", "length"), [(768, 1088), (1024, 1568)])
def test_an_encapsulated_secret_is_decapsulated_and_an_altered_one_is_another(kms, key_of, refused, size, length):
    key = key_of(f"ML_KEM_{size}", KEM)
    asked = {"KeyId": key["KeyId"], "EncapsulationAlgorithm": "ML_KEM"}
    public = load_der_public_key(kms.get_public_key(KeyId=key["KeyId"])["PublicKey"])
    outside, ciphertext_outside = public.encapsulate()

    made = kms.encapsulate(**asked)
    ciphertext = made["SharedSecretCiphertextBlob"]
    altered = ciphertext[:-1] + bytes([ciphertext[-1] ^ 1])

    assert (made["KeyId"], made["EncapsulationAlgorithm"], len(ciphertext)) == (key["Arn"], "ML_KEM", length)
    opened = kms.decapsulate(SharedSecretCiphertextBlob=ciphertext, **asked)
    assert opened["SharedSecret"] == made["SharedSecret"]
    assert (opened["KeyId"], opened["EncapsulationAlgorithm"]) == (key["Arn"], "ML_KEM")
    assert kms.decapsulate(SharedSecretCiphertextBlob=ciphertext_outside, **asked)["SharedSecret"] == outside
    rejected = kms.decapsulate(SharedSecretCiphertextBlob=altered, **asked)["SharedSecret"]
    assert len(rejected) == 32
    assert rejected != made["SharedSecret"]
    with refused() as told:
        kms.decapsulate(SharedSecretCiphertextBlob=ciphertext + b"x", **asked)
    assert told == ["InvalidCiphertextException", None]


# Data key pairs


@pytest.mark.parametrize(
    "spec",
    [
        "RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1",
        "ECC_NIST_EDWARDS25519", "ML_KEM_768", "ML_KEM_1024",
    ],
)  # fmt: skip  # a list of names
def test_a_data_key_pair_opens_with_decrypt(kms, key_of, spec):
    key = key_of()
    asked = {"KeyId": key["KeyId"], "KeyPairSpec": spec, "EncryptionContext": CONTEXT}

    both = kms.generate_data_key_pair(**asked)
    sealed = kms.generate_data_key_pair_without_plaintext(**asked)

    assert "PrivateKeyPlaintext" not in sealed
    for made in (both, sealed):
        opened = kms.decrypt(CiphertextBlob=made["PrivateKeyCiphertextBlob"], EncryptionContext=CONTEXT)["Plaintext"]
        private = load_der_private_key(opened, None)
        assert private.public_key().public_bytes(*SPKI) == made["PublicKey"]
        assert (made["KeyId"], made["KeyPairSpec"]) == (key["Arn"], spec)
        assert made["KeyMaterialId"] == key["CurrentKeyMaterialId"]
    assert both["PublicKey"] != sealed["PublicKey"]
    assert (
        kms.decrypt(CiphertextBlob=both["PrivateKeyCiphertextBlob"], EncryptionContext=CONTEXT)["Plaintext"]
        == both["PrivateKeyPlaintext"]
    )


@pytest.mark.parametrize("spec", ["SM2", "ML_KEM_512"])
def test_what_the_library_lacks_is_refused_with_the_reason(kms, key_of, refused, spec):
    usage = KEM if spec == "ML_KEM_512" else SIGN
    with refused() as told:
        kms.create_key(KeySpec=spec, KeyUsage=usage)
    assert told[0] == "UnsupportedOperationException"
    assert "library has" in told[1]
    for operation in (kms.generate_data_key_pair, kms.generate_data_key_pair_without_plaintext):
        with refused() as told:
            operation(KeyId=key_of()["KeyId"], KeyPairSpec=spec)
        assert told[0] == "UnsupportedOperationException"
        assert "library has" in told[1]


@pytest.mark.parametrize(("spec", "usage"), [("RSA_2048", ENCRYPT), ("RSA_2048", SIGN), ("HMAC_256", MAC)])
def test_data_key_pairs_come_from_symmetric_keys_alone(kms, key_of, refused, spec, usage):
    for operation in (kms.generate_data_key_pair, kms.generate_data_key_pair_without_plaintext):
        with refused() as told:
            operation(KeyId=key_of(spec, usage)["KeyId"], KeyPairSpec="ECC_NIST_P256")
        assert told[0] == "InvalidKeyUsageException"


# Usages and kinds


@pytest.mark.parametrize(
    ("operation", "asked", "name"),
    [
        ("encrypt", {"Plaintext": b"x"}, "Encrypt"),
        ("generate_data_key", {"KeySpec": "AES_256"}, "GenerateDataKey"),
        ("sign", {"Message": b"x", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}, "Sign"),
        ("verify", {"Message": b"x", "Signature": b"x", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}, "Verify"),
        ("generate_mac", {"Message": b"x", "MacAlgorithm": "HMAC_SHA_256"}, "GenerateMac"),
        ("verify_mac", {"Message": b"x", "Mac": b"x", "MacAlgorithm": "HMAC_SHA_256"}, "VerifyMac"),
        ("derive_shared_secret", {"PublicKey": b"x", "KeyAgreementAlgorithm": "ECDH"}, "DeriveSharedSecret"),
        ("encapsulate", {"EncapsulationAlgorithm": "ML_KEM"}, "Encapsulate"),
        ("decapsulate", {"SharedSecretCiphertextBlob": b"x", "EncapsulationAlgorithm": "ML_KEM"}, "Decapsulate"),
    ],
)
def test_a_key_of_another_usage_is_refused_in_awss_words(kms, key_of, refused, operation, asked, name):
    kinds = [
        ("SYMMETRIC_DEFAULT", ENCRYPT),
        ("RSA_2048", SIGN),
        ("HMAC_256", MAC),
        ("ECC_NIST_P256", AGREE),
        ("ML_KEM_768", KEM),
    ]
    fitting = {"Encrypt": ENCRYPT, "GenerateDataKey": ENCRYPT, "Sign": SIGN, "Verify": SIGN, "GenerateMac": MAC,
               "VerifyMac": MAC, "DeriveSharedSecret": AGREE, "Encapsulate": KEM, "Decapsulate": KEM}[name]  # fmt: skip

    for spec, usage in kinds:
        if usage == fitting:
            continue
        key = key_of(spec, usage)
        with refused() as told:
            getattr(kms, operation)(KeyId=key["KeyId"], **asked)
        assert told == ["InvalidKeyUsageException", f"{key['Arn']} key usage is {usage} which is not valid for {name}."]


@pytest.mark.parametrize(
    "asked",
    [
        {"KeySpec": "RSA_2048"},
        {"KeySpec": "HMAC_256"},
        {"KeySpec": "ML_DSA_44"},
    ],
)
def test_a_usage_must_be_given_for_all_but_symmetric_keys(kms, refused, asked):
    with refused() as told:
        kms.create_key(**asked)

    text = "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."
    assert told == ["ValidationException", text]


@pytest.mark.parametrize(
    ("spec", "usage"),
    [
        ("RSA_2048", AGREE), ("RSA_2048", MAC), ("ECC_NIST_P256", ENCRYPT), ("ECC_SECG_P256K1", AGREE),
        ("ECC_NIST_EDWARDS25519", AGREE), ("HMAC_256", ENCRYPT), ("ML_DSA_44", ENCRYPT), ("ML_KEM_768", AGREE),
        ("SYMMETRIC_DEFAULT", SIGN),
    ],
)  # fmt: skip  # a table
def test_a_spec_has_its_own_usages(kms, refused, spec, usage):
    with refused() as told:
        kms.create_key(KeySpec=spec, KeyUsage=usage)

    assert told == ["ValidationException", f"KeyUsage {usage} is not compatible with KeySpec {spec}"]


@pytest.mark.parametrize(("spec", "usage"), [("RSA_2048", SIGN), ("HMAC_256", MAC), ("ML_KEM_768", KEM)])
def test_only_symmetric_keys_rotate(kms, key_of, refused, spec, usage):
    for operation in ("enable_key_rotation", "disable_key_rotation", "rotate_key_on_demand", "get_key_rotation_status"):
        with refused() as told:
            getattr(kms, operation)(KeyId=key_of(spec, usage)["KeyId"])
        assert told == ["UnsupportedOperationException", None]


def test_an_alias_moves_between_keys_of_one_type_and_usage_only(kms, key_of, refused):
    kms.create_alias(AliasName="alias/moves", TargetKeyId=key_of("ECC_NIST_P256", SIGN)["KeyId"])

    kms.update_alias(AliasName="alias/moves", TargetKeyId=key_of("RSA_2048", SIGN)["KeyId"])

    for spec, usage in (
        ("RSA_2048", ENCRYPT),
        ("ECC_NIST_P256", AGREE),
        ("HMAC_256", MAC),
        ("SYMMETRIC_DEFAULT", ENCRYPT),
    ):
        with refused() as told:
            kms.update_alias(AliasName="alias/moves", TargetKeyId=key_of(spec, usage)["KeyId"])
        assert told[0] == "ValidationException"
    signed = kms.sign(KeyId="alias/moves", Message=b"x", SigningAlgorithm="RSASSA_PSS_SHA_256")
    assert signed["KeyId"] == key_of("RSA_2048", SIGN)["Arn"]


@pytest.mark.parametrize(
    ("operation", "kind", "asked"),
    [
        ("sign", ("ECC_NIST_P256", SIGN), {"Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}),
        ("verify", ("ECC_NIST_P256", SIGN), {"Message": b"x", "Signature": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}),
        ("generate_mac", ("HMAC_256", MAC), {"Message": b"x", "MacAlgorithm": "HMAC_SHA_256"}),
        ("verify_mac", ("HMAC_256", MAC), {"Message": b"x", "Mac": b"x", "MacAlgorithm": "HMAC_SHA_256"}),
        ("derive_shared_secret", ("ECC_NIST_P256", AGREE), {"PublicKey": b"x", "KeyAgreementAlgorithm": "ECDH"}),
        ("encapsulate", ("ML_KEM_768", KEM), {"EncapsulationAlgorithm": "ML_KEM"}),
        ("decapsulate", ("ML_KEM_768", KEM), {"SharedSecretCiphertextBlob": b"x", "EncapsulationAlgorithm": "ML_KEM"}),
        ("encrypt", ("RSA_2048", ENCRYPT), {"Plaintext": b"x", "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}),
        ("generate_data_key_pair", ("SYMMETRIC_DEFAULT", ENCRYPT), {"KeyPairSpec": "RSA_4096"}),
        ("generate_data_key_pair_without_plaintext", ("SYMMETRIC_DEFAULT", ENCRYPT), {"KeyPairSpec": "RSA_4096"}),
    ],
)
def test_a_dry_run_says_that_it_would_have_succeeded(kms, key_of, refused, operation, kind, asked):
    with refused() as told:
        getattr(kms, operation)(KeyId=key_of(*kind)["KeyId"], DryRun=True, **asked)

    assert told == ["DryRunOperationException", "The request would have succeeded, but the DryRun option is set."]

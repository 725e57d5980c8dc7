"""Custom key stores of type AWS_CLOUDHSM over a PKCS#11 token, with boto3."""

import json
import time
import urllib.request

import pkcs11
import pytest
from botocore.exceptions import ClientError
from pkcs11 import Attribute, KeyType, ObjectClass

from certificates import self_signed

from .conftest import entry  # rings of tests are no packages

DAY = 86_400.0


def refused(call, **asked):
    with pytest.raises(ClientError) as error:
        call(**asked)
    return error.value.response["Error"]["Code"]


def secret_keys(hsm):
    """What anybody with the PIN sees in the token, through the library itself."""
    session = pkcs11.lib(hsm.library).get_token(token_label=hsm.label).open()
    return list(session.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY}))


def test_a_key_in_a_token_encrypts_and_decrypts(house):
    store = house.store()
    assert house.connect(store)["ConnectionState"] == "CONNECTED"

    key = house.key(store)
    blob = house.kms.encrypt(KeyId=key["KeyId"], Plaintext=b"secret", EncryptionContext={"a": "b"})["CiphertextBlob"]

    assert house.kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"})["Plaintext"] == b"secret"
    assert (key["CustomKeyStoreId"], key["CloudHsmClusterId"]) == (store, house.hsm.name)
    assert key["Origin"] == "AWS_CLOUDHSM"
    assert "CurrentKeyMaterialId" not in key


def test_the_material_was_born_in_the_token_and_cannot_leave_it(house):
    store = house.store()
    house.connect(store)
    key = house.key(store)

    (found,) = secret_keys(house.hsm)

    assert found[Attribute.LABEL] == f"keystead {key['KeyId']}"
    assert found[Attribute.KEY_TYPE] is KeyType.GENERIC_SECRET
    assert (found[Attribute.LOCAL], found[Attribute.NEVER_EXTRACTABLE], found[Attribute.ALWAYS_SENSITIVE]) == (
        True,
    ) * 3
    assert (found[Attribute.EXTRACTABLE], found[Attribute.MODIFIABLE]) == (False, False)
    with pytest.raises(pkcs11.exceptions.AttributeSensitive):
        found[Attribute.VALUE]


def test_a_disconnected_store_takes_its_keys_along_and_gives_them_back(house):
    store = house.store()
    house.connect(store)
    key = house.key(store)["KeyId"]
    blob = house.kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]

    house.kms.disconnect_custom_key_store(CustomKeyStoreId=store)

    described = house.kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (described["KeyState"], described["Enabled"]) == ("Unavailable", False)
    assert refused(house.kms.decrypt, CiphertextBlob=blob) == "KMSInvalidStateException"
    assert refused(house.key, store=store) == "CustomKeyStoreInvalidStateException"
    house.kms.disable_key(KeyId=key)  # takes effect when the store is connected again
    house.connect(store)
    assert house.kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"
    house.kms.enable_key(KeyId=key)
    assert house.kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_a_token_that_is_lost_is_said_to_be_and_comes_back(house):
    store = house.store()
    house.connect(store)
    key = house.key(store)["KeyId"]
    blob = house.kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    own = house.kms.create_key()["KeyMetadata"]["KeyId"]

    house.hsm.take_away()

    assert refused(house.kms.decrypt, CiphertextBlob=blob) == "KMSInvalidStateException"
    assert refused(house.key, store=store) == "DependencyTimeoutException"
    assert house.kms.encrypt(KeyId=own, Plaintext=b"x")["CiphertextBlob"]
    time.sleep(1.1)  # a health page stands for a second
    with urllib.request.urlopen(f"{house.keystead.endpoint_url}/health") as page:
        assert json.load(page)["details"]["modules"] == {house.hsm.name: "ill"}
    house.hsm.bring_back()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            assert house.kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
            break
        except ClientError:
            time.sleep(0.2)  # it is looked for once a second
    else:
        pytest.fail("the token did not come back")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"CloudHsmClusterId": "cluster-222222222222"}, "CloudHsmClusterNotFoundException"),
        ({"TrustAnchorCertificate": self_signed("another")[0].decode()}, "IncorrectTrustAnchorException"),
        ({"TrustAnchorCertificate": "no certificate"}, "IncorrectTrustAnchorException"),
        ({"XksProxyUriPath": "/kms/xks/v1"}, "ValidationException"),
    ],
)
def test_a_store_is_refused_for_what_is_wrong_with_it(house, changes, code):
    assert refused(house.store, **changes) == code
    assert house.kms.describe_custom_key_stores()["CustomKeyStores"] == []


def test_a_wrong_password_fails_to_connect_and_costs_the_token_nothing(house):
    store = house.store(KeyStorePassword="wrong-password")

    for _ in range(5):
        found = house.connect(store)
        assert (found["ConnectionState"], found["ConnectionErrorCode"]) == ("FAILED", "INVALID_CREDENTIALS")
        assert (
            refused(house.kms.connect_custom_key_store, CustomKeyStoreId=store) == "CustomKeyStoreInvalidStateException"
        )
        house.kms.disconnect_custom_key_store(CustomKeyStoreId=store)
    house.kms.update_custom_key_store(CustomKeyStoreId=store, KeyStorePassword=house.hsm.pin)

    assert house.connect(store)["ConnectionState"] == "CONNECTED"


def test_names_and_clusters_belong_to_one_store(house):
    house.store()

    assert refused(house.store) == "CustomKeyStoreNameInUseException"
    assert refused(house.store, CustomKeyStoreName="another") == "CloudHsmClusterInUseException"


def test_a_store_is_deleted_when_it_is_empty_and_disconnected(house):
    store = house.store()
    house.connect(store)
    key = house.key(store)["KeyId"]
    delete = house.kms.delete_custom_key_store

    assert refused(delete, CustomKeyStoreId=store) == "CustomKeyStoreInvalidStateException"
    house.kms.disconnect_custom_key_store(CustomKeyStoreId=store)
    assert refused(delete, CustomKeyStoreId=store) == "CustomKeyStoreHasCMKsException"
    house.connect(store)
    house.kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    house.keystead.do_what_falls_due(at=time.time() + 8 * DAY)
    assert secret_keys(house.hsm) == []
    house.kms.disconnect_custom_key_store(CustomKeyStoreId=store)
    delete(CustomKeyStoreId=store)
    assert refused(house.kms.describe_custom_key_stores, CustomKeyStoreId=store) == "CustomKeyStoreNotFoundException"


def test_keys_in_a_store_do_not_rotate_or_make_pairs(house):
    store = house.store()
    house.connect(store)
    key = house.key(store)["KeyId"]

    assert refused(house.kms.enable_key_rotation, KeyId=key) == "UnsupportedOperationException"
    assert refused(house.kms.rotate_key_on_demand, KeyId=key) == "UnsupportedOperationException"
    pair = house.kms.generate_data_key_pair
    assert refused(pair, KeyId=key, KeyPairSpec="ECC_NIST_P256") == "UnsupportedOperationException"
    assert refused(house.key, store=store, MultiRegion=True) == "UnsupportedOperationException"


def test_random_bytes_come_from_the_token_of_a_connected_store(house):
    store = house.store()
    asked = {"NumberOfBytes": 32, "CustomKeyStoreId": store}

    assert refused(house.kms.generate_random, **asked) == "CustomKeyStoreInvalidStateException"
    house.connect(store)
    assert len(house.kms.generate_random(**asked)["Plaintext"]) == 32


def test_a_listing_shows_stores_without_their_secrets(house):
    store = house.store()

    found = entry(house.kms, store)

    assert (found["ConnectionState"], found["CustomKeyStoreType"]) == ("DISCONNECTED", "AWS_CLOUDHSM")
    assert found["TrustAnchorCertificate"] == house.anchor
    assert house.hsm.pin not in str(found)

"""Custom key stores of type AWS_CLOUDHSM over a PKCS#11 token, with boto3."""


def test_a_key_in_a_token_encrypts_and_decrypts(house):
    store = house.store()
    assert house.connect(store)["ConnectionState"] == "CONNECTED"

    key = house.key(store)
    blob = house.kms.encrypt(KeyId=key["KeyId"], Plaintext=b"secret", EncryptionContext={"a": "b"})["CiphertextBlob"]

    assert house.kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"})["Plaintext"] == b"secret"
    assert key["CustomKeyStoreId"] == store
    assert key["CloudHsmClusterId"] == house.hsm.name
    assert key["Origin"] == "AWS_CLOUDHSM"
    assert "CurrentKeyMaterialId" not in key

"""AWS's hierarchical keyring, run by an interpreter that has it: JSON in, JSON out. Its table is moto's, its KMS is Keystead."""

import base64
import json
import sys

import aws_encryption_sdk
import boto3
from aws_cryptographic_material_providers.keystore.client import KeyStore
from aws_cryptographic_material_providers.keystore.config import KeyStoreConfig
from aws_cryptographic_material_providers.keystore.models import CreateKeyInput, KMSConfigurationKmsKeyArn
from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_cryptographic_material_providers.mpl.models import CreateAwsKmsHierarchicalKeyringInput
from moto import mock_aws

TABLE = "branch-keys"
ONLY_TABLES = {"core": {"passthrough": {"urls": [r"http://127\.0\.0\.1.*"]}}}


def make_table(dynamodb):
    names = ("branch-key-id", "HASH"), ("type", "RANGE")
    dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in names],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in names],
        BillingMode="PAY_PER_REQUEST",
    )


def item_of(row):
    item = {name: {"S": row[name]} for name in row if name not in {"enc", "hierarchy-version"}}
    return item | {"enc": {"B": base64.b64decode(row["enc"])}, "hierarchy-version": {"N": "1"}}


def row_of(item):
    values = {name: next(iter(value.values())) for name, value in item.items()}
    return values | {"enc": base64.b64encode(values["enc"]).decode()}


def main(asked):
    dynamodb = boto3.client("dynamodb", region_name=asked["region"], aws_access_key_id="a", aws_secret_access_key="b")
    make_table(dynamodb)
    for row in asked["rows"]:
        dynamodb.put_item(TableName=TABLE, Item=item_of(row))
    kms = boto3.client(
        "kms", region_name=asked["region"], endpoint_url=asked["endpoint"],
        aws_access_key_id=asked["access_key_id"], aws_secret_access_key=asked["secret_access_key"],
    )  # fmt: skip
    store = KeyStore(
        KeyStoreConfig(
            ddb_client=dynamodb, ddb_table_name=TABLE, logical_key_store_name=asked["table"], kms_client=kms,
            kms_configuration=KMSConfigurationKmsKeyArn(asked["key_arn"]),
        )
    )  # fmt: skip
    keyring = AwsCryptographicMaterialProviders(MaterialProvidersConfig()).create_aws_kms_hierarchical_keyring(
        CreateAwsKmsHierarchicalKeyringInput(key_store=store, branch_key_id=asked["branch"], ttl_seconds=600)
    )
    client = aws_encryption_sdk.EncryptionSDKClient()
    opened = [client.decrypt(source=base64.b64decode(one), keyring=keyring)[0] for one in asked["messages"]]
    sealed, _ = client.encrypt(source=b"from theirs", keyring=keyring, encryption_context={"tenant": "a"})
    store.create_key(CreateKeyInput(branch_key_identifier="theirs", encryption_context={"department": "y"}))
    items = dynamodb.scan(TableName=TABLE)["Items"]
    return {
        "opened": [base64.b64encode(one).decode() for one in opened],
        "sealed": base64.b64encode(sealed).decode(),
        "rows": [row_of(item) for item in items if item["branch-key-id"]["S"] == "theirs"],
    }


with mock_aws(config=ONLY_TABLES):
    json.dump(main(json.load(sys.stdin)), sys.stdout)

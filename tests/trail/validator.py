"""AWS's validator as a program: cases come in as JSON, and what it finds wrong with each goes out.

In a process of its own, since awscli brings its own botocore along and puts it in the place of the other.

    in   {"arn", "region", "trails", "keys", "cases": [{"contents": {KEY: BASE64}, "metadata": {KEY: {…}}}]}
    out  [[complaints, number of valid digests], …]
"""

import base64
import json
import sys
from datetime import UTC, datetime, timedelta
from io import BytesIO

from awscli.customizations.cloudtrail import validation


class Clients:
    """What stands in for boto3's clients of CloudTrail and S3."""

    def __init__(self, told, case):
        self.told = told
        self.case = case

    def describe_trails(self, **_):
        return {"trailList": self.told["trails"]}

    def list_public_keys(self, **_):
        return {"PublicKeyList": self.told["keys"]}

    def get_client(self, _):
        return self

    def get_paginator(self, _):
        return self

    def paginate(self, **_):
        return self

    def search(self, _):
        return self.told["digests"]

    def get_object(self, Bucket, Key):  # noqa: N803  # boto3's names
        if Key not in self.case["contents"]:
            raise validation.ClientError({"Error": {"Code": "NoSuchKey", "Message": Key}}, "GetObject")
        body = BytesIO(base64.b64decode(self.case["contents"][Key]))
        return {"Body": body, "Metadata": self.case["metadata"].get(Key, {})}


def complaints(told, case):
    found = []

    def complain(**named):
        found.append(named["message"])

    clients = Clients(told, case)
    traverser = validation.create_digest_traverser(
        clients, None, clients, told["arn"], told["region"], on_invalid=complain, on_missing=complain, on_gap=complain
    )
    now = datetime.now(UTC).replace(tzinfo=None)
    valid = list(traverser.traverse_digests(now - timedelta(hours=1), now + timedelta(hours=1)))
    return found, len(valid)


if __name__ == "__main__":
    told = json.load(sys.stdin)
    json.dump(
        [complaints({**told, "keys": case.get("keys", told["keys"])}, case) for case in told["cases"]], sys.stdout
    )

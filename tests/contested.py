"""A key whose state and policy one client keeps changing while others, who are allowed by that policy alone, use it."""

import json
from collections.abc import Callable
from typing import Any

from history import Recording
from installation import Node


class Contested:
    """`through` are the nodes that changes go to, in turn; users are spread over `nodes`."""

    def __init__(self, nodes: list[Node], through: list[Node]) -> None:
        self._admins = [node.client("kms") for node in through]
        made = self._admins[0].create_key()["KeyMetadata"]
        self.key, self._root = made["Arn"], f"arn:aws:iam::{made['AWSAccountId']}:root"
        self._user, self._credentials = self._add_user(nodes[0])
        self._nodes = nodes
        self._turn = 0
        self._put_policy(self._admins[0], permits=True)
        self._blob = self._admins[0].encrypt(KeyId=self.key, Plaintext=b"contested")["CiphertextBlob"]

    def _add_user(self, node: Node) -> tuple[str, dict[str, str]]:
        iam = node.client("iam")
        arn = iam.create_user(UserName="contestant")["User"]["Arn"]
        return arn, iam.create_access_key(UserName="contestant")["AccessKey"]

    def users(self, number: int) -> list[Callable[[], Any]]:
        """Each with a connection of its own."""
        clients = [self._nodes[n % len(self._nodes)].client("kms", self._credentials) for n in range(number)]
        return [lambda kms=kms: kms.decrypt(KeyId=self.key, CiphertextBlob=self._blob) for kms in clients]

    def change(self, recording: Recording) -> None:
        """One permission is taken away and given back, by whichever node's turn it is."""
        self._turn += 1
        admin = self._admins[self._turn % len(self._admins)]
        if self._turn % 2:
            recording.change("state", False, lambda: admin.disable_key(KeyId=self.key))
            recording.change("state", True, lambda: admin.enable_key(KeyId=self.key))
        else:
            recording.change("policy", False, lambda: self._put_policy(admin, permits=False))
            recording.change("policy", True, lambda: self._put_policy(admin, permits=True))

    def _put_policy(self, admin: Any, *, permits: bool) -> None:
        owner = {"Effect": "Allow", "Principal": {"AWS": self._root}, "Action": "kms:*", "Resource": "*"}
        user = {"Effect": "Allow", "Principal": {"AWS": self._user}, "Action": "kms:Decrypt", "Resource": "*"}
        statements = [owner, user] if permits else [owner]
        admin.put_key_policy(KeyId=self.key, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))

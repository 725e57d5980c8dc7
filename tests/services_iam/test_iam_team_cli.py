"""The whole life of a team by the unmodified AWS CLI: users, a group, roles, policies, assume, revoke, and away again."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components import missing
from keystead.testing import running

AWS = Path(sys.executable).with_name("aws")


class Refused(Exception):
    """What the CLI wrote on standard error."""


class Cli:
    """The AWS CLI with one set of credentials."""

    def __init__(self, house, folder, credentials=None):
        if not AWS.exists():
            missing("awscli", "the AWS CLI is not installed beside this Python")
        given = credentials or {"AccessKeyId": house.access_key_id, "SecretAccessKey": house.secret_access_key}
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_PAGER": "",
            "AWS_MAX_ATTEMPTS": "1",
            **house.environment,
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given.get("SessionToken", ""),
        }

    def __call__(self, *words):
        command = [AWS, *words, "--output", "json"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise Refused(done.stderr)
        return json.loads(done.stdout) if done.stdout.strip() else None


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.mark.slow
def test_a_team_lives_its_life(tmp_path):
    with running() as house:
        aws = Cli(house, tmp_path)
        account = aws("sts", "get-caller-identity")["Account"]

        # it begins: a group that may assume, a member, a role that may use one key
        key = aws("kms", "create-key")["KeyMetadata"]["Arn"]
        aws("iam", "create-group", "--group-name", "team")
        may_assume = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": f"arn:aws:iam::{account}:role/*"}
        aws("iam", "put-group-policy", "--group-name", "team", "--policy-name", "assume",
            "--policy-document", document(may_assume))  # fmt: skip
        aws("iam", "create-user", "--user-name", "ann", "--tags", "Key=team,Value=blue")
        aws("iam", "add-user-to-group", "--group-name", "team", "--user-name", "ann")
        ann = Cli(house, tmp_path, aws("iam", "create-access-key", "--user-name", "ann")["AccessKey"])
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:PrincipalTag/team": "blue"}},
        }
        role = aws("iam", "create-role", "--role-name", "keys", "--assume-role-policy-document", document(trust))
        use = {"Effect": "Allow", "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": key}
        policy = aws("iam", "create-policy", "--policy-name", "use-key", "--policy-document", document(use))
        aws("iam", "attach-role-policy", "--role-name", "keys", "--policy-arn", policy["Policy"]["Arn"])

        # it works: the member assumes the role and uses the key, and nothing else
        simulated = aws("iam", "simulate-principal-policy", "--policy-source-arn", role["Role"]["Arn"],
                        "--action-names", "kms:Encrypt", "--resource-arns", key)  # fmt: skip
        assert simulated["EvaluationResults"][0]["EvalDecision"] == "allowed"
        given = ann("sts", "assume-role", "--role-arn", role["Role"]["Arn"], "--role-session-name", "ann")
        session = Cli(house, tmp_path, given["Credentials"])
        assert session("kms", "encrypt", "--key-id", key, "--plaintext", "eA==")["KeyId"] == key
        with pytest.raises(Refused, match="AccessDenied"):
            session("iam", "list-users")
        with pytest.raises(Refused, match="AccessDenied"):
            ann("kms", "encrypt", "--key-id", key, "--plaintext", "eA==")

        # it is looked at
        details = aws("iam", "get-account-authorization-details", "--filter", "User")
        assert "ann" in [user["UserName"] for user in details["UserDetailList"]]
        assert aws("iam", "get-account-summary")["SummaryMap"]["Groups"] == 1

        # it is revoked: the session first, then the member's way to a new one
        time.sleep(1.1)  # a session's issue time is in whole seconds
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        older = {"Effect": "Deny", "Action": "*", "Resource": "*"}
        older |= {"Condition": {"DateLessThan": {"aws:TokenIssueTime": now}}}
        aws("iam", "put-role-policy", "--role-name", "keys", "--policy-name", "AWSRevokeOlderSessions",
            "--policy-document", document(older))  # fmt: skip
        with pytest.raises(Refused, match="AccessDenied"):
            session("kms", "encrypt", "--key-id", key, "--plaintext", "eA==")
        aws("iam", "remove-user-from-group", "--group-name", "team", "--user-name", "ann")
        with pytest.raises(Refused, match="AccessDenied"):
            ann("sts", "assume-role", "--role-arn", role["Role"]["Arn"], "--role-session-name", "ann")

        # it ends, in the order that AWS asks for
        with pytest.raises(Refused, match="must delete access keys first"):
            aws("iam", "delete-user", "--user-name", "ann")
        for listed in aws("iam", "list-access-keys", "--user-name", "ann")["AccessKeyMetadata"]:
            aws("iam", "delete-access-key", "--user-name", "ann", "--access-key-id", listed["AccessKeyId"])
        aws("iam", "delete-user", "--user-name", "ann")
        with pytest.raises(Refused, match="InvalidClientTokenId"):
            ann("sts", "get-caller-identity")
        aws("iam", "delete-group-policy", "--group-name", "team", "--policy-name", "assume")
        aws("iam", "delete-group", "--group-name", "team")
        aws("iam", "delete-role-policy", "--role-name", "keys", "--policy-name", "AWSRevokeOlderSessions")
        aws("iam", "detach-role-policy", "--role-name", "keys", "--policy-arn", policy["Policy"]["Arn"])
        aws("iam", "delete-role", "--role-name", "keys")
        aws("iam", "delete-policy", "--policy-arn", policy["Policy"]["Arn"])
        assert aws("iam", "get-account-summary")["SummaryMap"]["Roles"] == 0

"""One Keystead with a populated store, boto3 and the command line as its clients."""

import json
import os
import subprocess
import sys
from pathlib import Path

import botocore.session
import pytest
from botocore.exceptions import ClientError

from keystead.testing import running
from keystead.wire.model import OWN

KEYSTEAD = Path(sys.executable).with_name("keystead")


@pytest.fixture(scope="session")
def house():
    with running() as keystead:
        yield keystead


@pytest.fixture(scope="session")
def own(house):
    """A botocore client of the own service; `credentials` as STS returns them, else the administrator's."""

    def make(credentials=None, endpoint=None):
        session = botocore.session.get_session()
        session.get_component("data_loader").search_paths.insert(0, str(OWN))
        given = credentials or {"AccessKeyId": house.access_key_id, "SecretAccessKey": house.secret_access_key}
        return session.create_client(
            "keystead",
            region_name=house.region,
            endpoint_url=endpoint or house.endpoint_url,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given.get("SessionToken"),
        )

    return make


@pytest.fixture(scope="session")
def keystead(house, tmp_path_factory):
    """Runs `keystead` with the usual AWS environment: keystead("why", id, "--output", "json")."""
    home = str(tmp_path_factory.mktemp("home"))

    def run(*words, status=0, **environment):
        variables = {"PATH": os.environ["PATH"], "HOME": home, "COLUMNS": "200", **house.environment, **environment}
        done = subprocess.run(
            [KEYSTEAD, *words], env=variables, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == status, done.stderr
        if "json" in words and status == 0:
            return json.loads(done.stdout)
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="session")
def refused():
    """The code and the answer's request id of what is refused: refused(client.operation, Name=…)."""

    def ask(operation, **asked):
        with pytest.raises(ClientError) as raised:
            operation(**asked)
        answer = raised.value.response
        return answer["Error"]["Code"], answer["ResponseMetadata"]["RequestId"]

    return ask


class Words:
    """How tests write policies."""

    @staticmethod
    def document(*statements):
        return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

    @staticmethod
    def allow(*actions, resource="*", **more):
        return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}

    @staticmethod
    def deny(*actions, resource="*", **more):
        return {"Effect": "Deny", "Action": list(actions), "Resource": resource, **more}

    @staticmethod
    def to(principal, *actions, effect="Allow", **more):
        return {"Effect": effect, "Principal": {"AWS": principal}, "Action": list(actions), "Resource": "*", **more}

    @staticmethod
    def trust(principal, **more):
        return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole", **more}


@pytest.fixture(scope="session")
def words():
    return Words

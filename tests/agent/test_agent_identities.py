"""The agent with the identities of machines: tokens of an OIDC issuer, certificates of a host. No secret of it lies anywhere."""

import http.client
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

import hosts
from issuer import Issuer
from keystead.testing import running

TOKEN = "token-of-this-machine"
READS = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"},
}


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    with Issuer(tmp_path_factory.mktemp("issuer")) as made:
        yield made


@pytest.fixture(scope="module")
def house(issuer):
    with running(oidc_ca=str(issuer.authority)) as made:
        made.client("secretsmanager").create_secret(Name="app/one", SecretString="value")
        yield made


@pytest.fixture(scope="module")
def reader(house, issuer):
    """The ARN of a role that whoever has a token of the issuer may take, and that may read secrets."""
    iam = house.client("iam")
    provider = iam.create_open_id_connect_provider(Url=issuer.url, ClientIDList=["app"])["OpenIDConnectProviderArn"]
    trusted = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{issuer.url.removeprefix('https://')}:sub": "robot"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": trusted})
    made = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.put_role_policy(RoleName="reader", PolicyName="reads", PolicyDocument=json.dumps(READS))
    return made


@pytest.fixture
def ask(house, tmp_path):
    """Starts an agent that has only what is given here of credentials, and asks it for the secret."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_TOKEN": TOKEN}
    environment |= {name: one for name, one in house.environment.items() if "KEY" not in name and "TOKEN" not in name}
    started = []

    def begin(**more):
        process = subprocess.Popen(
            [sys.executable, "-m", "keystead", "agent", "--port", "0", "--ttl", "0"],
            env=environment | more,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        place = process.stdout.readline().split()[-1].removeprefix("http://")

        def get():
            connection = http.client.HTTPConnection(place, timeout=30)
            path = "/secretsmanager/get?secretId=app/one"
            connection.request("GET", path, headers={"X-Aws-Parameters-Secrets-Token": TOKEN})
            answer = connection.getresponse()
            status, body = answer.status, json.loads(answer.read())
            connection.close()
            return status, body

        return get

    yield begin
    for process in started:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def web_identity(reader, file):
    return {"AWS_WEB_IDENTITY_TOKEN_FILE": str(file), "AWS_ROLE_ARN": reader, "AWS_ROLE_SESSION_NAME": "pod-1"}


def test_a_token_of_an_issuer_lets_the_agent_read(ask, issuer, reader, tmp_path):
    file = tmp_path / "token"
    file.write_text(issuer.token())

    status, body = ask(**web_identity(reader, file))()

    assert (status, body["SecretString"]) == (200, "value")


def test_a_token_of_somebody_else_is_refused_until_the_right_one_lies_there(ask, issuer, reader, tmp_path):
    file = tmp_path / "token"
    file.write_text(issuer.token(sub="somebody"))
    get = ask(**web_identity(reader, file))

    refused = get()
    file.write_text(issuer.token())

    assert (refused[0], refused[1]["__type"]) == (403, "AccessDenied")
    assert get()[1]["SecretString"] == "value"


def test_a_token_that_is_not_there_yet_is_no_end_of_the_agent(ask, issuer, reader, tmp_path):
    file = tmp_path / "token"
    get = ask(**web_identity(reader, file))

    missing = get()
    file.write_text(issuer.token())

    assert (missing[0], missing[1]["__type"]) == (502, "CredentialsError")
    assert get()[1]["SecretString"] == "value"


def test_a_certificate_lets_the_agent_read(ask, house, tmp_path):
    authority = hosts.Authority()
    setup = hosts.Setup(house, authority, "machines")
    host = hosts.Host(authority)
    setup.iam.put_role_policy(RoleName="machines", PolicyName="reads", PolicyDocument=json.dumps(READS))
    certificate, key, config = (tmp_path / name for name in ("host.pem", "host.key", "config"))
    certificate.write_text(hosts.pem(host.certificate))
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key.write_bytes(host.key.private_bytes(serialization.Encoding.PEM, *plain))
    command = [sys.executable, str(Path(hosts.__file__)), "--certificate", certificate, "--private-key", key]
    command += ["--trust-anchor-arn", setup.anchor, "--profile-arn", setup.profile, "--role-arn", setup.role]
    command += ["--endpoint", house.endpoint_url, "--region", house.region]
    config.write_text(f"[default]\ncredential_process = {' '.join(map(str, command))}\n")

    status, body = ask(AWS_CONFIG_FILE=str(config))()

    assert (status, body["SecretString"]) == (200, "value")

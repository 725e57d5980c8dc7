"""Clients that know nothing of Keystead but AWS_ENDPOINT_URL: the CLI, AWS's caching library, pydantic-settings."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

AWS = Path(sys.executable).with_name("aws")


@pytest.fixture
def aws(house, tmp_path):
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_PAGER": "", **house.environment}

    def run(*words, code=0):
        command = [AWS, "secretsmanager", *words, "--output", "json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout) if done.stdout else done.stderr

    return run


@pytest.fixture
def environment(house, monkeypatch):
    for name, value in house.environment.items():
        monkeypatch.setenv(name, value)


def test_the_cli(aws, name, tmp_path):
    value = tmp_path / "value.bin"
    value.write_bytes(b"\x00\x01")
    aws("create-secret", "--name", name, "--secret-string", "hunter2", "--tags", "Key=team,Value=blue")
    aws("put-secret-value", "--secret-id", name, "--secret-binary", f"fileb://{value}", "--version-stages", "next")
    aws("update-secret", "--secret-id", name, "--description", "for the cli")

    assert aws("get-secret-value", "--secret-id", name)["SecretString"] == "hunter2"
    assert aws("get-secret-value", "--secret-id", name, "--version-stage", "next")["SecretBinary"] == "AAE="
    assert aws("describe-secret", "--secret-id", name)["Description"] == "for the cli"
    listed = aws("list-secrets", "--filters", f"Key=name,Values={name}")["SecretList"]
    assert [one["Name"] for one in listed] == [name]
    assert len(aws("list-secret-version-ids", "--secret-id", name)["Versions"]) == 2
    aws("delete-secret", "--secret-id", name, "--recovery-window-in-days", "7")
    assert "was marked for deletion" in aws("get-secret-value", "--secret-id", name, code=255)
    aws("restore-secret", "--secret-id", name)


def test_awss_caching_library_serves_and_follows(environment, sm, name, patient):
    import boto3
    from aws_secretsmanager_caching import SecretCache, SecretCacheConfig

    sm.create_secret(Name=name, SecretString="one")
    client = boto3.client("secretsmanager")
    cache = SecretCache(SecretCacheConfig(secret_refresh_interval=1), client)

    assert cache.get_secret_string(name) == "one"
    sm.put_secret_value(SecretId=name, SecretString="two")
    assert patient(lambda: cache.get_secret_string(name) == "two")
    assert cache.get_secret_string(name, "AWSPREVIOUS") == "one"
    client.close()


def test_pydantic_settings_reads_a_secret(environment, sm, name):
    from pydantic_settings import AWSSecretsManagerSettingsSource, BaseSettings

    sm.create_secret(Name=name, SecretString=json.dumps({"host": "db", "port": 5432}))

    class Application(BaseSettings):
        host: str
        port: int

        @classmethod
        def settings_customise_sources(cls, settings_cls, *sources, **named):
            return (AWSSecretsManagerSettingsSource(settings_cls, name),)

    assert Application().model_dump() == {"host": "db", "port": 5432}

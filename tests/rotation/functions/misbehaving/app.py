"""Functions that do what they should not: each is harmless to the secret."""

import os
import time

import boto3


def client():
    return boto3.client("secretsmanager")


def put(event, **named):
    client().put_secret_value(
        SecretId=event["SecretId"], ClientRequestToken=event["ClientRequestToken"], SecretString="made", **named
    )


def promotes_at_once(event, context):
    put(event)  # without VersionStages: that would be AWSCURRENT


def promotes_untested(event, context):
    put(event, VersionStages=["AWSPENDING"])
    move(event)


def move(event):
    asked = client()
    versions = asked.describe_secret(SecretId=event["SecretId"])["VersionIdsToStages"]
    current = next(version for version, stages in versions.items() if "AWSCURRENT" in stages)
    asked.update_secret_version_stage(
        SecretId=event["SecretId"],
        VersionStage="AWSCURRENT",
        MoveToVersionId=event["ClientRequestToken"],
        RemoveFromVersionId=current,
    )


def writes_another_version(event, context):
    client().put_secret_value(SecretId=event["SecretId"], SecretString="made", VersionStages=["AWSPENDING"])


def labels_of_its_own(event, context):
    put(event, VersionStages=["AWSPENDING", "mine"])


def reads_another_secret(event, context):
    client().get_secret_value(SecretId=os.environ["OTHER"])


def does_nothing(event, context):
    """Returns as though it had."""


def never_finishes(event, context):
    if event["Step"] == "createSecret":
        put(event, VersionStages=["AWSPENDING"])


def prints_everything(event, context):
    print(client().get_secret_value(SecretId=event["SecretId"]))
    raise ValueError(client().get_secret_value(SecretId=event["SecretId"])["SecretString"])


def hangs(event, context):
    time.sleep(600)


def dies(event, context):
    os._exit(3)


def comes_late(event, context):
    """A child that hides would write when the step is long over, if it could."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(3)
            put(event, VersionStages=["AWSPENDING"])
        os._exit(0)

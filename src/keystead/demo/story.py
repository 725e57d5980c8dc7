"""The eight acts of the demo. Each shows something, checks it, and fails loudly when it is not so."""

import gzip
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console

from keystead.demo import files
from keystead.demo.password import password
from keystead.demo.stage import START_SECONDS, DemoFailed, keystead, says
from keystead.demo.telling import Story

ALIAS = "alias/archive"
ROTATES = "KeysteadRotation"
"""The role in which rotations work."""
USES = ("Encrypt", "Decrypt", "GenerateDataKey", "ReEncrypt")


def tell(source: Path, out: Console) -> None:
    """The whole story on a fresh Keystead in a temporary folder. Raises DemoFailed."""
    with tempfile.TemporaryDirectory(prefix="keystead-demo-") as folder:
        data, target = Path(folder) / "data", Path(folder) / "sealed"
        with keystead(data) as stage:
            out.print(f"Keystead serves at {stage.endpoint_url}; account {stage.account}.", highlight=False)
            story = Story(stage, source, target, out)
            for act in (key_and_roles, envelope, refusal, rotation, end_of_the_key, password, trail, proofs):
                act(story)


def key_and_roles(story: Story) -> None:
    story.act(1, "A key with its own policy, an alias, and two roles (AWS CLI)")
    stage = story.stage
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": stage.root}, "Action": "sts:AssumeRole"}],
    }
    roles = {}
    for name in ("archivist", "visitor"):
        role = stage.aws("iam", "create-role", "--role-name", name, "--assume-role-policy-document", json.dumps(trust))
        roles[name] = role["Role"]["Arn"]
        story.say(roles[name])
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Administration",
                "Effect": "Allow",
                "Principal": {"AWS": stage.root},
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Sid": "Use",
                "Effect": "Allow",
                "Principal": {"AWS": roles["archivist"]},
                "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
                "Resource": "*",
            },
        ],
    }
    made = stage.aws("kms", "create-key", "--description", "Archive", "--policy", json.dumps(policy))
    story.key_arn = made["KeyMetadata"]["Arn"]
    stage.aws("kms", "create-alias", "--alias-name", ALIAS, "--target-key-id", made["KeyMetadata"]["KeyId"])
    story.say(f"{story.key_arn}, known as {ALIAS}")
    kept = json.loads(stage.aws("kms", "get-key-policy", "--key-id", story.key_arn)["Policy"])
    story.check(kept == policy, "the key carries the policy it was given")
    story.archivist, story.visitor = (stage.assume(arn) for arn in roles.values())


def envelope(story: Story) -> None:
    story.act(2, f"Envelope encryption of {story.source} (boto3, as the archivist)")
    kms = story.stage.client("kms", story.archivist)
    story.with_bar("sealing", lambda file: files.seal(kms, ALIAS, file))
    opened = story.with_bar("opening", lambda file: files.matches(kms, file))
    size = sum(file.source.stat().st_size for file in story.files)
    story.check(all(opened), f"{len(opened)} files, {size:,} bytes, came back byte for byte")


def refusal(story: Story) -> None:
    story.act(3, "The visitor is refused")
    kms = story.stage.client("kms", story.visitor)
    error = refused(lambda: files.matches(kms, story.files[0]))
    story.say(f"{error['Code']}: {error['Message']}")
    story.check(error["Code"] == "AccessDeniedException", "the visitor cannot open a single file")


def rotation(story: Story) -> None:
    story.act(4, "Rotation on demand (AWS CLI), and ReEncrypt of the wrapped data keys (boto3)")
    stage = story.stage
    kms = stage.client("kms", story.archivist)
    first, before = story.files[0], files.digest(story.files)
    old = material_of(kms, first)
    stage.aws("kms", "rotate-key-on-demand", "--key-id", story.key_arn)
    rotations = stage.aws("kms", "list-key-rotations", "--key-id", story.key_arn)["Rotations"]
    story.check(len(rotations) == 1, "the key has new material")
    opened = story.with_bar("opening old files", lambda file: files.matches(kms, file))
    story.check(all(opened) and material_of(kms, first) == old, "old files still open, under the old material")
    story.with_bar("ReEncrypt", lambda file: files.rewrap(kms, ALIAS, file))
    opened = story.with_bar("opening", lambda file: files.matches(kms, file))
    story.check(all(opened) and material_of(kms, first) != old, "the wrapped data keys moved to the new material")
    story.check(files.digest(story.files) == before, "not a byte of the sealed files was touched")


def material_of(kms: Any, file: files.Sealed) -> str:
    answer = kms.decrypt(CiphertextBlob=file.key.read_bytes(), EncryptionContext=file.context)
    return str(answer["KeyMaterialId"])


def end_of_the_key(story: Story) -> None:
    story.act(5, "The key disabled, then scheduled for deletion (AWS CLI)")
    stage = story.stage
    stage.aws("kms", "disable-key", "--key-id", story.key_arn)
    every_use(story, "DisabledException")
    stage.aws("kms", "schedule-key-deletion", "--key-id", story.key_arn, "--pending-window-in-days", "7")
    every_use(story, "KMSInvalidStateException")


def every_use(story: Story, code: str) -> None:
    kms = story.stage.client("kms", story.archivist)
    first = story.files[0]
    attempts: dict[str, Callable[[], Any]] = {
        "Encrypt": lambda: kms.encrypt(KeyId=ALIAS, Plaintext=b"no"),
        "Decrypt": lambda: files.matches(kms, first),
        "GenerateDataKey": lambda: kms.generate_data_key(KeyId=ALIAS, KeySpec="AES_256"),
        "ReEncrypt": lambda: files.rewrap(kms, ALIAS, first),
    }
    errors = {name: refused(attempts[name]) for name in USES}
    story.say(f"{errors['Encrypt']['Code']}: {errors['Encrypt']['Message']}")
    story.check(all(error["Code"] == code for error in errors.values()), f"{', '.join(USES)} all answer {code}")


def refused(attempt: Callable[[], Any]) -> dict[str, str]:
    try:
        attempt()
    except ClientError as error:
        return {"Code": error.response["Error"]["Code"], "Message": error.response["Error"].get("Message", "")}
    raise DemoFailed("a use that should have been refused succeeded")


def trail(story: Story) -> None:
    story.act(7, "Every one of those calls is on the record (AWS CLI)")
    stage = story.stage
    asked = stage.calls.copy()
    events = stage.aws("cloudtrail", "lookup-events")["Events"]
    recorded = [json.loads(event["CloudTrailEvent"]) for event in events]
    seen = {event["requestID"] for event in recorded if "requestID" in event}
    ours = Counter(event["eventName"] for event in recorded if asked_by_a_client(event))
    counts = {name: ours[name] for name in asked}
    for name, count in sorted(asked.items()):
        story.say(f"{name:<24}{count:>6} asked {counts[name]:>6} recorded")
    story.check(stage.request_ids <= seen, f"all {len(stage.request_ids)} request ids that boto3 was given are found")
    besides = len(recorded) - ours.total()
    if besides:
        story.say(f"{besides} more are of rotations, and of Secrets Manager with its key")
    story.check(
        all(counts[name] == count for name, count in asked.items()), "and not one call more or less of any kind"
    )


def asked_by_a_client(event: dict[str, Any]) -> bool:
    """Not what Secrets Manager asks of the keys in the caller's name, nor what a rotation does."""
    identity = event["userIdentity"]
    return "invokedBy" not in identity and f"/{ROTATES}/" not in identity.get("arn", "")


def proofs(story: Story) -> None:
    story.act(8, "The trail proves itself, to AWS's validator and to the stricter one")
    stage = story.stage
    until_listed(story)
    both(story, 0)
    story.check(True, "both validators pass")  # they raise where it is not so
    path = next(iter(sorted(stage.data.glob("bucket/AWSLogs/*/CloudTrail/**/*.gz"))))
    content = path.read_bytes()
    path.write_bytes(gzip.compress(one_byte_changed(gzip.decompress(content))))
    story.say("")
    story.say(f"One byte of {path.name} is changed.")
    both(story, 1)
    story.check(True, "both validators say which file it is")
    path.write_bytes(content)


def until_listed(story: Story) -> None:
    """Until the records of everything so far are in files that a digest lists, and a witness has seen them."""
    verify = (
        "trail",
        "verify",
        "--data",
        str(story.stage.data),
        "--policy",
        str(story.stage.policy),
        "--output",
        "json",
    )
    wanted: int | None = None
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        _, output = says(*verify)
        found = json.loads(output)
        wanted = found["records"] if wanted is None else wanted
        if min(found["files"]["covered"], found["cosigned"]) >= wanted:
            return
        time.sleep(1)
    raise DemoFailed("No digest was made in time.")


def both(story: Story, status: int) -> None:
    """AWS's validator and ours, on the node that serves."""
    stage = story.stage
    arn = f"arn:aws:cloudtrail:{stage.region}:{stage.account}:trail/keystead"
    validate = ("cloudtrail", "validate-logs", "--trail-arn", arn, "--start-time", "2026-01-01T00:00:00Z")
    verify = ("trail", "verify", "--data", str(stage.data), "--policy", str(stage.policy))
    aws, theirs = stage.aws_says(*validate)
    own, ours = says(*verify)
    for title, said in (("aws cloudtrail validate-logs", theirs), ("keystead trail verify", ours.splitlines())):
        story.say(f"$ {title}")
        for line in said:
            story.say(f"  {line}")
    if bool(aws) != bool(status) or own != status:
        raise DemoFailed(f"aws cloudtrail validate-logs ended with {aws}, keystead trail verify with {own}.")


def one_byte_changed(content: bytes) -> bytes:
    """In the middle, where the records are."""
    place = len(content) // 2
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]

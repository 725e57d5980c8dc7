"""References: names under which parameters' readers find secrets (Systems Manager user guide, referencing Secrets Manager secrets).

    /aws/reference/secretsmanager/NAME[:VERSION-ID | :STAGE]        NAME: a secret's name, name and suffix, or whole ARN

The secret is read as the caller, through a GetSecretValue that is forwarded and recorded: its policy and its key count as ever.
Nothing is stored.

1. may the caller read the reference?     2. may it read the secret, and open it under its key?     3. the value
"""

import json
import re
from typing import Any, Final

from keystead.identities.call import Call
from keystead.parameters.errors import ReferenceNotFound, RequestWrong
from keystead.parameters.parameter import SECURE_STRING, TEXT, arn_of
from keystead.secrets import names
from keystead.secrets.errors import NameInvalid, SecretNotFound, StageNotFound, VersionNotFound
from keystead.secrets.room import stages_of
from keystead.secrets.secret import CURRENT
from keystead.services.ssm.rooms import Room
from keystead.trail.event import new_id

PREFIX: Final = "/aws/reference/secretsmanager/"
VERSION_ID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[A-Za-z0-9-]{32,64}")
NEEDS_DECRYPTION: Final = "WithDecryption flag must be True for retrieving a Secret Manager secret."
NOT_FOUND: Final = (NameInvalid, SecretNotFound, StageNotFound, VersionNotFound)


def is_one(name: str) -> bool:
    return name.strip().startswith(PREFIX)


async def if_there(room: Room, call: Call, name: str, *, decrypt: bool) -> dict[str, Any] | None:
    try:
        return await read(room, call, name, decrypt=decrypt)
    except ReferenceNotFound:
        return None


async def read(room: Room, call: Call, name: str, *, decrypt: bool) -> dict[str, Any]:
    """Raises RequestWrong, ReferenceNotFound, AccessDenied, and what reading a secret raises."""
    name = name.strip()
    secret_id, version_id, stage = parts(name.removeprefix(PREFIX))
    reference = arn_of(call.account, call.region, name)
    room.parameters.decide(call, call.action, call.account, reference, None)  # 1
    if not decrypt:
        raise RequestWrong(NEEDS_DECRYPTION)
    try:
        answer = await secret_value(room, call, secret_id, version_id, stage)  # 2
    except NOT_FOUND:
        raise ReferenceNotFound(secret_id) from None
    return {
        "Name": name,
        "Type": SECURE_STRING,
        "Value": answer["SecretString"],
        "Version": 0,
        "SourceResult": json.dumps({**answer, "CreatedDate": round(answer["CreatedDate"], 3)}),
        "LastModifiedDate": answer["CreatedDate"],
        "ARN": answer["ARN"],
        "DataType": TEXT,
    }


def parts(text: str) -> tuple[str, str | None, str | None]:
    """(the secret's name or ARN, version id, stage)"""
    head, tail = (":".join(text.split(":")[:7]), text.split(":")[7:]) if text.startswith("arn:") else split(text)
    if not tail:
        return head, None, None
    if len(tail) > 1 or not re.fullmatch(r"[A-Za-z0-9._-]+", tail[0]):
        raise RequestWrong("A reference names a version by its id or by a stage of letters, digits and . - _")
    return (head, tail[0], None) if VERSION_ID.fullmatch(tail[0]) else (head, None, tail[0])


def split(text: str) -> tuple[str, list[str]]:
    name, *more = text.split(":")
    return name, more


async def secret_value(
    room: Room, call: Call, secret_id: str, version_id: str | None, stage: str | None
) -> dict[str, Any]:
    """As GetSecretValue answers it, of a secret that is a text. Raises RequestWrong for one that is not."""
    place = names.read(call, secret_id)
    known = await room.secrets.reach(call, place)
    if known is None and names.WHOLE.fullmatch(secret_id):
        place = names.read(call, place.arn)
        known = await room.secrets.reach(call, place)
        secret_id = place.arn if known is not None else secret_id
    resource = known.arn if known is not None else place.arn
    asked = {"secret_id": secret_id, "version_id": version_id, "version_stage": stage}
    asked = {name: value for name, value in asked.items() if value is not None}
    with call.forward(new_id(), "secretsmanager", "GetSecretValue", resource, asked) as forwarded:
        conditions = {"secretsmanager:versionstage": (stage or CURRENT,)} if version_id is None else {}
        if version_id is not None:
            conditions["secretsmanager:versionid"] = (version_id,)
        secret = await room.secrets.admit(forwarded, "GetSecretValue", secret_id, asked=conditions)
        version = await room.secrets.version(secret, version_id, stage)
        value = await room.secrets.open(forwarded, secret, version)
        forwarded.notes.secret(secret.arn, version.id)
    if value.binary:
        raise RequestWrong("A reference leads to a secret that is a text.")
    return {
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": version.id,
        "SecretString": value.content.decode(errors="surrogatepass"),
        "VersionStages": list(stages_of(secret, version.id)),
        "CreatedDate": version.created_at,
    }

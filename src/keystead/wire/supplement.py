"""Where AWS's published models are not what AWS does: operations that only a tool of AWS's own calls, and patterns that a service
refuses in words of its own.

CreateSession of IAM Roles Anywhere (IAM Roles Anywhere user guide, CreateSession; the credential helper's requests). It is signed
with the key of a certificate, not with a secret: `authtype` is x509.
"""

from collections.abc import Mapping
from typing import Any, Final

ARN: Final = {"type": "string", "min": 20, "max": 2048}
IN_QUERY: Final = {"shape": "SessionArn", "location": "querystring"}

ROLESANYWHERE: Final[dict[str, Any]] = {
    "operations": {
        "CreateSession": {
            "name": "CreateSession",
            "http": {"method": "POST", "requestUri": "/sessions", "responseCode": 201},
            "input": {"shape": "CreateSessionRequest"},
            "output": {"shape": "CreateSessionResponse"},
            "errors": [
                {"shape": "ValidationException"},
                {"shape": "ResourceNotFoundException"},
                {"shape": "AccessDeniedException"},
            ],
            "authtype": "x509",
        }
    },
    "shapes": {
        "SessionArn": ARN,
        "SessionSeconds": {"type": "integer", "min": 900, "max": 43_200},
        "SessionName": {"type": "string", "min": 2, "max": 64, "pattern": "[\\w+=,.@-]*"},
        "SessionProperties": {"type": "map", "key": {"shape": "String"}, "value": {"shape": "String"}},
        "CreateSessionRequest": {
            "type": "structure",
            "required": ["profileArn", "roleArn", "trustAnchorArn"],
            "members": {
                "profileArn": {**IN_QUERY, "locationName": "profileArn"},
                "roleArn": {**IN_QUERY, "locationName": "roleArn"},
                "trustAnchorArn": {**IN_QUERY, "locationName": "trustAnchorArn"},
                "durationSeconds": {"shape": "SessionSeconds"},
                "roleSessionName": {"shape": "SessionName"},
                "sessionName": {"shape": "String"},
                "instanceProperties": {"shape": "SessionProperties"},
            },
        },
        "SessionSecret": {"type": "string", "sensitive": True},
        "SessionCredentials": {
            "type": "structure",
            "members": {
                "accessKeyId": {"shape": "String"},
                "secretAccessKey": {"shape": "SessionSecret"},
                "sessionToken": {"shape": "SessionSecret"},
                "expiration": {"shape": "SyntheticTimestamp_date_time"},
            },
        },
        "SessionUser": {
            "type": "structure",
            "members": {"arn": {"shape": "String"}, "assumedRoleId": {"shape": "String"}},
        },
        "SessionResponse": {
            "type": "structure",
            "members": {
                "assumedRoleUser": {"shape": "SessionUser"},
                "credentials": {"shape": "SessionCredentials"},
                "packedPolicySize": {"shape": "Integer"},
                "roleArn": {"shape": "String"},
                "sourceIdentity": {"shape": "String"},
            },
        },
        "SessionResponses": {"type": "list", "member": {"shape": "SessionResponse"}},
        "CreateSessionResponse": {
            "type": "structure",
            "members": {"credentialSet": {"shape": "SessionResponses"}, "subjectArn": {"shape": "String"}},
        },
    },
}

SUPPLEMENTS: Final = {"rolesanywhere": ROLESANYWHERE}
LOOSENED: Final = {"secretsmanager": ("DurationType",)}
"""Shapes whose pattern the domain checks: a bad Duration is an InvalidParameterException, as every other bad rule of a rotation is
(Secrets Manager user guide, schedule expressions)."""


def supplemented(name: str, document: dict[str, Any]) -> dict[str, Any]:
    """The model as AWS keeps to it. Raises ValueError when names collide, KeyError where a loosened shape is gone."""
    loosened = {shape: without_pattern(document["shapes"][shape]) for shape in LOOSENED.get(name, ())}
    return completed(name, {**document, "shapes": {**document["shapes"], **loosened}} if loosened else document)


def without_pattern(shape: Mapping[str, Any]) -> dict[str, Any]:
    return {trait: value for trait, value in shape.items() if trait != "pattern"}


def completed(name: str, document: dict[str, Any]) -> dict[str, Any]:
    """The model with what it leaves out; as it is once it has all of that itself. Raises ValueError when names collide."""
    more = SUPPLEMENTS.get(name)
    if more is None or more["operations"].keys() <= document["operations"].keys():
        return document
    parts = {}
    for part in ("operations", "shapes"):
        if more[part].keys() & document[part].keys():
            raise ValueError(f"The model of {name} has grown into its supplement.")
        parts[part] = {**document[part], **more[part]}
    return {**document, **parts}

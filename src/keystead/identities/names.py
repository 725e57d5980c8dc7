"""Names of identities: ARNs, unique ids and access key ids, made and taken apart.

    arn:aws:iam::111122223333:user/path/NAME          AIDA + 17   user
    arn:aws:iam::111122223333:role/path/NAME          AROA + 17   role
    arn:aws:iam::111122223333:group/path/NAME         AGPA + 17   group
    arn:aws:iam::111122223333:policy/path/NAME        ANPA + 17   managed policy
    arn:aws:iam::111122223333:oidc-provider/ISSUER                 OIDC provider: its URL without https://
    arn:aws:sts::111122223333:assumed-role/NAME/SESSION            session of a role: the path is not in it
    arn:aws:sts::111122223333:federated-user/NAME                  session of GetFederationToken
    AKIA + 16, ASIA + 16                                          access keys, long-term and temporary

Source: IAM user guide, IAM identifiers.
"""

import re
import secrets
from typing import Final, Literal, NamedTuple

Kind = Literal["user", "role", "group"]

PREFIXES: Final[dict[Kind, str]] = {"user": "AIDA", "role": "AROA", "group": "AGPA"}
UNIQUE: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
ACCESS_KEY_LENGTH: Final = 20
LONG_TERM: Final = "AKIA"
TEMPORARY: Final = "ASIA"
BASE32: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

ENTITY: Final = re.compile(
    r"arn:aws:iam::(?P<account>[0-9]{12}):(?P<kind>user|role)(?P<path>/(?:[\x21-\x7e]*/)?)(?P<name>[^/]+)"
)
NAMED: Final = re.compile(ENTITY.pattern.replace("user|role", "user|role|group"))
SESSION: Final = re.compile(r"arn:aws:sts::(?P<account>[0-9]{12}):assumed-role/(?P<role>[^/]+)/(?P<name>[^/]+)")
ROOT: Final = re.compile(r"arn:aws:iam::(?P<account>[0-9]{12}):root")
ACCOUNT: Final = re.compile(r"[0-9]{12}")
POLICY: Final = re.compile(
    r"arn:aws:iam::(?P<account>[0-9]{12}|aws):policy(?P<path>/(?:[\x21-\x7e]*/)?)(?P<name>[^/]+)"
)


PROVIDER: Final = re.compile(r"arn:aws:iam::(?P<account>[0-9]{12}):oidc-provider/(?P<issuer>[\x21-\x7e]+)")


class Named(NamedTuple):
    """What an ARN says about a user, role or policy."""

    account: str
    kind: str
    path: str
    name: str


def entity_arn(account: str, kind: str, path: str, name: str) -> str:
    return f"arn:aws:iam::{account}:{kind}{path}{name}"


def policy_arn(account: str, path: str, name: str) -> str:
    return f"arn:aws:iam::{account}:policy{path}{name}"


def session_arn(account: str, role: str, session: str) -> str:
    return f"arn:aws:sts::{account}:assumed-role/{role}/{session}"


def provider_arn(account: str, issuer: str) -> str:
    """`issuer` without its https://."""
    return f"arn:aws:iam::{account}:oidc-provider/{issuer}"


def federated_arn(account: str, name: str) -> str:
    return f"arn:aws:sts::{account}:federated-user/{name}"


def root_arn(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


def parse_entity(arn: str) -> Named | None:
    """None for anything but the ARN of a user or role."""
    found = ENTITY.fullmatch(arn)
    return Named(found["account"], found["kind"], found["path"], found["name"]) if found else None


def parse_named(arn: str) -> Named | None:
    """None for anything but the ARN of a user, role or group."""
    found = NAMED.fullmatch(arn)
    return Named(found["account"], found["kind"], found["path"], found["name"]) if found else None


def parse_policy(arn: str) -> Named | None:
    """None for anything but the ARN of a managed policy; of one that is shipped the account is "aws"."""
    found = POLICY.fullmatch(arn)
    return Named(found["account"], "policy", found["path"], found["name"]) if found else None


def parse_provider(arn: str) -> tuple[str, str] | None:
    """(account, issuer without its https://) of an OIDC provider."""
    found = PROVIDER.fullmatch(arn)
    return (found["account"], found["issuer"]) if found else None


def new_unique_id(prefix: str) -> str:
    return prefix + "".join(secrets.choice(UNIQUE) for _ in range(17))


def new_access_key_id(prefix: str) -> str:
    return prefix + "".join(secrets.choice(BASE32) for _ in range(16))


def fold(name: str) -> str:
    """Names and tag keys are unique without regard to case; so are condition keys, which is why it is lower case."""
    return name.lower()

"""How much of everything an account may have (IAM user guide, IAM and AWS STS quotas; defaults of 2023)."""

from typing import Final

USERS: Final = ("UsersPerAccount", 5000)
ROLES: Final = ("RolesPerAccount", 1000)
GROUPS: Final = ("GroupsPerAccount", 300)
GROUPS_OF_USER: Final = ("GroupsPerUser", 10)
POLICIES: Final = ("PoliciesPerAccount", 1500)
ACCESS_KEYS: Final = ("AccessKeysPerUser", 2)
ATTACHED: Final = {"user": ("PoliciesPerUser", 10), "role": ("PoliciesPerRole", 10), "group": ("PoliciesPerGroup", 10)}
INSTANCE_PROFILES: Final = ("InstanceProfilesPerAccount", 1000)
ROLES_OF_PROFILE: Final = ("InstanceSessionsPerInstanceProfile", 1)
PROVIDERS: Final = ("OpenIdConnectProvidersPerAccount", 100)
CLIENT_IDS: Final = ("ClientIdsPerOpenIdConnectProvider", 100)
THUMBPRINTS: Final = ("ThumbprintsPerOpenIdConnectProvider", 5)
TAGS: Final = ("TagsPerEntity", 50)

TRUST: Final = ("ACLSizePerRole", 2048)
MANAGED: Final = ("PolicySize", 6144)
INLINE: Final = {"user": 2048, "role": 10_240, "group": 5120}
"""Characters of all inline policies of an entity together. White space is not counted, here and in the two above."""

VERSIONS: Final = 5
SESSION_POLICIES: Final = 10
"""PolicyArns of one session."""
SESSION_CHARACTERS: Final = 2048
"""Of a session's policy and PolicyArns together, as given."""
SESSION_BYTES: Final = 4096
"""Policies and tags of one session, deflated (ours: AWS packs them in a way it does not publish)."""

SESSION_SECONDS: Final = 3600
CHAINED_SECONDS: Final = 3600
TOKEN_SECONDS: Final = 43_200
"""Default of GetSessionToken."""


def size(text: str) -> int:
    """Characters of a policy as quotas count them."""
    return len("".join(text.split()))

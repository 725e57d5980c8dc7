"""What an account says of itself as a whole: its alias, and how much of everything it has."""

from typing import Final

from keystead.identities import limits
from keystead.identities.call import Call
from keystead.identities.names import Kind
from keystead.identities.room import Identities
from keystead.identities.store import account_aliases, counting
from keystead.services.iam import door
from keystead.services.iam.pages import Pages
from keystead.services.service import Answer

QUOTAS: Final = {
    #  key of the summary                   value                       source: identities.limits
    "UsersQuota":                        limits.USERS[1],
    "GroupsQuota":                       limits.GROUPS[1],
    "RolesQuota":                        limits.ROLES[1],
    "PoliciesQuota":                     limits.POLICIES[1],
    "InstanceProfilesQuota":             limits.INSTANCE_PROFILES[1],
    "GroupsPerUserQuota":                limits.GROUPS_OF_USER[1],
    "AccessKeysPerUserQuota":            limits.ACCESS_KEYS[1],
    "AttachedPoliciesPerUserQuota":      limits.ATTACHED["user"][1],
    "AttachedPoliciesPerRoleQuota":      limits.ATTACHED["role"][1],
    "AttachedPoliciesPerGroupQuota":     limits.ATTACHED["group"][1],
    "UserPolicySizeQuota":               limits.INLINE["user"],
    "RolePolicySizeQuota":               limits.INLINE["role"],
    "GroupPolicySizeQuota":              limits.INLINE["group"],
    "AssumeRolePolicySizeQuota":         limits.TRUST[1],
    "PolicySizeQuota":                   limits.MANAGED[1],
    "VersionsPerPolicyQuota":            limits.VERSIONS,
    "PolicyVersionsInUseQuota":          limits.POLICIES[1] * limits.VERSIONS,
    # there are none of these, and none can be made
    "ServerCertificates":                0,
    "ServerCertificatesQuota":           0,
    "SigningCertificatesPerUserQuota":   0,
    "MFADevices":                        0,
    "MFADevicesInUse":                   0,
    "AccountMFAEnabled":                 0,
    "AccountAccessKeysPresent":          0,  # of the root user
    "AccountPasswordPresent":            0,
    "AccountSigningCertificatesPresent": 0,
    "GlobalEndpointTokenVersion":        2,  # tokens are good in every Region
}  # fmt: skip  # a table


async def create_account_alias(room: Identities, call: Call, *, account_alias: str) -> None:
    door.permit(call, "*")
    async with room.write(call) as tx:
        await account_aliases.put(tx, call.account, account_alias)


async def list_account_aliases(
    room: Identities, call: Call, *, marker: str | None = None, max_items: int | None = None
) -> Answer:
    door.permit(call, "*")
    async with room.database.read() as connection:
        alias = await account_aliases.of_account(connection, call.account)
    pages = Pages(room, call, marker, max_items)
    return await pages.cut("AccountAliases", [alias] if alias is not None else [], str, str)


async def delete_account_alias(room: Identities, call: Call, *, account_alias: str) -> None:
    door.permit(call, "*")
    async with room.write(call) as tx:
        await account_aliases.remove(tx, call.account, account_alias)


KINDS: Final[dict[str, Kind]] = {"Users": "user", "Groups": "group", "Roles": "role"}


async def get_account_summary(room: Identities, call: Call) -> Answer:
    door.permit(call, "*")
    async with room.database.read() as connection:
        counted = {title: await counting.entities_of(connection, call.account, kind) for title, kind in KINDS.items()}
        counted |= {
            "Policies": await counting.policies_of(connection, call.account),
            "PolicyVersionsInUse": await counting.versions_of(connection, call.account),
            "InstanceProfiles": await counting.profiles_of(connection, call.account),
            "Providers": await counting.providers_of(connection, call.account),
        }
    return {"SummaryMap": QUOTAS | counted}

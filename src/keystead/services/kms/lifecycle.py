"""Making, finding, changing and ending keys."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from keystead.access.policy import Kind
from keystead.access.request import Values
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.keyholder.promise import ENCRYPT_DECRYPT, SYMMETRIC_DEFAULT
from keystead.keys import changes, creation, listing
from keystead.keys import tags as key_tags
from keystead.keys.conditions import KeyContext, truth
from keystead.keys.errors import NotServed, ParameterWrong
from keystead.keys.key import AWS_CLOUDHSM, AWS_KMS, EXTERNAL_KEY_STORE, State
from keystead.keys.lastuse import days_without_use, last_use
from keystead.keys.pages import Pages
from keystead.keys.specs import SPECS
from keystead.keys.use import Keys
from keystead.services.kms.answers import key_metadata
from keystead.services.kms.refused import why_not
from keystead.services.policy_warnings import warn

Answer = Mapping[str, Any]
WINDOW: Final = (7, 30)
"""Days between ScheduleKeyDeletion and the end (KMS API reference); the model's own limits are wider."""
PAGE: Final = 100
USAGES: Final = {
    #  key spec prefix  usages AWS offers                              source: KMS developer guide, key spec reference
    "SYMMETRIC_DEFAULT": ("ENCRYPT_DECRYPT",),
    "RSA_": ("ENCRYPT_DECRYPT", "SIGN_VERIFY"),
    "ECC_NIST_P": ("SIGN_VERIFY", "KEY_AGREEMENT"),
    "ECC_": ("SIGN_VERIFY",),
    "HMAC_": ("GENERATE_VERIFY_MAC",),
    "ML_DSA_": ("SIGN_VERIFY",),
    "ML_KEM_": ("ENCAPSULATE_DECAPSULATE",),
    "SM2": ("ENCRYPT_DECRYPT", "SIGN_VERIFY", "KEY_AGREEMENT"),
}  # fmt: skip  # a table


async def create_key(
    keys: Keys,
    call: Call,
    *,
    policy: str | None = None,
    description: str = "",
    key_usage: str | None = None,
    customer_master_key_spec: str | None = None,
    key_spec: str | None = None,
    origin: str = AWS_KMS,
    bypass_policy_lockout_safety_check: bool | None = None,
    tags: Sequence[Mapping[str, str]] = (),
    custom_key_store_id: str | None = None,
    xks_key_id: str | None = None,
    multi_region: bool = False,
) -> Answer:
    if key_spec and customer_master_key_spec and key_spec != customer_master_key_spec:
        raise ParameterWrong("KeySpec and CustomerMasterKeySpec must be the same when both are given.")
    spec = key_spec or customer_master_key_spec or SYMMETRIC_DEFAULT
    usage = check_kind(spec, key_usage)
    check_place(spec, origin, custom_key_store_id, xks_key_id, multi_region=multi_region)
    asked: dict[str, Values] = {
        "kms:keyspec": (spec,),
        "kms:customermasterkeyspec": (spec,),
        "kms:keyusage": (usage,),
        "kms:customermasterkeyusage": (usage,),
        "kms:keyorigin": (origin,),
        "kms:multiregion": truth(multi_region),
    }
    if multi_region:
        asked["kms:multiregionkeytype"] = ("PRIMARY",)
    if bypass_policy_lockout_safety_check is not None:
        asked["kms:bypasspolicylockoutsafetycheck"] = (str(bypass_policy_lockout_safety_check).lower(),)
    key = await creation.create(
        keys,
        call,
        spec=spec,
        usage=usage,
        policy=policy,
        description=description,
        origin=origin,
        multi_region=multi_region,
        tags=tags_of(tags),
        bypass=bool(bypass_policy_lockout_safety_check),
        asked=asked,
        store_id=custom_key_store_id,
        external_key_id=xks_key_id,
    )
    warn(call, policy, Kind.KEY)
    return {"KeyMetadata": key_metadata(key)}


def tags_of(listed: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return key_tags.check(listed)


def check_kind(spec: str, usage: str | None) -> str:
    """The usage of a kind of key that can be made here. What AWS itself refuses is refused in its words."""
    offered = next((usages for prefix, usages in USAGES.items() if spec.startswith(prefix)), ())
    if usage is None and spec != SYMMETRIC_DEFAULT:
        raise ParameterWrong("You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.")
    usage = usage or ENCRYPT_DECRYPT
    if usage not in offered:
        raise ParameterWrong(f"KeyUsage {usage} is not compatible with KeySpec {spec}")
    if spec not in SPECS:
        raise NotServed(why_not("CreateKey.KeySpec", spec))
    return usage


def check_place(
    spec: str, origin: str, store_id: str | None, external_key_id: str | None, *, multi_region: bool
) -> None:
    """What goes together (KMS API reference, CreateKey). The texts are ours. Raises ParameterWrong, NotServed."""
    in_store = origin in {AWS_CLOUDHSM, EXTERNAL_KEY_STORE}
    if in_store != (store_id is not None):
        raise ParameterWrong(f"Origin {origin} and CustomKeyStoreId do not go together.")
    if (origin == EXTERNAL_KEY_STORE) != (external_key_id is not None):
        raise ParameterWrong(f"Origin {origin} and XksKeyId do not go together.")
    if in_store and (spec != SYMMETRIC_DEFAULT or multi_region):
        raise NotServed("A key in a custom key store is a single-Region symmetric encryption key.")


async def describe_key(keys: Keys, call: Call, *, key_id: str, grant_tokens: Sequence[str] = ()) -> Answer:
    key = await keys.admit(call, "DescribeKey", key_id, aliases=True, grant_tokens=grant_tokens)
    return {"KeyMetadata": key_metadata(key)}


async def list_keys(
    keys: Keys,
    call: Call,
    *,
    limit: int = PAGE,
    marker: str | None = None,
    resource_owners: Sequence[str] = (),
) -> Answer:
    authorize(call, "kms:ListKeys", extra=KeyContext(call, None))
    pages = Pages(keys.keyholder, call, owners=",".join(sorted(resource_owners)))
    after = await pages.place(marker, "")
    if resource_owners and "SELF" not in resource_owners:
        return {"Keys": [], "Truncated": False}
    found = await listing.keys_after(keys, call, after, limit)
    answer: dict[str, Any] = {
        "Keys": [{"KeyId": key_id, "KeyArn": arn} for key_id, arn in found[:limit]],
        "Truncated": len(found) > limit,
    }
    if len(found) > limit:
        answer["NextMarker"] = await pages.marker(found[limit - 1][0])
    return answer


async def enable_key(keys: Keys, call: Call, *, key_id: str) -> None:
    await changes.set_state(keys, call, "EnableKey", key_id, State.ENABLED)


async def disable_key(keys: Keys, call: Call, *, key_id: str) -> None:
    asked = await unused_for(keys, call, key_id)
    await changes.set_state(keys, call, "DisableKey", key_id, State.DISABLED, asked)


async def unused_for(keys: Keys, call: Call, named: str) -> dict[str, Values]:
    """kms:TrailingDaysWithoutKeyUsage, which guards against disabling what is in use."""
    key = await keys.find(call, call.action, named)
    return {"kms:trailingdayswithoutkeyusage": (str(await days_without_use(keys, key)),)}


async def update_key_description(keys: Keys, call: Call, *, key_id: str, description: str) -> None:
    await changes.describe(keys, call, key_id, description)


async def schedule_key_deletion(
    keys: Keys, call: Call, *, key_id: str, pending_window_in_days: int = WINDOW[1]
) -> Answer:
    if not WINDOW[0] <= pending_window_in_days <= WINDOW[1]:
        raise ParameterWrong(f"PendingWindowInDays must be between {WINDOW[0]} and {WINDOW[1]} days.")
    asked = await unused_for(keys, call, key_id)
    asked["kms:schedulekeydeletionpendingwindowindays"] = (str(pending_window_in_days),)
    key = await changes.schedule_deletion(keys, call, key_id, pending_window_in_days, asked)
    answer: dict[str, Any] = {
        "KeyId": key.arn,
        "KeyState": key.state.value,
        "PendingWindowInDays": pending_window_in_days,
    }
    if key.deletion_at is not None:
        answer["DeletionDate"] = key.deletion_at
    return answer


async def cancel_key_deletion(keys: Keys, call: Call, *, key_id: str) -> Answer:
    key = await changes.cancel_deletion(keys, call, key_id)
    return {"KeyId": key.arn}


async def get_key_last_usage(keys: Keys, call: Call, *, key_id: str) -> Answer:
    key = await keys.admit(call, "GetKeyLastUsage", key_id)
    used = await last_use(keys, key)
    answer: dict[str, Any] = {
        "KeyId": key.arn,
        "KeyCreationDate": key.created_at,
        "TrackingStartDate": key.created_at,
        "KeyLastUsage": {},
    }
    if used is not None:
        answer["KeyLastUsage"] = {
            "Operation": used.operation,
            "Timestamp": used.at,
            "CloudTrailEventId": used.event_id,
            "KmsRequestId": used.request_id,
        }
    return answer

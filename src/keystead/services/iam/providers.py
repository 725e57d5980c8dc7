"""OIDC providers: whose tokens this account's roles may trust.

Thumbprints are kept for the tools that write them. What is trusted is the certificate authorities of this machine and those of
the setting `oidc_ca`: a SHA-1 of a certificate adds nothing to them. Ports in a URL are taken, unlike by AWS.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from keystead.identities import https
from keystead.identities.call import Call
from keystead.identities.errors import ProviderNotFound
from keystead.identities.names import provider_arn
from keystead.identities.room import Identities
from keystead.identities.store import providers as store
from keystead.identities.store import tags as tag_store
from keystead.identities.store.providers import Provider
from keystead.services.iam import door, shown
from keystead.services.iam.errors import InputRefused
from keystead.services.service import Answer

SCHEME: Final = "https://"
THUMBPRINT: Final = re.compile(r"[0-9a-fA-F]{40}")


async def create_open_id_connect_provider(
    room: Identities,
    call: Call,
    *,
    url: str,
    client_id_list: Sequence[str] = (),
    thumbprint_list: Sequence[str] = (),
    tags: Sequence[door.Tag] = (),
) -> Answer:
    pairs = door.pairs_of(tags)
    issuer = url.removeprefix(SCHEME)
    keys = door.tag_keys(pairs) | door.resource_keys(pairs)
    door.permit(call, provider_arn(call.account, issuer), keys)
    check_url(url)
    check_thumbprints(thumbprint_list)
    clients = list(dict.fromkeys(client_id_list))
    async with room.write(call) as tx:
        made = await store.create(tx, call.account, issuer, clients, thumbprint_list)
        await tag_store.put(tx, made, pairs)
    answer: dict[str, Any] = {"OpenIDConnectProviderArn": made.arn}
    return answer | ({"Tags": shown.tag_list(pairs)} if pairs else {})


def check_url(url: str) -> None:
    """Raises InputRefused."""
    try:
        parts = https.checked(url)
    except https.Unreachable:
        raise InputRefused("Invalid Open ID Connect Provider URL") from None
    if parts.query or url.endswith(("/", "?")) or not url.startswith(SCHEME):
        raise InputRefused("Invalid Open ID Connect Provider URL")


def check_thumbprints(thumbprints: Sequence[str]) -> None:
    """Raises InputRefused."""
    if not all(THUMBPRINT.fullmatch(one) for one in thumbprints):
        raise InputRefused("Thumbprint must be the hexadecimal SHA-1 digest of a certificate, 40 characters.")


async def get_open_id_connect_provider(
    room: Identities,
    call: Call,
    *,
    open_id_connect_provider_arn: str,
) -> Answer:
    found, pairs = await own(room, call, open_id_connect_provider_arn)
    answer: dict[str, Any] = {
        "Url": found.issuer,
        "ClientIDList": list(found.client_ids),
        "ThumbprintList": list(found.thumbprints),
        "CreateDate": found.created_at,
    }
    return answer | ({"Tags": shown.tag_list(pairs)} if pairs else {})


async def list_open_id_connect_providers(room: Identities, call: Call) -> Answer:
    door.permit(call, "*")
    async with room.database.read() as connection:
        found = await store.of_account(connection, call.account)
    return {"OpenIDConnectProviderList": [{"Arn": provider.arn} for provider in found]}


async def delete_open_id_connect_provider(room: Identities, call: Call, *, open_id_connect_provider_arn: str) -> None:
    found, _ = await own(room, call, open_id_connect_provider_arn)
    async with room.write(call) as tx:
        await store.remove(tx, found)


async def add_client_id_to_open_id_connect_provider(
    room: Identities, call: Call, *, open_id_connect_provider_arn: str, client_id: str
) -> None:
    found, _ = await own(room, call, open_id_connect_provider_arn)
    async with room.write(call) as tx:
        await store.change(tx, found, add=client_id)


async def remove_client_id_from_open_id_connect_provider(
    room: Identities, call: Call, *, open_id_connect_provider_arn: str, client_id: str
) -> None:
    """What is not there is no mistake (IAM API reference)."""
    found, _ = await own(room, call, open_id_connect_provider_arn)
    async with room.write(call) as tx:
        await store.change(tx, found, drop=client_id)


async def update_open_id_connect_provider_thumbprint(
    room: Identities, call: Call, *, open_id_connect_provider_arn: str, thumbprint_list: Sequence[str]
) -> None:
    found, _ = await own(room, call, open_id_connect_provider_arn)
    check_thumbprints(thumbprint_list)
    async with room.write(call) as tx:
        await store.change(tx, found, thumbprints=thumbprint_list)


async def own(room: Identities, call: Call, arn: str, extra: door.Keys = door.NONE) -> tuple[Provider, tag_store.Pairs]:
    """Raises AccessDenied, ProviderNotFound."""
    async with room.database.read() as connection:
        found = await store.by_arn(connection, call.account, arn)
        pairs = await tag_store.of(connection, found.id) if found is not None else ()
    door.permit(call, arn, door.resource_keys(pairs), extra)
    if found is None:
        raise ProviderNotFound(arn)
    return found, pairs

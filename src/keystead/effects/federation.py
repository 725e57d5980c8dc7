"""Whom accounts believe besides themselves: the records that make and change that, and what the database shows of it.

kind               owner          part          value
oidc provider      ARN
client id          provider ARN   client id
trust anchor       uuid           -             its certificates' digest
profile            uuid           -             its roles
anywhere state     uuid           -             whether an anchor or profile is enabled; only such are looked at

Not looked at: thumbprints, certificate revocation lists, what else a profile sets.
"""

from collections.abc import AsyncIterator
from typing import Final

from sqlalchemy import select

from keystead.database.engine import Connection
from keystead.effects.event import Event
from keystead.effects.ledger import Ledger
from keystead.effects.slots import UNKNOWN, Fact, Slot, canonical, digest
from keystead.identities.store import anywhere
from keystead.identities.store import tables as t


def provider_created(event: Event, ledger: Ledger) -> None:
    arn = event.response.get("openIDConnectProviderArn", "")
    ledger.put("oidc provider", arn)
    for client in event.parameters.get("clientIDList") or ():
        ledger.put("client id", arn, client)


def provider_removed(event: Event, ledger: Ledger) -> None:
    arn = event.parameters.get("openIDConnectProviderArn", "")
    ledger.gone("oidc provider", arn)
    ledger.end("client id", arn)


def client_changed(event: Event, ledger: Ledger) -> None:
    change = ledger.put if event.name.startswith("Add") else ledger.gone
    change("client id", event.parameters.get("openIDConnectProviderArn", ""), event.parameters.get("clientID", ""))


def switched(event: Event, ledger: Ledger) -> None:
    for kind in ("trustAnchor", "profile"):
        made = event.response.get(kind, {})
        if "enabled" in made:
            ledger.put("anywhere state", made.get(f"{kind}Id", ""), value=str(made["enabled"]))


def anchored(event: Event, ledger: Ledger) -> None:
    """A change of its name alone leaves its certificates what they were."""
    switched(event, ledger)
    id_ = event.response.get("trustAnchor", {}).get("trustAnchorId", "")
    source = event.parameters.get("source")
    if source is not None or "omitted" in event.parameters:
        ledger.put("trust anchor", id_, value=digest((source or {}).get("sourceData", {}).get("x509CertificateData")))


def profiled(event: Event, ledger: Ledger) -> None:
    switched(event, ledger)
    id_ = event.response.get("profile", {}).get("profileId", "")
    roles = event.parameters.get("roleArns")
    if roles is not None or "omitted" in event.parameters:
        ledger.put("profile", id_, value=UNKNOWN if roles is None else canonical(roles))


TOLD: Final = {
    ("iam", "CreateOpenIDConnectProvider"): provider_created,
    ("iam", "DeleteOpenIDConnectProvider"): provider_removed,
    ("iam", "AddClientIDToOpenIDConnectProvider"): client_changed,
    ("iam", "RemoveClientIDFromOpenIDConnectProvider"): client_changed,
    ("rolesanywhere", "CreateTrustAnchor"): anchored,
    ("rolesanywhere", "UpdateTrustAnchor"): anchored,
    ("rolesanywhere", "CreateProfile"): profiled,
    ("rolesanywhere", "EnableTrustAnchor"): switched,
    ("rolesanywhere", "DisableTrustAnchor"): switched,
    ("rolesanywhere", "EnableProfile"): switched,
    ("rolesanywhere", "DisableProfile"): switched,
    ("rolesanywhere", "UpdateProfile"): profiled,
}


async def shown(connection: Connection) -> AsyncIterator[Fact]:
    for row in await connection.execute(select(t.oidc_providers)):
        arn = f"arn:aws:iam::{row.account}:oidc-provider/{row.issuer}"
        yield Fact(Slot("oidc provider", arn), "", f"OpenID Connect provider {arn}", row.created_at)
        for client in row.client_ids:
            yield Fact(Slot("client id", arn, client), "", f"client id {client} of {arn}")
    for row in await connection.execute(select(t.anywhere)):
        what = f"{row.kind} {row.uuid} ({row.name})"
        if row.enabled and row.kind in {anywhere.ANCHOR, anywhere.PROFILE}:
            yield Fact(Slot("anywhere state", row.uuid), "True", f"state enabled of {what}", row.updated_at)
        if row.kind == anywhere.ANCHOR:
            yield Fact(Slot("trust anchor", row.uuid), digest(row.content["bundle"]), what, row.created_at)
        elif row.kind == anywhere.PROFILE:
            yield Fact(Slot("profile", row.uuid), canonical(row.content["roles"]), what, row.created_at)

"""The parts of a house that depend on settings, made as they say."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from keystead.attestation.verification import Root, roots
from keystead.config import Installation, Settings
from keystead.database.engine import Database, Transaction
from keystead.explain import lastuse as explain_lastuse
from keystead.identities import https
from keystead.identities import lastuse as identity_lastuse
from keystead.keyholder.promise import Keyholder
from keystead.keys import lastuse
from keystead.keys.quotas import Quotas, read_rates
from keystead.parameters.room import Limits
from keystead.rotation import ledger
from keystead.secrets.lastaccess import LastAccess
from keystead.services.kms.errors import ERRORS as OF_KMS
from keystead.services.service import worded
from keystead.stores.room import Stores
from keystead.trail import policy
from keystead.trail.digests import Digests
from keystead.trail.index import Index
from keystead.trail.trails import Files
from keystead.trail.uses import Read

Clock = Callable[[], float]


class Asks(Protocol):
    """What asks the witnesses: trail.asking.Asking."""

    async def run(self) -> None: ...
    async def close(self) -> None: ...


def quotas(settings: Settings) -> Quotas:
    """Raises ValueError."""
    return Quotas(
        keys=settings.kms_keys,
        aliases=settings.kms_aliases,
        aliases_per_key=settings.kms_aliases_per_key,
        grants_per_key=settings.kms_grants_per_key,
        policy_bytes=settings.kms_policy_bytes,
        on_demand_rotations=settings.kms_on_demand_rotations,
        rates=read_rates(settings.kms_rates, settings.workers),
    )


def limits(settings: Settings) -> Limits:
    return Limits(settings.ssm_standard_parameters, settings.ssm_advanced_parameters, settings.ssm_strict_paths)


def in_words_of_kms(error: Exception) -> tuple[str, str | None]:
    """What KMS answers for what it refused, for the services that ask it on behalf of their callers."""
    return worded(OF_KMS, error) or ("KMSInternalException", None)


def attestation_roots(settings: Settings) -> tuple[Root, ...]:
    """Raises OSError, ValueError."""
    return roots(Path(settings.attestation_roots).read_bytes()) if settings.attestation_roots else ()


def stores_of(settings: Settings, keyholder: Keyholder, clock: Clock) -> Stores:
    """Raises HsmFileWrong, ValueError."""
    return Stores.build(
        keyholder,
        clock,
        modules=settings.hsms,
        tls=https.context(settings.xks_ca),
        connect_to=settings.proxies_at,
    )


def index_of(database: Database, folder: Path, node: str) -> Index:
    """The index of one node's log, with everything that is folded in from it."""
    days = LastAccess()

    async def reads(tx: Transaction, found: Sequence[Read]) -> None:
        await days.fold(tx, found)
        await ledger.fold(tx, found)

    return Index(
        database,
        folder,
        usage=lastuse.fold,
        actors=identity_lastuse.fold,
        reads=reads,
        touches=explain_lastuse.fold,
        node=node,
    )


def asking_of(settings: Settings, clock: Clock) -> Asks | None:
    """None where no witness is named. Raises OSError, PolicyInvalid."""
    if not settings.trail_policy:
        return None
    from keystead.trail.asking import Asking  # httpx: who names no witness need not wait for it

    return Asking(settings.folder / "trail", policy.load(Path(settings.trail_policy)), clock)


def digests_of(
    settings: Settings, installation: Installation, database: Database, keyholder: Keyholder, files: Files, clock: Clock
) -> Digests:
    return Digests(
        database,
        keyholder,
        files,
        installation=installation.id,
        node=installation.node,
        clock=clock,
        every=settings.trail_digest_seconds,
    )

"""From the options of the envelope's verbs to keyrings."""

from collections.abc import Sequence
from typing import Any

from keystead.cli.envelope_output import fail


def keyring(
    key_ids: Sequence[str] | None, custodians: Sequence[str] | None, needed: int | None, profile: str | None
) -> Any:
    """What the options name: keys of which any one opens, or custodians of which several must."""
    from keystead.envelope.keyrings.kms import KmsKeyring
    from keystead.envelope.keyrings.multi import MultiKeyring
    from keystead.envelope.service.profile import connect

    if custodians:
        if key_ids:
            fail("--custodian and --key-id exclude each other: a single key would open what is split.", 2)
        return _split(custodians, needed)
    if needed is not None:
        fail("--needed counts custodians.", 2)
    rings = [KmsKeyring(connect(_region(one), profile), one) for one in key_ids or ()]
    return rings[0] if len(rings) == 1 else MultiKeyring(rings[0], rings[1:])


def _split(custodians: Sequence[str], needed: int | None) -> Any:
    from keystead.envelope.keyrings.split import Custodian, SplitKeyring
    from keystead.envelope.service.profile import connect

    named = [one.partition("=") for one in custodians]
    if not all(name and arn for name, _, arn in named):
        fail("A custodian is PROFILE=ARN.", 2)
    made = [Custodian(name, connect(_region(arn), name), arn) for name, _, arn in named]
    return SplitKeyring(made, len(made) if needed is None else needed)


def _region(key_id: str) -> str | None:
    from keystead.envelope.service.promise import key_arn

    found = key_arn(key_id)
    return found.region if found else None


def discovery(accounts: Sequence[str] | None, profile: str | None) -> Any:
    """Whatever key a message names. With accounts, in the partition that most know."""
    from keystead.envelope.keyrings.kms import Filter, KmsDiscoveryKeyring
    from keystead.envelope.service.profile import connections

    only = Filter("aws", frozenset(accounts)) if accounts else None
    return KmsDiscoveryKeyring(connections(profile), only=only)


def cached(keys: Any, seconds: float) -> Any:
    if seconds <= 0:
        return keys
    from keystead.envelope.caching import CachedMaterials

    return CachedMaterials(keys, max_age=seconds)


def context_of(given: Sequence[str] | None) -> dict[str, str]:
    """NAME=VALUE, each name once."""
    pairs: dict[str, str] = {}
    for one in given or ():
        name, sign, value = one.partition("=")
        if not sign or not name or name in pairs:
            fail(f"--context is NAME=VALUE, each name once: {one}", 2)
        pairs[name] = value
    return pairs

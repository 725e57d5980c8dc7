"""What a node is not started with: settings that would be unsafe, or that no process could follow."""

import ipaddress
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from keystead import logs
from keystead.config import Installation, Settings
from keystead.keyholder import hsm_file
from keystead.processes import StartFailed
from keystead.sinks import configuration
from keystead.trail import policy
from keystead.wire import model


def with_log_format(settings: Settings) -> Settings:
    """Decided once, so that all processes log alike. Raises StartFailed."""
    if settings.log_format not in {"", "text", "json"}:
        raise StartFailed("The log format is text or json.")
    return msgspec.structs.replace(settings, log_format=logs.chosen(settings.log_format))


def refuse_unsafe(settings: Settings) -> None:
    """Plain HTTP leaves this machine only when the operator says so by name."""
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise StartFailed("--tls-cert and --tls-key go together.")
    if bool(settings.rotation_webhook) != bool(settings.rotation_webhook_key):
        raise StartFailed("--rotation-webhook and --rotation-webhook-key go together.")
    if not 0 <= settings.rotations_per_second < 1e9:
        raise StartFailed("KEYSTEAD_ROTATIONS_PER_SECOND is a number of rotations, or 0 for as many as there are.")
    refuse_bad_policy(settings)
    refuse_bad_store(settings)
    refuse_bad_roots(settings)
    sinks_of(settings)
    if settings.tls_cert or settings.allow_plain_http or is_loopback(settings.host):
        return
    raise StartFailed(
        f"Plain HTTP on {settings.host} would show every secret to the network. "
        "Give --tls-cert and --tls-key, or say --allow-plain-http where something in front ends TLS."
    )


def refuse_bad_policy(settings: Settings) -> None:
    """A policy that cannot be read is better known now than in the scheduler, again and again."""
    try:
        if settings.trail_policy:
            policy.load(Path(settings.trail_policy))
    except OSError as error:
        raise StartFailed(f"The policy {settings.trail_policy} cannot be read: {error.strerror}.") from error
    except policy.PolicyInvalid as error:
        raise StartFailed(f"{settings.trail_policy} is not a policy: {error.text}.") from error


def refuse_bad_roots(settings: Settings) -> None:
    """Raises StartFailed."""
    if not settings.attestation_roots:
        return
    from keystead.attestation.verification import roots

    try:
        roots(Path(settings.attestation_roots).read_bytes())
    except OSError as error:
        raise StartFailed(f"The roots in {settings.attestation_roots} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise StartFailed(f"{settings.attestation_roots} holds no certificates in PEM.") from error


def refuse_bad_regions(settings: Settings) -> None:
    """Bad request rates too. Raises StartFailed."""
    try:
        settings.served_regions(model.regions(), Installation.load(settings.folder).region)
        if settings.kms_rates:
            from keystead.keys.quotas import read_rates  # SQL, which the supervisor has no other need of

            read_rates(settings.kms_rates, settings.workers)
    except ValueError as error:
        raise StartFailed(str(error)) from error


def refuse_bad_store(settings: Settings) -> None:
    """Where the trail's files go. Raises StartFailed."""
    if settings.trail_days < 0:
        raise StartFailed("The trail's files are kept for some days, or 0 for ever.")
    if settings.trail_log_seconds <= 0 or settings.trail_digest_seconds < 1:
        raise StartFailed("The trail's log files and digests need a time of their own: some seconds each.")
    if not settings.trail_store.startswith("s3:"):
        return
    from keystead.trail import object_store

    try:
        endpoint = urlsplit(object_store.address(settings.trail_store, "").endpoint)
    except object_store.StoreAddressInvalid:
        raise StartFailed("KEYSTEAD_TRAIL_STORE is s3://BUCKET[/PREFIX][?endpoint=URL][&region=NAME].") from None
    if endpoint.scheme != "https" and not settings.allow_plain_http and not is_loopback(endpoint.hostname or ""):
        raise StartFailed("The trail's store is named with plain HTTP, which would show the trail to the network.")


def sinks_of(settings: Settings) -> Mapping[str, configuration.Settings]:
    """Where else every record goes. Raises StartFailed."""
    try:
        return configuration.read(configuration.path_of(settings.folder, settings.sinks))
    except configuration.ConfigurationInvalid as error:
        raise StartFailed(error.text) from error


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_certificate(settings: Settings) -> None:
    """A certificate that does not load is better known now than in every worker."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise StartFailed(f"The TLS certificate or key cannot be loaded: {error.strerror or error}.") from error


def modules(settings: Settings) -> hsm_file.Entries:
    """Raises StartFailed."""
    try:
        return hsm_file.read(settings.hsms)
    except hsm_file.HsmFileWrong as error:
        raise StartFailed(str(error)) from None

"""Every setting: its name, its default, its environment variable, and the facts that `keystead init` wrote down."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple, Self

import msgspec

KIB: Final = 1024
MIB: Final = 1024 * KIB
HSM_FILE: Final = "hsm.toml"


class Limits(NamedTuple):
    """What one client may ask of a worker: bytes, seconds, and how many connections all clients together.

    body_bytes       the largest real request is a KMS call with an attestation document of 262 144 bytes, in base64
    header_bytes     request line and headers together; session tokens run to kilobytes
    request_seconds  from a connection's or a request's first byte to its last
    send_seconds     how long a client may refuse to read its answer
    pipelined        requests that wait behind the one that is being answered; no AWS client sends any
    idle_seconds     between an answer and the next request
    """

    body_bytes: int = 1 * MIB
    header_bytes: int = 64 * KIB
    request_seconds: float = 30.0
    send_seconds: float = 30.0
    idle_seconds: int = 75
    connections: int = 16_384
    pipelined: int = 16


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How this node runs. What a secret could hide in (the database URL) is left out of the repr.

    hsm_file      which hardware security modules there are (keyholder.hsm_file); hsm.toml in the data folder, if it is there
    oidc_ca       a file of certificate authorities that OIDC providers may have besides those that the machine trusts
    xks_ca        likewise, of external key store proxies
    xks_connect_to  where proxies are that are not at their names' port 443: NAME=ADDRESS:PORT, separated by commas
    metrics_port  0 for none
    trail_policy  a file that names the witnesses of this node's log (trail.policy); empty for none
    trail_port    where the log's tree is published; 0 for nowhere
    cached_keys   keys, aliases and grants that each worker keeps in memory, of each so many
    log_format    text or json; empty for text on a terminal and JSON elsewhere
    regions       those that are served, separated by commas; empty for all of AWS's
    attestation_roots  a file of roots (PEM) that attestation documents may lead to; empty for none: Recipient is refused
    kms_…         quotas (keys.quotas); kms_rates: empty for none, "aws" for AWS's, or such as "symmetric=10000,create=5"
    ssm_…         how many parameters of each tier an account has in a Region; ssm_strict_paths: GetParametersByPath leaves out
                  what its caller may not read, where AWS asks about the path alone
    trail_bucket  the bucket's name where the trail's files lie in a folder
    trail_store   where they lie: a folder, s3://BUCKET[/PREFIX][?endpoint=URL][&region=NAME], or empty for DATA/bucket
    sinks         a file that names where else every record goes (sinks.configuration); empty for DATA/sinks.toml, if it is there
    trail_log_seconds, trail_digest_seconds  how often log files and signed digests are made
    trail_days    how long they are kept in the bucket; 0 for ever
    functions_endpoint, functions_ca  where rotation functions find this node, and a file of the authorities of its certificate;
                  empty for the address it listens on, and for those that everybody trusts
    unconfined_functions  run functions in directories also where the system cannot confine them (executors.confinement)
    rotations_per_second  that a node begins because they are due; 0 for as many as there are. RotateSecret waits for none
    rotation_webhook, rotation_webhook_key  a URL that is told of rotations, and the file with the key that signs it (whsec_…)

    Each is set by the option of `keystead serve` of the same name, or by KEYSTEAD_ and its name in capitals.
    """

    data: str
    host: str = "127.0.0.1"
    port: int = 8333
    workers: int = 1
    database: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    allow_plain_http: bool = False
    passphrase_file: str = ""
    hsm_file: str = ""
    xks_ca: str = ""
    xks_connect_to: str = ""
    oidc_ca: str = ""
    checkpoint_seconds: float = 10.0
    trail_bucket: str = "keystead-trail"
    trail_store: str = ""
    sinks: str = ""
    trail_log_seconds: float = 300.0
    trail_digest_seconds: int = 3600
    trail_days: int = 0
    scheduler_seconds: float = 1.0
    functions_endpoint: str = ""
    functions_ca: str = ""
    unconfined_functions: bool = False
    rotations_per_second: float = 4.0
    rotation_webhook: str = ""
    rotation_webhook_key: str = ""
    cached_keys: int = 10_000
    metrics_port: int = 0
    metrics_host: str = "127.0.0.1"
    trail_policy: str = ""
    trail_port: int = 0
    trail_host: str = "127.0.0.1"
    regions: str = ""
    attestation_roots: str = ""
    kms_keys: int = 100_000
    kms_aliases: int = 0
    kms_aliases_per_key: int = 50
    kms_grants_per_key: int = 50_000
    kms_policy_bytes: int = 32_768
    kms_on_demand_rotations: int = 25
    kms_rates: str = ""
    ssm_standard_parameters: int = 10_000
    ssm_advanced_parameters: int = 100_000
    ssm_strict_paths: bool = False
    log_format: str = ""

    def __repr__(self) -> str:
        return f"Settings(data={self.data!r}, host={self.host!r}, port={self.port}, workers={self.workers})"

    @classmethod
    def read(cls, given: Mapping[str, object], environ: Mapping[str, str] = os.environ) -> Self:
        """Options that were given, else the environment, else the defaults.

        Raises msgspec.ValidationError for an environment value of the wrong type.
        """
        named = {
            field: environ[f"KEYSTEAD_{field.upper()}"]
            for field in cls.__struct_fields__
            if f"KEYSTEAD_{field.upper()}" in environ
        }
        named.update({name: value for name, value in given.items() if value is not None})  # type: ignore[misc]  # options are typed by the command line
        return msgspec.convert(named, cls, strict=False)

    @property
    def folder(self) -> Path:
        return Path(self.data)

    @property
    def hsms(self) -> str:
        """The path of the HSM file; empty where there is none."""
        beside = self.folder / HSM_FILE
        return self.hsm_file or (str(beside) if beside.exists() else "")

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite+aiosqlite:///{self.folder.resolve() / 'keystead.db'}"

    @property
    def proxies_at(self) -> dict[str, str]:
        """`xks_connect_to` as names to addresses. Raises ValueError."""
        pairs = [part.strip().split("=", 1) for part in self.xks_connect_to.split(",") if part.strip()]
        if any(len(pair) != 2 for pair in pairs):
            raise ValueError("KEYSTEAD_XKS_CONNECT_TO has the form NAME=ADDRESS:PORT, separated by commas.")
        return {pair[0]: pair[1] for pair in pairs}

    def served_regions(self, known: frozenset[str], home: str) -> frozenset[str]:
        """Raises ValueError for a Region that is none, and where the home Region is left out."""
        if not self.regions:
            return known
        named = frozenset(name.strip() for name in self.regions.split(","))
        if unknown := named - known:
            raise ValueError(f"There is no Region {min(unknown)}.")
        if home not in named:
            raise ValueError(f"The home Region {home} must be among the Regions that are served.")
        return named

    @property
    def scheme(self) -> str:
        return "https" if self.tls_cert else "http"


def new_node() -> str:
    return secrets.token_hex(8)


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """What `init` decided once: DATA/keystead.json, mode 0600. No secrets.

    region   the home Region, the default of everything that does not name one
    account  the first account's id, 12 digits
    node     16 hex digits, of this node alone: nodes that share a database keep a log each
    """

    id: str
    region: str
    account: str
    created: float
    node: str
    version: int = 1

    @property
    def origin(self) -> str:
        """The name of this node's log in checkpoints: a schema-less URL (C2SP tlog-checkpoint)."""
        return f"keystead.invalid/{self.id}/{self.node}"

    @classmethod
    def load(cls, data: Path) -> Self:
        """Raises FileNotFoundError where there is no installation."""
        return msgspec.json.decode((data / "keystead.json").read_bytes(), type=cls)

    def save(self, data: Path) -> None:
        descriptor = os.open(data / "keystead.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(self)))
            file.flush()
            os.fsync(file.fileno())

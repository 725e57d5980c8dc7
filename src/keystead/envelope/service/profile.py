"""Endpoint, Region and credentials from the usual places of AWS: environment first, then the profile's files.

Static keys are read here, at once. Everything else that a profile can ask for (roles, SSO, processes, containers, instance
metadata) is botocore's to resolve, which takes a moment longer. Source: AWS SDKs and Tools Reference Guide.
"""

import configparser
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from keystead.envelope.service.client import KmsClient
from keystead.envelope.service.promise import KeyService
from keystead.envelope.service.signature import Credentials

DYNAMIC: Final = frozenset(
    {"role_arn", "sso_session", "sso_start_url", "credential_process", "credential_source", "web_identity_token_file", "login_session"}
)  # fmt: skip
UNCOMMON: Final = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
"""With one of these set, or a proxy for the endpoint's scheme, botocore's client is used."""
SUFFIXES: Final = {"cn-": "amazonaws.com.cn"}


class NoRegion(Exception):
    """Neither the key nor the environment nor the profile names a Region."""


def connect(region: str | None = None, profile: str | None = None, env: Mapping[str, str] = os.environ) -> KeyService:
    """A client for this Region, else the configured one. Raises NoRegion, and what botocore raises."""
    asked = profile or env.get("AWS_PROFILE") or env.get("AWS_DEFAULT_PROFILE")
    found = _settings(asked or "default", env)
    region = region or env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or found.get("region")
    if not region:
        raise NoRegion("No Region: set AWS_REGION, or name the key by its ARN.")
    credentials = _static(asked, found, env)
    url = env.get("AWS_ENDPOINT_URL_KMS") or env.get("AWS_ENDPOINT_URL") or found.get("endpoint_url") or _public(region)
    if credentials is None or _uncommon(url, found, env):
        return _of_botocore(region, profile)
    return KmsClient(url, region, lambda: credentials, ca_bundle=env.get("AWS_CA_BUNDLE") or None)


def connections(profile: str | None = None, env: Mapping[str, str] = os.environ) -> Callable[[str], KeyService]:
    """By Region, each made once: for discovery, where the message says which Region."""
    made: dict[str, KeyService] = {}

    def client(region: str) -> KeyService:
        if region not in made:
            made[region] = connect(region, profile, env)
        return made[region]

    return client


def _public(region: str) -> str:
    suffix = next((suffix for opening, suffix in SUFFIXES.items() if region.startswith(opening)), "amazonaws.com")
    return f"https://kms.{region}.{suffix}"


def _static(asked: str | None, found: Mapping[str, str], env: Mapping[str, str]) -> Credentials | None:
    """Keys of the environment, unless a profile was asked for by name; else the profile's own."""
    if asked is None and env.get("AWS_ACCESS_KEY_ID") and env.get("AWS_SECRET_ACCESS_KEY"):
        return Credentials(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env.get("AWS_SESSION_TOKEN") or None)
    if DYNAMIC & found.keys() or not {"aws_access_key_id", "aws_secret_access_key"} <= found.keys():
        return None
    token = found.get("aws_session_token")
    return Credentials(found["aws_access_key_id"], found["aws_secret_access_key"], token)


def _uncommon(url: str, found: Mapping[str, str], env: Mapping[str, str]) -> bool:
    proxy = f"{url.partition('://')[0]}_proxy"
    asked = ("services", "use_fips_endpoint", "use_dualstack_endpoint", "ca_bundle", "ignore_configured_endpoint_urls")
    return any(env.get(name) for name in (*UNCOMMON, proxy, proxy.upper())) or any(name in found for name in asked)


def _settings(profile: str, env: Mapping[str, str]) -> dict[str, str]:
    home = Path(env.get("HOME", "~")).expanduser() / ".aws"
    config = Path(env.get("AWS_CONFIG_FILE") or home / "config").expanduser()
    shared = Path(env.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials").expanduser()
    section = profile if profile == "default" else f"profile {profile}"
    return {**_section(config, section), **_section(shared, profile)}


def _section(path: Path, name: str) -> dict[str, str]:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(path.read_text())
    except (OSError, UnicodeDecodeError, configparser.Error):
        return {}
    return dict(parser.items(name)) if parser.has_section(name) else {}


def _of_botocore(region: str, profile: str | None) -> KeyService:
    import botocore.session

    client: KeyService = botocore.session.Session(profile=profile).create_client("kms", region_name=region)
    return client

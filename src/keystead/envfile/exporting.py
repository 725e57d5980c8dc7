"""The way back: an environment as a .env file, as JSON, or as a Kubernetes Secret."""

import base64
import json
import re
from collections.abc import Mapping
from enum import StrEnum

from keystead.envfile.references import quoted


class Format(StrEnum):
    """The formats of `keystead export`."""

    dotenv = "dotenv"
    json = "json"
    kubernetes = "kubernetes"


def rendered(form: Format, environment: Mapping[str, str], name: str) -> str:
    """`name` is the Kubernetes Secret's. Raises ValueError where that cannot be one (RFC 1123 subdomain)."""
    if form is Format.json:
        return json.dumps(environment, indent=2, ensure_ascii=False) + "\n"
    if form is Format.kubernetes:
        return kubernetes(environment, name)
    return "".join(f"{key}={literal(value)}\n" for key, value in environment.items())


def literal(value: str) -> str:
    """Quoted so that no reader takes a dollar sign for a reference to another name; python-dotenv cannot escape `${`."""
    if "${" in value:
        raise ValueError("A value holds ${, which a .env file cannot carry: export it as JSON.")
    return quoted(value)


def kubernetes(environment: Mapping[str, str], name: str) -> str:
    """A Secret of type Opaque (kubernetes.io, Secret v1), in JSON, which kubectl takes as it takes YAML."""
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", name):
        raise ValueError("A Kubernetes name is made of lower-case letters, digits, hyphens and dots.")
    data = {key: base64.b64encode(value.encode()).decode() for key, value in environment.items()}
    document = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "Opaque", "data": data}
    return json.dumps(document, indent=2) + "\n"

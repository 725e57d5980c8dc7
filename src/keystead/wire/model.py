"""AWS's service models as values, read from botocore's data files. None of botocore's code runs on the server's path."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import botocore
from botocore import xform_name

from keystead.wire.supplement import supplemented

DATA: Final = Path(botocore.__file__).parent / "data"
OWN: Final = Path(__file__).parent / "models"
"""Services that AWS does not have, in the same form: a client of botocore's that is told this folder speaks them, too."""

EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


class Shape:
    """A shape with the traits of the reference that led to it. Members resolve when asked for: shapes may recurse.

    type  structure, list, map, string, blob, boolean, integer, long, float, double or timestamp
    """

    def __init__(self, name: str, traits: Mapping[str, Any], shapes: Mapping[str, Any]) -> None:
        self.name = name
        self._traits = traits
        self._shapes = shapes
        self.type: str = traits["type"]
        self.required = frozenset(traits.get("required", ()))
        self.min: float | None = traits.get("min")
        self.max: float | None = traits.get("max")
        self.pattern: str | None = traits.get("pattern")
        self.enum: tuple[str, ...] = tuple(traits.get("enum", ()))
        self.sensitive: bool = traits.get("sensitive", False)
        self.location: str | None = traits.get("location")
        self.location_name: str | None = traits.get("locationName")
        self.flattened: bool = traits.get("flattened", False)
        self.timestamp_format: str | None = traits.get("timestampFormat")
        self.union: bool = traits.get("union", False)
        self.payload: str | None = traits.get("payload")

    def __repr__(self) -> str:
        return f"Shape({self.name}, {self.type})"

    @cached_property
    def members(self) -> Mapping[str, "Shape"]:
        listed = self._traits.get("members", EMPTY)
        return {name: resolve(reference, self._shapes) for name, reference in listed.items()}

    @cached_property
    def member(self) -> "Shape":
        """What a list holds."""
        return resolve(self._traits["member"], self._shapes)

    @cached_property
    def key(self) -> "Shape":
        return resolve(self._traits["key"], self._shapes)

    @cached_property
    def value(self) -> "Shape":
        return resolve(self._traits["value"], self._shapes)


def resolve(reference: Mapping[str, Any], shapes: Mapping[str, Any]) -> Shape:
    """The traits of a reference lie over those of the shape."""
    name = reference["shape"]
    own = {key: value for key, value in reference.items() if key != "shape"}
    return Shape(name, {**shapes[name], **own}, shapes)


class Http(NamedTuple):
    """Where a REST operation lies, with its labels in braces, and the status of its answer."""

    method: str = "POST"
    uri: str = "/"
    status: int = 200


@dataclass(frozen=True, slots=True)
class OperationModel:
    """python_name     boto3's method name
    result_wrapper  the query protocol's
    unsigned        carries no signature
    certified       is signed with the key of a certificate
    """

    name: str
    python_name: str
    input: Shape | None
    output: Shape | None
    result_wrapper: str | None
    unsigned: bool
    errors: tuple[str, ...]
    http: Http = Http()  # noqa: RUF009  # a constant
    certified: bool = False


@dataclass(frozen=True, slots=True)
class ErrorModel:
    """A modelled exception. `message_member` is the member's name, None where the model has none."""

    shape: str
    code: str
    status: int
    message_member: str | None
    members: Mapping[str, Shape]


@dataclass(frozen=True, slots=True)
class Model:
    """One service. Errors by the code that goes over the wire."""

    name: str
    protocol: str
    signing_name: str
    api_version: str
    target_prefixes: tuple[str, ...]
    namespace: str
    operations: Mapping[str, OperationModel] = field(repr=False)
    errors: Mapping[str, ErrorModel] = field(repr=False)


@cache
def load(name: str) -> Model:
    """The newest model of a service that botocore's data holds. Raises FileNotFoundError for an unknown service."""
    document = supplemented(name, read(newest(name)))
    metadata, shapes = document["metadata"], document["shapes"]
    prefix = metadata.get("targetPrefix", "")
    prefixes = (prefix, prefix.rpartition(".")[2]) if "." in prefix else (prefix,)
    errors = (error_model(shape, traits, shapes) for shape, traits in shapes.items() if traits.get("exception"))
    return Model(
        name=name,
        protocol=metadata["protocol"],
        signing_name=metadata.get("signingName", metadata["endpointPrefix"]),
        api_version=metadata["apiVersion"],
        target_prefixes=prefixes if prefix else (),
        namespace=metadata.get("xmlNamespace", ""),
        operations={key: operation_model(key, traits, shapes) for key, traits in document["operations"].items()},
        errors={error.code: error for error in errors},
    )


def newest(service: str) -> Path:
    found = [path for folder in (OWN, DATA) for path in sorted((folder / service).glob("*/service-2.json*"))]
    if not found:
        raise FileNotFoundError(service)
    return found[-1]


def read(path: Path) -> dict[str, Any]:
    raw = path.read_bytes()
    document: dict[str, Any] = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    return document


def operation_model(name: str, traits: Mapping[str, Any], shapes: Mapping[str, Any]) -> OperationModel:
    output = traits.get("output")
    return OperationModel(
        name=name,
        python_name=python_name(name),
        input=resolve(traits["input"], shapes) if "input" in traits else None,
        output=resolve(output, shapes) if output else None,
        result_wrapper=output.get("resultWrapper") if output else None,
        unsigned=traits.get("authtype") == "none" or "smithy.api#noAuth" in traits.get("auth", ()),
        errors=tuple(error["shape"] for error in traits.get("errors", ())),
        http=http(traits.get("http", EMPTY)),
        certified=traits.get("authtype") == "x509",
    )


def http(traits: Mapping[str, Any]) -> Http:
    return Http(traits.get("method", "POST"), traits.get("requestUri", "/"), traits.get("responseCode", 200))


def error_model(name: str, traits: Mapping[str, Any], shapes: Mapping[str, Any]) -> ErrorModel:
    error = traits.get("error", EMPTY)
    members = Shape(name, traits, shapes).members
    return ErrorModel(
        shape=name,
        code=error.get("code", name),
        status=error.get("httpStatusCode", 500 if traits.get("fault") else 400),
        message_member=next((member for member in members if member.lower() == "message"), None),
        members=members,
    )


@cache
def python_name(member: str) -> str:
    """`KeyId` is key_id: boto3's own rule, applied at start-up only."""
    return str(xform_name(member))


@cache
def regions(partition: str = "aws") -> frozenset[str]:
    """The Regions of a partition."""
    partitions = read(DATA / "partitions.json")["partitions"]
    found = next(entry for entry in partitions if entry["id"] == partition)
    return frozenset(name for name in found["regions"] if "global" not in name)

"""What Systems Manager answers about a parameter, in AWS's members: each is there when AWS's is."""

from typing import Any

from keystead.parameters.parameter import Enforced, Parameter, Version
from keystead.parameters.policies import FINISHED, kind_of


def present(**found: Any) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value is not None}


def valued(parameter: Parameter, version: Version, value: str, selector: str | None = None) -> dict[str, Any]:
    """Parameter."""
    return present(
        Name=parameter.shown,
        Type=version.type,
        Value=value,
        Version=version.number,
        Selector=None if selector is None else f":{selector}",
        LastModifiedDate=version.at,
        ARN=parameter.arn,
        DataType=version.data_type,
    )


def about(parameter: Parameter, version: Version) -> dict[str, Any]:
    """What ParameterMetadata and ParameterHistory have in common."""
    return present(
        Name=parameter.shown,
        Type=version.type,
        KeyId=version.key,
        LastModifiedDate=version.at,
        LastModifiedUser=version.by,
        Description=version.description,
        AllowedPattern=version.pattern,
        Version=version.number,
        Tier=version.tier,
        Policies=policies(parameter, version),
        DataType=version.data_type,
    )


def policies(parameter: Parameter, version: Version) -> list[dict[str, str]]:
    """Those of the newest version are in force; of an older one, what has been replaced since does nothing any more."""
    in_force = {one.text: one for one in parameter.enforced}
    return [policy(text, in_force.get(text)) for text in version.policies]


def policy(text: str, in_force: Enforced | None) -> dict[str, str]:
    status = in_force.status if in_force is not None else FINISHED
    return {"PolicyText": text, "PolicyType": kind_of(text), "PolicyStatus": status}


def described(parameter: Parameter) -> dict[str, Any]:
    """ParameterMetadata."""
    return {**about(parameter, parameter.latest), "ARN": parameter.arn}


def past(parameter: Parameter, version: Version, value: str) -> dict[str, Any]:
    """ParameterHistory."""
    return {**about(parameter, version), "Value": value, "Labels": parameter.labels_of(version.number)}


def tag_list(tags: Any) -> list[dict[str, str]]:
    return [{"Key": name, "Value": value} for name, value in tags.items()]

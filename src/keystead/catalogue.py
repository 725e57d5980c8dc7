"""What is served: every operation of AWS's models, and for each whether it is served, refused (and why), or absent."""

from dataclasses import dataclass
from typing import Final

from keystead.services import cloudtrail, iam, keystead, kms, rolesanywhere, s3, secretsmanager, ssm, sts
from keystead.wire import binding, model

SERVICES: Final = {
    "kms": kms,
    "secretsmanager": secretsmanager,
    "ssm": ssm,
    "iam": iam,
    "sts": sts,
    "rolesanywhere": rolesanywhere,
    "cloudtrail": cloudtrail,
    "keystead": keystead,
    "s3": s3,
}
COMING: Final[tuple[str, ...]] = ()
"""Services of the design that are not served yet: all their operations are absent."""


@dataclass(frozen=True, slots=True)
class Entry:
    """state  served | refused | absent
    members  of a served operation: those refused, with the reason
    """

    operation: str
    state: str
    reason: str
    members: dict[str, str]

    def facts(self) -> dict[str, object]:
        facts: dict[str, object] = {"state": self.state}
        if self.reason:
            facts["reason"] = self.reason
        if self.members:
            facts["refused_members"] = self.members
        return facts


@dataclass(frozen=True, slots=True)
class Parameter:
    """One member of one operation's input.

    reason  why it is refused; empty for what is served
    values  those of its enumeration that are refused, with the reason
    """

    operation: str
    member: str
    required: bool
    reason: str
    values: dict[str, str]


def catalogue() -> dict[str, tuple[Entry, ...]]:
    """By service, in the model's order."""
    served = {name: entries(name) for name in SERVICES}
    absent = {
        name: tuple(Entry(operation, "absent", "", {}) for operation in sorted(model.load(name).operations))
        for name in COMING
    }
    return served | absent


def entries(name: str) -> tuple[Entry, ...]:
    module = SERVICES[name]
    bound = binding.bind(model.load(name), module.OPERATIONS, refused=module.REFUSED)
    return tuple(
        entry(operation, operation in bound.operations, module.REFUSED) for operation in sorted(bound.model.operations)
    )


def entry(operation: str, served: bool, refused: dict[str, str]) -> Entry:
    if served:
        members = {key.partition(".")[2]: reason for key, reason in refused.items() if key.startswith(f"{operation}.")}
        return Entry(operation, "served", "", members)
    if operation in refused:
        return Entry(operation, "refused", refused[operation], {})
    return Entry(operation, "absent", "", {})


def parameters(name: str) -> tuple[Parameter, ...]:
    """Of every operation of a served service, in the model's order; a refused operation refuses all of its own."""
    module = SERVICES[name]
    bound = binding.bind(model.load(name), module.OPERATIONS, refused=module.REFUSED)
    values: dict[str, dict[str, str]] = getattr(module, "VALUES", {})
    found = []
    for operation in sorted(bound.model.operations.values(), key=lambda operation: operation.name):
        for member in operation.input.members if operation.input else ():
            place = f"{operation.name}.{member}"
            reason = module.REFUSED.get(operation.name) or module.REFUSED.get(place, "")
            required = operation.input is not None and member in operation.input.required
            found.append(Parameter(operation.name, member, required, reason, dict(values.get(place, {}))))
    return tuple(found)

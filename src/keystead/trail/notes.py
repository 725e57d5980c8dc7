"""What the rooms note down while a call runs, for the record that is made of it at the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

Said = Mapping[str, Any]
NOTHING: Final[tuple[Said, ...]] = ()
KEPT: Final = 8
"""Tellings of one decision that are kept as they are written: to so many recipients."""
encode: Final = msgspec.json.Encoder().encode


class Resource(msgspec.Struct, frozen=True):
    """One entry of an event's `resources`."""

    account: str
    type: str
    arn: str


@dataclass(frozen=True, slots=True)
class Decided:
    """One access decision, as the record tells it.

    verdict      how it came out, beyond that it allowed
    of_caller    what the caller's own policies said, which is for the caller's account to see
    of_resource  what the resource's policy said, which is for the owner's
    """

    action: str
    resource: str
    caller: str
    owner: str
    verdict: Said
    of_caller: tuple[Said, ...] = NOTHING
    of_resource: tuple[Said, ...] = NOTHING
    _written: dict[tuple[str, str, bool], msgspec.Raw] = field(default_factory=dict, repr=False, compare=False)

    def written(self, recipient: str, operation: str, resources: list[Resource]) -> msgspec.Raw:
        """What is told, as JSON. A decision that is remembered is told again and again in the same words."""
        about = (recipient, operation, self._is_about(resources))
        kept = self._written.get(about)
        if kept is None:
            kept = msgspec.Raw(encode(self.told(recipient, operation, resources)))
            if len(self._written) < KEPT:
                self._written[about] = kept
        return kept

    def _is_about(self, resources: list[Resource]) -> bool:
        """Whether it is about the one thing that the record lists."""
        return len(resources) == 1 and resources[0].arn == self.resource

    def told(self, recipient: str, operation: str, resources: list[Resource]) -> dict[str, object]:
        """To an account. What the record says anyway is not said again."""
        found: dict[str, object] = {}
        if self.action != operation:
            found["action"] = self.action
        if not self._is_about(resources):
            found["resource"] = self.resource
        found.update(self.verdict)
        seen = self.of_resource if recipient == self.owner else NOTHING
        found["statements"] = [*seen, *(self.of_caller if recipient == self.caller else NOTHING)]
        return found


class Notes(msgspec.Struct):
    """Resources are listed in the order noted; `additional` becomes additionalEventData. Never put a secret here.

    concerned  accounts that get a copy of the record, besides the owners of the resources
    """

    resources: list[Resource] = []
    additional: dict[str, object] = {}
    decisions: list[Decided] = []
    concerned: set[str] = msgspec.field(default_factory=set)

    def secret(self, arn: str, version_id: str | None = None) -> None:
        """The secret, and the version that was read: what the read ledger and every search go by, for AWS's records of
        secrets have no resources, and name a secret as the caller did. SecretId is AWS's name in its service events.
        """
        self.additional["SecretId"] = arn
        if version_id is not None:
            self.additional["SecretVersionId"] = version_id

    def resource(self, account: str, type_: str, arn: str) -> None:
        noted = Resource(account, type_, arn)
        if noted not in self.resources:
            self.resources.append(noted)

    def concern(self, account: str) -> None:
        self.concerned.add(account)

    def owners(self) -> set[str]:
        return self.concerned | {resource.account for resource in self.resources}

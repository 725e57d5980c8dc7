"""What the rooms note down while a call runs, for the record that is made of it at the end."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Resource:
    """One entry of an event's `resources`."""

    account: str
    type: str
    arn: str


@dataclass(slots=True)
class Notes:
    """Resources are listed in the order noted; `additional` becomes additionalEventData. Never put a secret here."""

    resources: list[Resource] = field(default_factory=list)
    additional: dict[str, object] = field(default_factory=dict)

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

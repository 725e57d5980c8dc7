"""One authenticated request, as every room below the gateway sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import msgspec

from keystead.access.decision import Combine, Decision, Standing
from keystead.access.policy import Policy
from keystead.access.request import Principal
from keystead.identities import proof
from keystead.identities.presented import Presented
from keystead.identities.proof import Proof
from keystead.trail.notes import Decided, Notes

Asked = tuple[str, str, Combine, str | None, Policy | None, bool, str | None]
"""What a remembered decision was about: action, resource, way to combine, the resource's account and policy, and
whether grants count."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated principal with the policies that speak about it. Immutable, and cached between calls.

    userid        aws:userid: AIDA…, AROA…:SESSION, or ACCOUNT:NAME of a federated user
    user_name     IAM users only
    tags          principal tags, keys folded to lower case; session tags override the role's
    issued_at     temporary credentials only, seconds since the epoch
    transitive    those session tags that go along when a further role is assumed, keys as given
    chained       the credentials came from a session that assumed a further role
    provider      ARN of the OIDC provider whose token the credentials came of
    identity      the record's userIdentity, without invokedBy
    decisions     those that depend on nothing but what they were about; they go when the caller is evicted
    """

    principal: Principal
    standing: Standing
    access_key_id: str
    userid: str
    identity: Mapping[str, object]
    user_name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive: Mapping[str, str] = field(default_factory=dict)
    issued_at: float | None = None
    expires_at: float | None = None
    source_identity: str | None = None
    mfa: bool = False
    chained: bool = False
    provider: str | None = None
    decisions: dict[Asked, tuple[Decision, Decided]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def temporary(self) -> bool:
        return self.issued_at is not None


class Call(msgspec.Struct):
    """A call in progress. `decided` turns true with the first access decision; the gateway insists on one.

    id         x-amzn-RequestId, a UUID
    action     what is recorded as eventName: the operation's name
    at         seconds since the epoch, read once
    via        DNS name of the service that forwards this call for its caller, such as
               `secretsmanager.us-east-1.amazonaws.com`; only `forward` sets it
    presented  the certificate that a request is signed with, where it is; nothing in it is verified
    proof      that `forward` did; without it no door believes `via`
    forwarded  the calls made on behalf of this one, each of which gets its own record
    arguments  of such a call: what it asks, by the names of the operation's parameters, for that record
    ended      of such a call: it was entered with `with` and left again, by itself or by `error`
    """

    id: str
    service: str
    action: str
    region: str
    caller: Caller
    at: float
    source_ip: str
    user_agent: str
    secure: bool = False
    partition: str = "aws"
    via: str | None = None
    proof: Proof | None = None
    presented: Presented | None = None
    decided: bool = False
    notes: Notes = msgspec.field(default_factory=Notes)
    forwarded: list[Self] = []
    arguments: Mapping[str, Any] | None = None
    ended: bool = False
    error: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.error = error if isinstance(error, Exception) else None
        self.ended = error is None or self.error is not None

    @property
    def account(self) -> str:
        return self.caller.principal.account

    @property
    def asker(self) -> tuple[str, str, str]:
        """What a proof binds of the caller."""
        caller = self.caller
        return caller.access_key_id, caller.principal.arn, caller.userid

    def forward(
        self,
        call_id: str,
        service: str,
        action: str,
        resource: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        region: str | None = None,
    ) -> Self:
        """The same caller asks `service` for `action`, through the service of this call. Use it as `with call.forward(…) as …`.

        The only way `kms:ViaService` and `aws:ViaAWSService` come into being: nothing in an HTTP request can set `via`, and where
        somebody else sets it, it is not believed. The call is good for `resource` alone, the ARN of a key or of its alias, and
        for a minute. `region`, where it is not this call's: the service forwards from there.
        """
        through, region = f"{self.service}.amazonaws.com", region or self.region
        made = self._another(call_id, action, arguments)
        made.service, made.region = service, region
        made.via = f"{self.service}.{region}.amazonaws.com"
        made.source_ip = made.user_agent = through
        made.proof = proof.make(made, f"{service}:{action}", resource)
        made.notes.additional["originRequestID"] = self.id
        self.forwarded.append(made)
        return made

    def part(self, call_id: str, action: str, arguments: Mapping[str, Any], *, region: str | None = None) -> Self:
        """One of several things that this call asks for at once: decided by itself, and recorded as a call of its own, in
        another Region where one is given.
        """
        made = self._another(call_id, action, arguments)
        made.region = region or self.region
        made.notes.additional["originRequestID"] = self.id
        self.forwarded.append(made)
        return made

    def _another(self, call_id: str, action: str, arguments: Mapping[str, Any] | None) -> Self:
        """Of the same caller, with nothing decided, noted or forwarded yet."""
        return type(self)(  # a copy by names would cost more than the rest of the call's way
            call_id,
            self.service,
            action,
            self.region,
            self.caller,
            self.at,
            self.source_ip,
            self.user_agent,
            self.secure,
            self.partition,
            self.via,
            self.proof,
            self.presented,
            arguments=arguments,
        )

"""The decision: whether a request is allowed by everything that speaks about it.

1.  Collect: the resource's policy, the caller's identity policies, boundary and session policies (the caller of `decide` does)
2.  An explicit Deny in any of them                                  DENY
6.  direct    the resource's policy allows and names the caller
7.  account   the resource's policy allows and names the caller's account
8.  identity  an identity policy allows, and the boundary, and a session policy, where there are any
9.  grant     a live grant matches
10. Combine by the table

    resource                                     ALLOW when
    key, same account                            direct′ or (account and identity) or grant
    secret, same account                         direct′ or identity
    trust policy of a role, same account         direct′ or (account and identity)
    without a policy of its own                  identity
    any with a policy, other account             (direct or account or grant) and identity
    any with a policy, caller is a service       direct
    any, caller is anonymous                     never: it has no identity policies, in whatever account

Steps 3 to 5 (resource control, service control and endpoint policies) have nothing to decide here.
direct′: a role that is named, rather than its session, is still limited by its boundary and session policies; likewise the user
behind a federated session. A grant is limited by them, too (ours: AWS's documentation is silent).
The account's root has every identity permission, and needs the key's policy like everybody else.
An exception on the way is a denial that names the policy.
Source: IAM user guide, policy evaluation logic; KMS developer guide, key policies and troubleshooting.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from keystead.access.policy import Policy, Stance
from keystead.access.request import PrincipalKind, Request

Grant = Callable[[], str | None]


class Combine(StrEnum):
    """How the resource's policy and the caller's join: rows of the table. A string, whose hash costs nothing."""

    IDENTITY_ONLY = "identity only"
    KEY = "key"
    RESOURCE = "resource"
    TRUST = "trust"


class Source(Enum):
    """The kind of policy that speaks."""

    RESOURCE = "resource"
    TRUST = "trust"
    IDENTITY = "identity"
    BOUNDARY = "boundary"
    SESSION = "session"
    GRANT = "grant"


class Labels(NamedTuple):
    """What policies are called: an ARN, or a name and whose it is."""

    identity: tuple[str, ...] = ()
    boundary: str = ""
    session: tuple[str, ...] = ()


UNLABELLED: Final = Labels()


@dataclass(frozen=True, slots=True)
class Standing:
    """Every policy that speaks about a caller.

    session  None: no session policy was given. An empty tuple allows nothing, and so does None for a federated user
    labels   what each is called where a decision is explained, in the same order; not looked at by the decision
    """

    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] | None = None
    labels: Labels = UNLABELLED


Place = tuple[int, int]
"""A statement that spoke: of which policy of its kind, and which of its statements, both from 0."""
Said = tuple[Place | None, Place | None, Place | None, Place | None]
"""By kind of policy (resource, identity, boundary, session) the statement that it is put down to; None where none spoke."""
NOTHING_SAID: Final[Said] = (None, None, None, None)


@dataclass(frozen=True, slots=True)
class Decision:
    """explicit  a Deny statement matched; otherwise nothing allowed
    denier    the kind of policy that a denial is put down to
    constant  no variable, no grant, and no condition but on settled keys was looked at: it may be remembered for what was
              asked by this caller through the same service
    grant     the id of the grant that allowed it
    failure   an evaluation that raised: the kind of exception and of policy
    said      the statements that allowed, in each kind of policy, or that denied
    """

    allowed: bool
    explicit: bool = False
    denier: Source | None = None
    constant: bool = True
    grant: str | None = None
    failure: str | None = None
    said: Said = NOTHING_SAID


class Failed(Exception):
    """A policy, or the search for a grant, raised."""

    def __init__(self, source: Source, error: Exception) -> None:
        super().__init__(source.value)
        self.source = source
        self.kind = type(error).__name__


Heard = tuple[Stance, bool, Place | None]
"""What policies of a kind say together, whether they always would, and which statement it is put down to."""


class Voices(NamedTuple):
    """What each kind of policy says. `fixed`: it would say so to every such request of this principal."""

    resource: Stance
    identity: Stance
    boundary: Stance
    session: Stance
    fixed: bool
    said: Said


REMEMBERED: Final = 4096
"""Decisions that are made once for all who come to the same."""
SILENT: Final = Stance.SILENT
DENIES: Final = Stance.DENIES
LIMITED: Final = Stance.ALLOWS_LIMITED
DIRECTLY: Final = Stance.ALLOWS_DIRECTLY
NO_POLICIES: Final[tuple[Policy, ...]] = ()
UNLIMITED: Final[Heard] = (DIRECTLY, True, None)
"""A boundary or session policy that is not there."""


def decide(
    request: Request,
    standing: Standing,
    *,
    combine: Combine,
    resource_account: str | None,
    resource_policy: Policy | None,
    grant: Grant | None = None,
) -> Decision:
    """Always answers.

    resource_account  of the resource's owner; None counts as another account than the caller's
    grant             consulted when nothing else allows; returns the id of a grant that does
    """
    source = Source.TRUST if combine is Combine.TRUST else Source.RESOURCE
    try:
        voices = listen(request, standing, resource_policy, source)  # 1
        return combined(request, voices, combine, source, resource_account, grant)
    except Failed as failed:
        failure = f"{failed.kind} in {failed.source.value}"
        return Decision(allowed=False, explicit=True, denier=failed.source, constant=False, failure=failure)


def listen(request: Request, standing: Standing, resource_policy: Policy | None, source: Source) -> Voices:
    """Raises Failed."""
    of_resource = NO_POLICIES if resource_policy is None else (resource_policy,)
    resource, fixed_resource, by_resource = united(of_resource, request, source)
    identity, fixed_identity, by_identity = united(standing.identity, request, Source.IDENTITY)
    boundary, fixed_boundary, by_boundary = UNLIMITED
    if standing.boundary is not None:
        boundary, fixed_boundary, by_boundary = united((standing.boundary,), request, Source.BOUNDARY)
    session, fixed_session, by_session = UNLIMITED
    if standing.session is not None:
        session, fixed_session, by_session = united(standing.session, request, Source.SESSION)
    elif request.principal.kind is PrincipalKind.FEDERATED_USER:
        session = SILENT
    fixed = fixed_resource and fixed_identity and fixed_boundary and fixed_session
    return Voices(resource, identity, boundary, session, fixed, (by_resource, by_identity, by_boundary, by_session))


def united(policies: tuple[Policy, ...], request: Request, source: Source) -> Heard:
    """Several policies of a kind speak as one. Raises Failed."""
    found, fixed, said = SILENT, True, None
    try:
        for number, policy in enumerate(policies):
            stance, fixed_too, statement = policy.stance(request)
            fixed = fixed and fixed_too
            if stance is DENIES:
                return DENIES, fixed, (number, statement)
            if stance > found:
                found, said = stance, (number, statement)
    except Exception as error:
        raise Failed(source, error) from error
    return found, fixed, said


def combined(
    request: Request,
    voices: Voices,
    combine: Combine,
    source: Source,
    resource_account: str | None,
    grant: Grant | None,
) -> Decision:
    """Raises Failed."""
    resource, identity, boundary, session, fixed, said = voices
    if DENIES in {resource, identity, boundary, session}:  # 2
        denier = denying(voices, source)
        return denied(denier, by(said, denier), True, fixed)

    kind = request.principal.kind
    foreign = resource_account != request.principal.account or kind is PrincipalKind.ANONYMOUS
    bounded = boundary is not SILENT and session is not SILENT
    own = bounded and (identity is not SILENT or kind is PrincipalKind.ROOT)  # 8
    if kind is PrincipalKind.SERVICE:
        return allowed(said, fixed) if resource is DIRECTLY else denied(source, NOTHING_SAID, False, fixed)
    if allows(combine, resource, foreign=foreign, bounded=bounded, own=own):  # 10
        return allowed(said, fixed)

    reachable = own if foreign else bounded
    if grant is not None and combine is Combine.KEY and reachable:
        found = granted(grant)  # 9
        if found is not None:
            return Decision(allowed=True, constant=False, grant=found, said=said)
        fixed = False
    needed = foreign or combine in {Combine.KEY, Combine.TRUST}
    return denied(silent(voices, source, needed=needed), NOTHING_SAID, False, fixed)


def allows(combine: Combine, resource: Stance, *, foreign: bool, bounded: bool, own: bool) -> bool:
    if foreign:
        return resource is not SILENT and own
    if combine is Combine.IDENTITY_ONLY:
        return own
    if resource is DIRECTLY or (resource is LIMITED and bounded):  # 6
        return True
    return own and (resource is not SILENT or combine is Combine.RESOURCE)  # 7


def granted(grant: Grant) -> str | None:
    try:
        return grant()
    except Exception as error:
        raise Failed(Source.GRANT, error) from error


def denying(voices: Voices, source: Source) -> Source:
    """Of several that deny explicitly, the one that is named (ours)."""
    if voices.resource is DENIES:
        return source
    if voices.identity is DENIES:
        return Source.IDENTITY
    return Source.BOUNDARY if voices.boundary is DENIES else Source.SESSION


def silent(voices: Voices, source: Source, *, needed: bool) -> Source:
    """Of several that do not allow, the one that is named (ours). `needed`: nothing goes without the resource's policy."""
    if voices.boundary is SILENT:
        return Source.BOUNDARY
    if voices.session is SILENT:
        return Source.SESSION
    return source if needed and voices.resource is SILENT else Source.IDENTITY


def by(said: Said, denier: Source) -> Said:
    """The statement of the one that is named."""
    resource, identity, boundary, session = said
    if denier is Source.IDENTITY:
        return None, identity, None, None
    if denier is Source.BOUNDARY:
        return None, None, boundary, None
    return (None, None, None, session) if denier is Source.SESSION else (resource, None, None, None)


@lru_cache(REMEMBERED)
def allowed(said: Said, constant: bool) -> Decision:
    return Decision(allowed=True, constant=constant, said=said)


@lru_cache(REMEMBERED)
def denied(denier: Source, said: Said, explicit: bool, constant: bool) -> Decision:
    return Decision(allowed=False, explicit=explicit, denier=denier, constant=constant, said=said)

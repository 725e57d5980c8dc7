"""What went wrong with an identity, in the domain's words."""


class IdentityError(Exception):
    """The base; never raised itself."""


class SessionExpired(IdentityError):
    """The temporary credentials are past their time."""


class SessionForbidden(IdentityError):
    """Credentials of GetSessionToken or GetFederationToken may not do this, whatever their user's policies say."""


class ForwardingUnproven(IdentityError):
    """A call that claims to come through a service, for another caller, action or resource than that service asked for.

    No service's table has it: it is a defect or an attack, and is answered as an internal error.
    """

    def __init__(self, action: str) -> None:
        super().__init__(action)
        self.action = action


class AccountExists(IdentityError):
    """An account of that id is there already."""

    def __init__(self, account: str) -> None:
        super().__init__(account)
        self.account = account


class AccountRefused(IdentityError):
    """An account id has 12 digits."""

    def __init__(self, account: str) -> None:
        super().__init__(account)
        self.account = account


class EntityNotFound(IdentityError):
    """kind  "user", "role" or "group"."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(kind, name)
        self.kind = kind
        self.name = name


class EntityExists(IdentityError):
    """title  "User", "Role" or "Group"; names are compared without regard to case."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(kind, name)
        self.title = kind.capitalize()
        self.name = name


class EntityInUse(IdentityError):
    """It cannot be deleted before `what` has been done."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class PrincipalUnknown(IdentityError):
    """An ARN in a policy or grant that names no living user or role."""

    def __init__(self, arn: str) -> None:
        super().__init__(arn)
        self.arn = arn


class AliasTaken(IdentityError):
    """An account of this deployment has that alias."""

    def __init__(self, alias: str) -> None:
        super().__init__(alias)
        self.alias = alias


class AliasNotFound(IdentityError):
    """Not an alias of this account."""

    def __init__(self, alias: str) -> None:
        super().__init__(alias)
        self.alias = alias


class ProfileNotFound(IdentityError):
    """No instance profile of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class ProfileExists(IdentityError):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class DurationTooLong(IdentityError):
    """Longer than the role allows."""


class ChainTooLong(IdentityError):
    """Longer than the session of a role may hold another role."""


class TooManyPolicies(IdentityError):
    """More policies than a session may have; the model does not bound them."""


class ObjectNotFound(IdentityError):
    """No trust anchor, profile or revocation list of that name here."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class ProviderNotFound(IdentityError):
    """No OIDC provider of that ARN."""

    def __init__(self, arn: str) -> None:
        super().__init__(arn)
        self.arn = arn


class ProviderExists(IdentityError):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


class ProviderUnknown(IdentityError):
    """A token of an issuer that is no provider of the role's account."""

    def __init__(self, issuer: str) -> None:
        super().__init__(issuer)
        self.issuer = issuer


class IssuerUnreachable(IdentityError):
    """The issuer does not give its keys just now."""


class KeysNotFound(IdentityError):
    """The issuer has no key that could have signed the token."""


class SignatureWrong(IdentityError):
    """None of the issuer's keys has signed the token."""


class TokenInvalid(IdentityError):
    """A token that says too little, too much, or nothing readable."""


class TokenExpired(IdentityError):
    """now, expires  whole seconds since the epoch."""

    def __init__(self, now: int, expires: int) -> None:
        super().__init__(now, expires)
        self.now = now
        self.expires = expires


class AudienceWrong(IdentityError):
    """A token that was made for somebody else."""


class AccessKeyNotFound(IdentityError):
    def __init__(self, access_key_id: str) -> None:
        super().__init__(access_key_id)
        self.access_key_id = access_key_id


class PolicyNotFound(IdentityError):
    def __init__(self, arn: str) -> None:
        super().__init__(arn)
        self.arn = arn


class PolicyNotAttachable(PolicyNotFound):
    """No such policy to attach."""


class BoundaryNotAttachable(PolicyNotFound):
    """No such policy to bound anybody with."""


class VersionNotFound(PolicyNotFound):
    def __init__(self, arn: str, version: str) -> None:
        super().__init__(arn)
        self.version = version


class NotAttached(PolicyNotFound):
    """The policy is not attached to this entity."""


class BoundaryNotFound(EntityNotFound):
    """The entity has no permissions boundary."""


class InlinePolicyNotFound(IdentityError):
    def __init__(self, kind: str, name: str) -> None:
        super().__init__(kind, name)
        self.kind = kind
        self.name = name


class PolicyExists(IdentityError):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class DefaultVersion(IdentityError):
    """The default version of a policy cannot be deleted."""


class TooManyVersions(IdentityError):
    """A policy has as many versions as it may have."""


class PolicyTooLarge(IdentityError):
    """Inline policies of one entity, together."""

    def __init__(self, limit: int, kind: str, name: str) -> None:
        super().__init__(limit, kind, name)
        self.limit = limit
        self.kind = kind
        self.name = name


class QuotaExceeded(IdentityError):
    def __init__(self, quota: str, limit: int) -> None:
        super().__init__(quota, limit)
        self.quota = quota
        self.limit = limit


class DuplicateTags(IdentityError):
    """Two tag keys that differ in case at most."""


class TagRefused(IdentityError):
    """A reserved tag key."""


class TagNotTransitive(IdentityError):
    """A transitive key without a tag."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class TagInherited(IdentityError):
    """A tag that came along the chain of roles cannot be changed."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class SessionTooLarge(IdentityError):
    """Policies and tags of a session need more room than it has."""

    def __init__(self, percent: int) -> None:
        super().__init__(percent)
        self.percent = percent


class MarkerInvalid(IdentityError):
    """A page marker that was not made for this listing."""

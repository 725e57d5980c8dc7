"""What keys raise, in the domain's words. Which AWS code each becomes is the service's business."""


class KeyFault(Exception):
    """The base; never raised itself."""


class AboutKey(KeyFault):
    """Something about one key; `arn` is the key's."""

    def __init__(self, arn: str) -> None:
        super().__init__(arn)
        self.arn = arn


class KeyNotFound(AboutKey):
    """No such key in the caller's account and Region."""


class KeyIdMalformed(KeyFault):
    def __init__(self, named: str) -> None:
        super().__init__(named[:256])
        self.named = named[:256]


class ArnElsewhere(KeyFault):
    """An ARN of another Region, or of no key at all. `what` is the Region, or the text."""

    def __init__(self, what: str) -> None:
        super().__init__(what[:256])
        self.what = what[:256]


class AliasNotAllowed(KeyFault):
    """An alias ARN where only a key id or key ARN will do."""


class AliasNotFound(AboutKey):
    """`arn` is the alias's."""


class AliasExists(AboutKey):
    """`arn` is the alias's."""


class AliasNameInvalid(KeyFault):
    """Not `alias/…`."""


class AliasReserved(KeyFault):
    """`alias/aws/…` belongs to AWS managed keys."""


class AliasTypeMismatch(KeyFault):
    """An alias moves only between keys of the same type and usage."""


class StateError(AboutKey):
    """The key's state does not allow it. `state` as a sentence has it."""

    state = ""


class KeyDisabled(StateError):
    """Enable it first."""


class KeyPendingDeletion(StateError):
    state = "pending deletion"


class KeyPendingReplicaDeletion(StateError):
    state = "pending replica deletion"


class KeyPendingImport(StateError):
    state = "pending import"


class KeyUnavailable(StateError):
    state = "unavailable"


class KeyCreating(StateError):
    state = "creating"


class KeyUpdating(StateError):
    state = "updating"


class KeyNotPendingDeletion(StateError):
    """There is no deletion to cancel."""


class UsageWrong(AboutKey):
    """The key was not made for this operation."""

    def __init__(self, arn: str, usage: str, operation: str) -> None:
        super().__init__(arn)
        self.usage = usage
        self.operation = operation


class AlgorithmWrong(KeyFault):
    """The algorithm does not belong to the key's spec."""

    def __init__(self, algorithm: str, spec: str) -> None:
        super().__init__(algorithm, spec)
        self.algorithm = algorithm
        self.spec = spec


class NoPublicKey(AboutKey):
    """A secret key has no public half."""

    def __init__(self, arn: str, spec: str) -> None:
        super().__init__(arn)
        self.spec = spec


class SignatureInvalid(KeyFault):
    """Not this key's signature of this message."""


class MacInvalid(KeyFault):
    """Not this key's MAC of this message."""


class KeyMismatch(KeyFault):
    """The ciphertext belongs to another key than the one named."""


class CiphertextOfUnknownKey(KeyFault):
    """The ciphertext's key does not exist here, or the caller may not know."""


class NotRotatable(KeyFault):
    """Only symmetric keys rotate."""


class OriginWrong(AboutKey):
    """The operation is for keys whose material comes from elsewhere than this one's."""

    def __init__(self, arn: str, origin: str) -> None:
        super().__init__(arn)
        self.origin = origin


class NotInStores(AboutKey):
    """No key in a custom key store does this."""


class NotPrimary(AboutKey):
    """Only a multi-Region primary key is replicated and rotated, and takes new material."""


class ReplicaExists(AboutKey):
    """The key is in that Region already; `arn` is what it has there."""


class NothingPending(AboutKey):
    """No material has been imported that the key could rotate to."""


class AnotherPending(AboutKey):
    """New material waits until the one before it has been rotated to, or deleted."""

    def __init__(self, arn: str, material_id: str, pending: str) -> None:
        super().__init__(arn)
        self.material_id = material_id
        self.pending = pending


class MaterialMismatch(KeyFault):
    """The imported material is not the one expected: another one, or one that the key has already."""


class MaterialUnknown(AboutKey):
    """The key never had this material."""

    def __init__(self, arn: str, material_id: str) -> None:
        super().__init__(arn)
        self.material_id = material_id


class RotationsExhausted(AboutKey):
    """All on-demand rotations of the key's life are used up."""


class RotationInProgress(AboutKey):
    """An automatic rotation is due within minutes."""


class LockedOut(KeyFault):
    """The policy would not let its author change it again."""


class PolicyTooLarge(KeyFault):
    """More than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class Throttled(KeyFault):
    """The account asks more often than its quota allows."""


class PolicyNameUnknown(KeyFault):
    """A policy that the key does not have."""


class PolicyManagedElsewhere(KeyFault):
    """AWS_RAM is not for callers to write."""


class ManagedKeyImmutable(AboutKey):
    """An AWS managed key is not changed or deleted by its account."""


class TagProblem(KeyFault):
    """`text` says which rule of tags is broken."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class LimitReached(KeyFault):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class ParameterWrong(KeyFault):
    """A rule of the operation that the model does not state. `text` never holds a secret."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class NotServed(KeyFault):
    """Known, but not built. `text` names it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class MarkerInvalid(KeyFault):
    """Not a marker of this listing."""


class GrantNotFound(KeyFault):
    def __init__(self, grant_id: str) -> None:
        super().__init__(grant_id)
        self.grant_id = grant_id


class GrantIdMalformed(KeyFault):
    """A grant id has 64 hex digits."""


class GrantTokenInvalid(KeyFault):
    """Not a token that CreateGrant gave out."""


class GrantPrincipalUnknown(KeyFault):
    """A grantee or retiring principal that does not exist, or cannot hold a grant."""

    def __init__(self, arn: str) -> None:
        super().__init__(arn)
        self.arn = arn


class AttestationInvalid(KeyFault):
    """An attestation document that is not believed. Why is not said."""


class DryRunSucceeded(KeyFault):
    """It would have been done."""

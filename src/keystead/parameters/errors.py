"""What parameters raise, in the domain's words. Which AWS code each becomes is the service's business."""


class ParameterFault(Exception):
    """The base; never raised itself."""


class Worded(ParameterFault):
    """`text` never holds a value."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class RequestWrong(Worded):
    """A rule that the model does not state."""


class ParameterNotFound(ParameterFault):
    """No such parameter for this caller."""


class ReferenceNotFound(ParameterFault):
    """A reference leads to no secret."""

    def __init__(self, secret: str) -> None:
        super().__init__(secret)
        self.secret = secret


class VersionNotFound(ParameterFault):
    """The parameter has no such version, or none with that label."""

    def __init__(self, name: str, version: str) -> None:
        super().__init__(name, version)
        self.name = name
        self.version = version


class ParameterExists(ParameterFault):
    """And nobody asked to overwrite it."""


class NameReserved(ParameterFault):
    """Below /aws, where only AWS writes."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class TooDeep(ParameterFault):
    """A name has more levels than there may be."""

    def __init__(self, levels: int) -> None:
        super().__init__(levels)
        self.levels = levels


class TypeFixed(ParameterFault):
    """The type of a parameter does not change."""


class TooMany(ParameterFault):
    """Parameters of one account and Region, in one tier."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class OldestLabelled(ParameterFault):
    """The oldest version would have to go, and has a label."""

    def __init__(self, name: str, version: int) -> None:
        super().__init__(name, version)
        self.name = name
        self.version = version


class TooManyLabels(ParameterFault):
    """On one version."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class UpdatedMeanwhile(ParameterFault):
    """Somebody else changed the parameter at the same time."""


class PatternInvalid(Worded):
    """AllowedPattern is no expression, or one that is not matched in linear time."""


class PatternMismatch(Worded):
    """The value is not what AllowedPattern allows."""


class KeyRefused(Worded):
    """KMS would not seal or open; its words."""


class KeyDenied(KeyRefused):
    """And this because the caller may not use the key."""


class TooManyPolicies(Worded):
    """Of one parameter."""


class PolicyTypeUnknown(Worded):
    """None of Expiration, ExpirationNotification, NoChangeNotification."""


class PolicyAttributeWrong(Worded):
    """Of a parameter policy."""


class PoliciesIncompatible(Worded):
    """Parameter policies that make no sense together, or on this parameter."""


class FilterKeyInvalid(Worded):
    """Not a key of this listing, or named twice."""


class FilterOptionInvalid(Worded):
    """Not an option of that key."""


class FilterValueInvalid(Worded):
    """A filter without values, or with values that cannot be."""


class TaggedNotFound(ParameterFault):
    """What is to be tagged is not there."""


class TaggedTypeWrong(ParameterFault):
    """Only parameters are tagged here."""


class TooManyTags(ParameterFault):
    """On one parameter."""


class SettingNotFound(Worded):
    """A setting that does not exist here."""


class ShareNotFound(Worded):
    """A resource policy is put on, or looked for at, what is not there."""


class SharingWrong(Worded):
    """A parameter that cannot be shared, or a policy that is not one."""


class SharingLimit(Worded):
    """One policy to a parameter, of so many bytes."""


class SharingConflict(Worded):
    """The policy is not the one that was meant any more."""


class SharedPolicyNotFound(Worded):
    """The parameter has no such policy."""

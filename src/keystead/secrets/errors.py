"""What secrets raise, in the domain's words. Which AWS code each becomes is the service's business."""


class SecretFault(Exception):
    """The base; never raised itself."""


class Worded(SecretFault):
    """`text` never holds a value."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class ParameterWrong(Worded):
    """A rule about a parameter that the model does not state."""


class RequestWrong(Worded):
    """Nothing is wrong with the parameters, but now, or together, they make no sense."""


class LimitReached(Worded):
    """Of versions, labels, tags or secrets."""


class NameInvalid(SecretFault):
    """Neither a name that a secret can have, nor the ARN of one."""


class SecretNotFound(SecretFault):
    """No such secret for this caller."""


class StageNotFound(SecretFault):
    """No version has this label."""

    def __init__(self, stage: str) -> None:
        super().__init__(stage)
        self.stage = stage


class VersionNotFound(SecretFault):
    def __init__(self, version: str) -> None:
        super().__init__(version)
        self.version = version


class StageMismatch(SecretFault):
    """A version and a label were named that do not belong together."""


class RemovalMissing(SecretFault):
    """A label leaves a version only when that version is named."""

    def __init__(self, label: str, version: str) -> None:
        super().__init__(label, version)
        self.label = label
        self.version = version


class SecretMarked(SecretFault):
    """The secret will be deleted, and is not used any more."""


class NameMarked(SecretFault):
    """The name belongs to a secret that will be deleted."""


class NameTaken(SecretFault):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class TokenMissing(SecretFault):
    """The SDKs make a ClientRequestToken; who does without them must, too."""


class RotationTokenMissing(SecretFault):
    """Likewise, of RotateSecret, which has its own code for it."""


class TokenTaken(SecretFault):
    """The version that the token names has another value."""

    def __init__(self, token: str, arn: str) -> None:
        super().__init__(token, arn)
        self.token = token
        self.arn = arn


class ReplicaRefuses(SecretFault):
    """A replica is changed where its primary is: in another `place`, a Region or an account."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.place = place


class KeyDenied(SecretFault):
    """The caller may not use the secret's key."""


class RewrapDenied(KeyDenied):
    """The caller may not encrypt with the key that the secret is to have."""


class SealingFailed(SecretFault):
    """The secret's key cannot be used now: disabled, pending deletion, gone, of another kind."""


class OpeningFailed(SecretFault):
    """Likewise, for reading; or what lies in the database is not what was sealed."""


class PolicyPublic(SecretFault):
    """A resource policy that anybody could meet."""


class PolicyNameUnknown(SecretFault):
    """A secret has one policy, `default`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class RotationDenied(SecretFault):
    """The rotation function cannot be invoked."""

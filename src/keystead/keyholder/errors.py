"""What comes back from the keyholder instead of an answer: a code, never a reason text of a library."""


class KeyholderError(Exception):
    """The base; never raised itself."""


class KeyholderLost(KeyholderError):
    """The keyholder is not there, or went away while the call was in flight. Safe to try again."""


class CiphertextInvalid(KeyholderError):
    """Not a blob of this material under this context, or altered. Which of these is not said."""


class TokenInvalid(KeyholderError):
    """A token that does not belong to the key, material or spec it was presented with, or whose domain key is unknown."""


class DomainKeyUnknown(TokenInvalid):
    """The domain key has not been loaded: clients load the sealed keys again and retry once before they raise it."""


class RequestRefused(KeyholderError):
    """The keyholder's own rules forbid it: size, usage against spec, an operation this connection may not ask for."""


class MaterialWrong(KeyholderError):
    """Material from outside that is not what its key spec says, or whose parts do not belong together."""


class KeyholderBusy(KeyholderError):
    """More slow key generation has been asked for than is kept waiting. Safe to try again later."""


class ImportTokenInvalid(KeyholderError):
    """Not an import token of this key and spec, or altered, or its domain key is gone."""


class ImportTokenExpired(KeyholderError):
    """The wrapping key was good for a day."""


class HsmLost(KeyholderError):
    """The hardware security module is not there, or failed. Safe to try again."""


class HsmSilent(HsmLost):
    """It did not answer in time: nobody knows whether it is there. Its process may be starting again. Safe to try again."""


class HsmKeyGone(KeyholderError):
    """The module is there, and does not have the key."""


class SealNotOpened(Exception):
    """The root key stays locked. The text is for the operator and says what to do; nothing was changed."""

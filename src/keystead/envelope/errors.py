"""What can go wrong with a message, a record or their keys; each says what happened, and none holds a secret."""

from collections.abc import Sequence


class EnvelopeFault(Exception):
    """The base of all. Never raised itself."""


class MessageInvalid(EnvelopeFault):
    """The bytes are not a message that these keys open unchanged. The base of the three below; never raised itself."""


class Malformed(MessageInvalid):
    """The bytes do not have the form of a message; nothing was asked of any key service, or nothing was released."""


class Truncated(Malformed):
    """The bytes end before the message does."""

    def __init__(self, where: str) -> None:
        super().__init__(f"The message ends within its {where}.")


class NotAuthentic(MessageInvalid):
    """Commitment, tag or signature is not that of this message under this key. It is not said which."""

    def __init__(self) -> None:
        super().__init__("The message does not authenticate.")


class LimitExceeded(EnvelopeFault):
    """More than the limits allow; raise the limit if the message is meant."""


class PolicyRefused(EnvelopeFault):
    """The commitment policy, or the way of reading, does not allow this suite."""


class ContextMismatch(EnvelopeFault):
    """The message was sealed with another encryption context than the caller expects."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"The encryption context differs in: {', '.join(names)}.")


class ContextInvalid(EnvelopeFault):
    """An encryption context that cannot be sealed."""


class KeyUnavailable(EnvelopeFault):
    """No keyring could open, or make, the data key. `reasons` has one line for each attempt."""

    def __init__(self, text: str, reasons: Sequence[str] = ()) -> None:
        super().__init__(" ".join((text, *reasons)))
        self.reasons = tuple(reasons)


class KeyExhausted(EnvelopeFault):
    """A key has sealed as much as it may."""


class CustodianAtFault(KeyUnavailable):
    """A share came back other than it was sealed. `custodians` names who gave it."""

    def __init__(self, custodians: Sequence[str], reasons: Sequence[str] = ()) -> None:
        super().__init__(f"A share is not the one that was sealed; it came from: {', '.join(custodians)}.", reasons)
        self.custodians = tuple(custodians)


class SourceChanged(EnvelopeFault):
    """A file became another while it was read; nothing was written under the final name."""


class Kept(EnvelopeFault):
    """The output exists and was not to be replaced."""

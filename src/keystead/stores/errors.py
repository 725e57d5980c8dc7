"""What custom key stores raise, in the domain's words. Which AWS code each becomes is the service's business."""


class StoreFault(Exception):
    """The base; never raised itself."""


class StoreNotFound(StoreFault):
    """`named` is the id or the name that was asked for."""

    def __init__(self, named: str) -> None:
        super().__init__(named)
        self.named = named


class StoreNameTaken(StoreFault):
    """Another store of the account has this name."""


class StoreStateWrong(StoreFault):
    """The store's connection state does not allow it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class StoreHasKeys(StoreFault):
    """A store is deleted only when its last key is."""


class TooManyStores(StoreFault):
    """More than an account may have in a Region."""


class ClusterUnknown(StoreFault):
    """The HSM file has no module of this name."""

    def __init__(self, cluster: str) -> None:
        super().__init__(cluster)
        self.cluster = cluster


class ClusterTaken(StoreFault):
    """Another store of the account uses this module, or one with the same trust anchor."""


class ClusterNotActive(StoreFault):
    """The token cannot be used now."""


class ClusterMisconfigured(StoreFault):
    """The HSM file lacks what a store needs. `text` says what."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class ClusterUnrelated(StoreFault):
    """A module with another trust anchor cannot take the place of this one: it has not the keys."""


class AnchorWrong(StoreFault):
    """Not the trust anchor of this module."""


class ModuleTimedOut(StoreFault):
    """The module did not make what was asked for. Nothing was changed; it may be tried again."""


class ProxyAddressTaken(StoreFault):
    """Another store of the account uses this endpoint and path."""


class Troubled(StoreFault):
    """The base of what a proxy's troubles become; never raised itself. `text` is AWS's, never the proxy's own."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class ProxyUnreachable(Troubled):
    """Making or changing a store: nobody there, or nobody who could answer."""


class ProxyCredentialWrong(Troubled):
    """Making or changing a store: the proxy does not know the credential."""


class ProxyAnswerInvalid(Troubled):
    """Making or changing a store: what came back is no answer."""


class ProxyMisconfigured(Troubled):
    """Making or changing a store: the path is not the proxy's."""


class ExternalStoreUnusable(Troubled):
    """Making a key: the store's proxy does not answer as it should."""


class ExternalKeyUnfit(Troubled):
    """Making a key: the external key is not one for AES-256 that may encrypt and decrypt now."""


class ExternalKeyNotFound(Troubled):
    """Making a key: the proxy knows no such key."""


class ExternalKeyTaken(StoreFault):
    """Another key of the store uses this external key."""


class ExternalUseFailed(Troubled):
    """Using a key: whatever it was, the key could not be used."""

"""What stands behind custom key stores: the hardware security modules of this node, and the proxies it calls."""

import hmac
import secrets
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from keystead.keyholder import hsm_file
from keystead.keyholder.errors import HsmLost, KeyholderError
from keystead.keyholder.hsm_file import Entries, HsmFileWrong
from keystead.keyholder.promise import Keyholder
from keystead.stores.errors import AnchorWrong, ClusterMisconfigured, ClusterNotActive, ClusterUnknown
from keystead.stores.key_store import KeyStore
from keystead.stores.proxy import Caller, Proxies
from keystead.stores.troubles import ProxyTroubled

ALPHABET: Final = "0123456789abcdef"
ID_DIGITS: Final = 17
"""cks- and 17 hexadecimal digits (KMS API reference, examples)."""
CLUSTER_NOT_FOUND: Final = "CLUSTER_NOT_FOUND"
INTERNAL_ERROR: Final = "INTERNAL_ERROR"
NO_TOKEN: Final = "INSUFFICIENT_CLOUDHSM_HSMS"  # noqa: S105  # an error code


def new_id() -> str:
    return "cks-" + "".join(secrets.choice(ALPHABET) for _ in range(ID_DIGITS))


@dataclass(slots=True)
class Stores:
    """Of one process. `modules` are those of the HSM file, by their names: the ids of clusters."""

    keyholder: Keyholder
    proxies: Proxies
    modules: Entries = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        keyholder: Keyholder,
        clock: Callable[[], float],
        *,
        modules: str = "",
        tls: ssl.SSLContext | None = None,
        connect_to: Mapping[str, str] | None = None,
    ) -> "Stores":
        """`modules` is the path of the HSM file, or empty. Raises HsmFileWrong."""
        return cls(keyholder, Proxies(keyholder, clock, tls=tls, connect_to=connect_to), hsm_file.read(modules))

    async def close(self) -> None:
        await self.proxies.close()

    async def check_cluster(self, cluster: str, anchor: str) -> None:
        """What a new store needs. Raises ClusterUnknown, ClusterMisconfigured, AnchorWrong, ClusterNotActive."""
        given = certificate(anchor)
        if given is None or not hmac.compare_digest(given, self.anchor(cluster)):
            raise AnchorWrong
        await self.look(cluster)

    async def look(self, cluster: str) -> None:
        """Raises ClusterNotActive."""
        try:
            await self.keyholder.look_hsm(cluster)
        except HsmLost:
            raise ClusterNotActive from None

    def anchor(self, cluster: str) -> bytes:
        """The trust anchor of a module, DER. Raises ClusterUnknown, ClusterMisconfigured."""
        entry = self.modules.get(cluster)
        if entry is None:
            raise ClusterUnknown(cluster)
        try:
            found = entry.anchor()
        except HsmFileWrong:
            found = None
        if found is None:
            raise ClusterMisconfigured(f"The HSM file names no readable trust anchor for {cluster}.")
        return found

    def related(self, one: str, other: str) -> bool:
        """Whether two modules have the same trust anchor. Raises ClusterUnknown, ClusterMisconfigured."""
        return hmac.compare_digest(self.anchor(one), self.anchor(other))

    async def connect(self, store: KeyStore) -> str:
        """Empty when the store can be used from here, or a ConnectionErrorCode."""
        try:
            if store.external:
                await self.proxies.check(Caller.of(store), "ConnectCustomKeyStore", secrets.token_hex(16))
                return ""
            if store.cluster not in self.modules:
                return CLUSTER_NOT_FOUND
            return await self.keyholder.connect_hsm(store.cluster, store.secret, store.binding)
        except ProxyTroubled as troubled:
            return troubled.row.connection
        except HsmLost:
            return NO_TOKEN
        except KeyholderError:
            return INTERNAL_ERROR


def certificate(pem: str) -> bytes | None:
    """DER; None for what is no certificate in PEM."""
    try:
        return hsm_file.certificate(pem)
    except ValueError:
        return None

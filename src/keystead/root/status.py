"""What there is below the seal: root keys, domain keys, and how many tokens each wraps."""

from collections import Counter
from typing import NamedTuple

from keystead.config import Settings
from keystead.kept_keys import own_keys
from keystead.keyholder import seals
from keystead.keyholder.own_keys import DOMAIN
from keystead.keyholder.promise import wrapped_under
from keystead.root.rotate import pages
from keystead.root.tokens import KINDS
from keystead.unsealed import unsealed


class DomainKey(NamedTuple):
    """tokens  that it wraps now"""

    id: str
    version: int
    tokens: int


class Status(NamedTuple):
    """formers  root keys that were replaced and not yet dropped"""

    seal: str
    kind: str
    formers: int
    domain_keys: tuple[DomainKey, ...]


async def status(settings: Settings) -> Status:
    """Raises what `unsealed` raises."""
    async with unsealed(settings) as node:
        tokens: Counter[str] = Counter()
        for kind in KINDS:
            async for page in pages(node, kind):
                tokens.update(wrapped_under(held.token) for held in page)
        sealed = await own_keys(node.database)
    file = seals.load(settings.folder)
    domains = tuple(DomainKey(key.id, key.version, tokens[key.id]) for key in sealed if key.purpose == DOMAIN)
    return Status(str(file.id), file.kind, node.seal.formers, domains)

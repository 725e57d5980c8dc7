"""Words that secrets are found by: what filters mean, and the rows that answer them by index.

    field        rows                                     a value of a filter matches
    tag-key      each tag's key                           the beginning, with regard to case
    tag-value    each tag's value                         likewise
    description  each word, folded                        every word of the value begins some word
    all          each word of name, description and tags  likewise

Words of `all` also begin where lower case turns to upper, a letter to a digit, and after punctuation (Secrets Manager user
guide, find secrets). Names are found by the secrets' own index.
"""

import re
from collections.abc import Iterator
from typing import Final

from sqlalchemy import delete, insert

from keystead.database.engine import Transaction
from keystead.secrets.secret import Secret
from keystead.secrets.store import words

WORD_LIMIT: Final = 256
"""Characters of a word that are kept; the rest is compared with the secret itself."""
PIECES: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\sA-Za-z0-9]+")


def description_words(text: str) -> list[str]:
    return text.lower().split()


def all_words(text: str) -> list[str]:
    """Whole words, and the pieces that begin inside them: SecretOne is secretone, secret and one."""
    return [word.lower() for word in text.split()] + [piece.lower() for piece in PIECES.findall(text)]


def words_of(secret: Secret) -> Iterator[tuple[str, str]]:
    """(field, word), with repetitions."""
    described, tagged = secret.description or "", secret.tags or {}
    for name, value in tagged.items():
        yield "tag-key", name
        yield "tag-value", value
    for word in description_words(described):
        yield "description", word
    for text in (secret.name, described, *tagged, *tagged.values()):
        for word in all_words(text):
            yield "all", word


async def store_words(tx: Transaction, secret: Secret) -> None:
    """In the place of those before."""
    await tx.execute(delete(words).where(words.c.secret_id == secret.id))
    found = dict.fromkeys((field, word[:WORD_LIMIT]) for field, word in words_of(secret) if word)
    rows = [
        {"account": secret.account, "region": secret.region, "field": field, "word": word, "secret_id": secret.id}
        for field, word in found
    ]
    if rows:
        await tx.execute(insert(words), rows)

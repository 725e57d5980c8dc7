"""The key that signs what is posted to functions and to those who are told of rotations; the rest is keystead.webhooks."""

from keystead import webhooks
from keystead.rotation.errors import SecretUnusable
from keystead.webhooks import headers

__all__ = ["headers", "key_of"]


def key_of(text: str) -> bytes:
    """Raises SecretUnusable."""
    try:
        return webhooks.key_of(text)
    except webhooks.KeyUnusable as error:
        raise SecretUnusable(str(error)) from None

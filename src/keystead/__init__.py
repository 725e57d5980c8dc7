"""Keystead: a key management service, secrets manager and audit trail that speaks AWS."""

__version__ = "0.1.0"

"""Keystead: a key management service, secrets manager and audit trail that speaks AWS."""

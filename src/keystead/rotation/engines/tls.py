"""What TLS with a verified certificate means to every engine, whatever its driver would do by itself.

Drivers differ: one looks for authorities in its own folder, another leaves the name unchecked when it is given none. Here the
certificate must come from an authority that this machine trusts (SSL_CERT_FILE and SSL_CERT_DIR say otherwise; openssl-env(7)) and
be for the host that the secret names.
"""

import ssl


def verified() -> ssl.SSLContext:
    """Made anew each time: authorities change while a process runs."""
    return ssl.create_default_context()

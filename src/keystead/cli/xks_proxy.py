"""`keystead xks-proxy`: keys of a KMS as external keys of another, over the XKS Proxy API."""

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from keystead import log_setup, logs
from keystead.cli.output import errors, fail
from keystead.envelope.service.profile import NoRegion, connect
from keystead.node.refusals import is_loopback
from keystead.processes import bind
from keystead.xks.answering import Proxy
from keystead.xks.config import ConfigWrong, Watched
from keystead.xks.serving import serving, write


def xks_proxy(
    config: Annotated[Path, typer.Option(help="The proxy's file: credentials and keys; mode 0600.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port; 0 takes a free one.")] = 8443,
    tls_cert: Annotated[str, typer.Option(help="TLS certificate chain, PEM.")] = "",
    tls_key: Annotated[str, typer.Option(help="TLS private key, PEM.")] = "",
) -> None:
    """Serve until SIGTERM. The KMS behind it, and as whom it is called, come from the AWS_ environment or profile."""
    if bool(tls_cert) != bool(tls_key) or not (tls_cert or is_loopback(host)):
        fail("Give --tls-cert and --tls-key: without TLS only loopback is served.")
    log_setup.configure("xks-proxy", logs.chosen(""))
    watched = Watched(config)
    try:
        watched.current()
        kms: Any = connect()
    except (ConfigWrong, NoRegion) as error:
        fail(str(error))
    if not hasattr(kms, "call"):
        fail("Give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: other credentials are not served here.")
    listener = bind(host, port)
    where = f"{host}:{listener.getsockname()[1]}"
    errors.print(f"The proxy is ready at {where}", markup=False, highlight=False, soft_wrap=True)
    os.umask(0o077)
    asyncio.run(serving(Proxy(watched, kms, write), tls_cert, tls_key).serve(sockets=[listener]))

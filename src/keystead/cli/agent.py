"""`keystead agent`: cached reads of secrets for the processes of this machine."""

import os
import sys
from typing import Annotated

import typer

from keystead.cli.output import fail


def agent(
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port on 127.0.0.1; 0 takes a free one.")] = 2773,
    ttl: Annotated[float, typer.Option(min=0, max=3600, help="Seconds that an answer is believed unasked.")] = 300.0,
    stale: Annotated[
        float, typer.Option(min=0, help="Seconds more that it is given out while the service cannot be reached.")
    ] = 3600.0,
) -> None:
    """Serve secrets and parameters on 127.0.0.1, as AWS's own agents do, until SIGTERM. Prints one line when ready.

    Keystead tells it what has changed: a rotated secret is given out within seconds, whatever --ttl says. AWS does not.

    Clients show a token: the agent's AWS_TOKEN, or the file that it names, or /var/run/awssmatoken. Endpoint, Region and credentials
    come from the usual AWS environment.
    """
    from botocore.exceptions import BotoCoreError

    from keystead.agent import serving, token
    from keystead.agent.cache import Cache
    from keystead.agent.upstream import Upstream
    from keystead.agent.watching import Watching

    try:
        upstream = Upstream()
        cache = Cache(upstream, ttl=ttl, stale=stale)
        watching = Watching(cache, upstream) if upstream.tells_changes else None
        serving.serve(cache, watching, token.read(os.environ), port, announce)
    except token.NoToken as error:
        fail(str(error))
    except BotoCoreError as error:
        fail(f"{error}")
    except OSError as error:
        fail(f"Cannot listen on 127.0.0.1:{port}: {error.strerror}.")


def announce(url: str) -> None:
    sys.stdout.write(f"Keystead's agent is ready at {url}\n")
    sys.stdout.flush()

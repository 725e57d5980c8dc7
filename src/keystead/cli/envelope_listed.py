"""The verbs of the envelope as `keystead --help` lists them; main() runs them from envelope.py, without typer."""

from collections.abc import Callable

from keystead.cli import envelope


def _listed(verb: str) -> Callable[[], None]:
    def run() -> None:
        envelope.main([verb, "--help"])

    run.__doc__ = envelope.VERBS[verb].__doc__
    return run


encrypt, decrypt, inspect, rewrap, plan = map(_listed, ("encrypt", "decrypt", "inspect", "rewrap", "plan"))

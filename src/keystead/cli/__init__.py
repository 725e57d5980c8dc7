"""The command line: one file per family of verbs, listed in verbs.py."""

import sys
from typing import Final

CLIENT: Final = frozenset({"encrypt", "decrypt", "inspect", "rewrap", "plan"})
"""Verbs that start in a fifth of a second, without typer."""


def main() -> None:
    """The entry point of `keystead`. The verb that is asked for is loaded and no other, so that each starts fast."""
    if CLIENT.intersection(sys.argv[1:2]):
        from keystead.cli import envelope

        envelope.main(sys.argv[1:])
        return
    if sys.argv[1:2] == ["serve"] and "--help" not in sys.argv:
        from keystead.forks import CAN_FORK, Forks

        with Forks() as forks:
            if CAN_FORK:
                forks.begin()  # it takes longest of all, and need not wait until the options have been read
            run(obj=forks)
    else:
        run()


def run(**context: object) -> None:
    from keystead.cli.verbs import VERBS, application

    asked = [verb for verb in sys.argv[1:2] if verb in VERBS]
    application(asked or VERBS)(**context)

"""The command line: one file per family of verbs, listed in verbs.py."""

import sys


def main() -> None:
    """The entry point of `keystead`. The verb that is asked for is loaded and no other, so that each starts fast."""
    from keystead.cli.verbs import VERBS, application

    asked = [verb for verb in sys.argv[1:2] if verb in VERBS]
    application(asked or VERBS)()

"""`keystead trail publish`: the log's tree as files, for any web server or store."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from keystead.cli.failures import told
from keystead.cli.output import DataOption, out
from keystead.trail import cosigned, policy
from keystead.trail.policy import Policy
from keystead.trail.tiles import Published, export


def publish(
    data: DataOption,
    to: Annotated[Path, typer.Option("--to", help="The folder; what is there already is not written again.")],
    policy_file: Annotated[
        Path | None,
        typer.Option(
            "--policy", envvar="KEYSTEAD_TRAIL_POLICY", help="Publish what this policy's quorum has cosigned."
        ),
    ] = None,
) -> None:
    """Write the tree as C2SP tiles: hashes and times, and of no record what it says. Run it again to write what came since."""
    trail = Path(data) / "trail"
    with told():
        asked = policy.load(policy_file) if policy_file is not None else Policy()
        published = Published(trail, partial(cosigned.to_publish, trail, asked))
        try:
            size = export(published, to)
        finally:
            published.close()
    out.print(f"{to}: the tree of {size} records", markup=False, highlight=False, soft_wrap=True)

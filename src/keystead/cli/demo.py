"""`keystead demo`: the main job before your eyes."""

from pathlib import Path
from typing import Annotated

import typer

import keystead
from keystead.cli.output import fail, out


def demo(
    path: Annotated[Path | None, typer.Argument(help="A directory of files. [default: Keystead's own source]")] = None,
) -> None:
    """Set up a Keystead in a temporary folder and use it with the AWS CLI and boto3."""
    try:
        from keystead.demo.stage import DemoFailed
        from keystead.demo.story import tell
    except ImportError:
        fail("The demo is done by boto3 and the AWS CLI: pip install 'keystead[demo]'")
    source = path or Path(keystead.__file__).parent
    if not source.is_dir():
        fail(f"{source} is not a directory.")
    try:
        tell(source, out)
    except DemoFailed as failed:
        fail(str(failed))

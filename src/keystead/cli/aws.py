"""A client of an AWS service wherever the usual AWS environment points, and what it refuses in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from keystead.cli.output import fail


def client(service: str) -> Any:
    import botocore.session
    from botocore.exceptions import BotoCoreError

    try:
        return botocore.session.get_session().create_client(service)
    except BotoCoreError as error:
        fail(f"{error}")


@contextmanager
def told() -> Iterator[None]:
    """What the service refuses ends the process with AWS's code and text; neither holds a value."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as refused:
        error = refused.response["Error"]
        fail(f"{refused.operation_name}: {error['Code']}: {error.get('Message', '')}".rstrip(": "))
    except BotoCoreError as error:
        fail(f"{error}")

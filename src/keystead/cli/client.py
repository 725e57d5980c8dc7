"""A client of a running Keystead's own operations; endpoint, Region and credentials come from the usual AWS environment."""

import os
from typing import Any

from keystead.cli.output import fail
from keystead.wire.model import OWN


def ask(operation: str, **members: Any) -> dict[str, Any]:
    """The answer; ends the process with what went wrong."""
    import botocore.session
    from botocore.exceptions import BotoCoreError, ClientError

    session = botocore.session.get_session()
    session.get_component("data_loader").search_paths.insert(0, str(OWN))
    region = session.get_config_variable("region") or os.environ.get("AWS_REGION") or "us-east-1"
    try:
        client = session.create_client("keystead", region_name=region)
        if client.meta.endpoint_url.endswith(".amazonaws.com"):
            fail("There is no endpoint: set AWS_ENDPOINT_URL.")
        answer: dict[str, Any] = client._make_api_call(operation, members)  # noqa: SLF001  # what its methods call
    except ClientError as refused:
        error = refused.response["Error"]
        fail(f"{error['Code']}: {error.get('Message', '')}".rstrip(": "))
    except BotoCoreError as error:
        fail(f"{error}")
    return answer

"""`keystead template`: prints policies that are shipped, for the AWS CLI to put."""

import time
from ipaddress import ip_network
from typing import Annotated

import typer

from keystead.cli.output import fail, print_json
from keystead.identities import templates

application = typer.Typer(help="Policies that are shipped.", no_args_is_help=True)


@application.callback()
def template() -> None:
    """Policies that are shipped."""


@application.command("key-for-service")
def key_for_service(
    account_id: Annotated[str, typer.Option(help="12 digits.")],
    principal: Annotated[list[str], typer.Option(help="ARN of a role or user that uses the key; may be repeated.")],
    service: Annotated[str, typer.Option(help="The service through which.")] = "secretsmanager",
    region: Annotated[str, typer.Option(envvar="AWS_REGION")] = "us-east-1",
) -> None:
    """A key policy: the key is used only through one service, whoever has it granted."""
    print_json(templates.key_for_service(account_id, service, region, principal))


@application.command("from-addresses")
def from_addresses(
    network: Annotated[list[str], typer.Option(help="CIDR; may be repeated.")],
) -> None:
    """An identity policy or boundary's part: nothing from elsewhere."""
    try:
        networks = [str(ip_network(one)) for one in network]
    except ValueError as wrong:
        fail(f"{wrong}.")
    print_json(templates.from_addresses(networks))


@application.command("revoke-older-sessions")
def revoke_older_sessions(
    before: Annotated[str | None, typer.Option(help="YYYY-MM-DDThh:mm:ssZ. [default: now]")] = None,
) -> None:
    """An identity policy for a role: its credentials that were issued before are worth nothing."""
    moment = before or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    try:
        time.strptime(moment, "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        fail("A moment has the form YYYY-MM-DDThh:mm:ssZ.")
    print_json(templates.revoke_older_sessions(moment))

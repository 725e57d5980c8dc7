"""`keystead who-can`: who can decrypt under a key, or read a secret, and by which path."""

from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.table import Table

from keystead.cli.client import ask
from keystead.cli.output import Form, FormOption, literal, moment, out, print_json


class Access(StrEnum):
    """What may be asked."""

    decrypt = "decrypt"
    read = "read"


def who_can(
    access: Annotated[Access, typer.Argument(help="decrypt under a key, or read a secret.")],
    resource: Annotated[str, typer.Argument(help="The key's id, ARN or alias; the secret's name or ARN.")],
    output: FormOption = Form.table,
) -> None:
    """List every principal that can, with each path that lets it, what is still open, and when it last did.

    Those who cannot do it without a condition are also looked at for roles that they may become, and for what they could
    change to let themselves in. Needs leave for keystead:ListPrincipalsWithAccess. Endpoint and credentials come from the
    usual AWS environment.
    """
    found = [row(one) for one in ask("ListPrincipalsWithAccess", ResourceId=resource, Access=access.value)["Paths"]]
    if output is Form.json:
        print_json(found)
        return
    table = Table(box=None)
    for heading in ("principal", "path", "conditions", "last used"):
        table.add_column(heading, overflow="fold")
    for one in found:
        conditions = "\n".join(one["conditions"]) or "-"
        table.add_row(literal(one["principal"]), literal(one["path"]), literal(conditions), one["last_used"] or "never")
    out.print(table if found else "nobody")


def row(path: dict[str, Any]) -> dict[str, Any]:
    used = path.get("LastUsed")
    return {
        "principal": path["Principal"],
        "path": path["Path"],
        "kind": path["Kind"],
        "conditions": path["Conditions"],
        "last_used": moment(used) if used is not None else None,
    }

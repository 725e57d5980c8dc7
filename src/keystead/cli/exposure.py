"""`keystead blast-radius` and `keystead overdue`: what is exposed, and what should have happened by now."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from keystead.cli.client import ask
from keystead.cli.output import Form, FormOption, fail, literal, moment, out, print_json

TimeOption = Annotated[str | None, typer.Option(help="YYYY-MM-DDThh:mm:ssZ")]


def blast_radius(
    key: Annotated[str | None, typer.Option(help="A key: id, ARN or alias.")] = None,
    material: Annotated[str | None, typer.Option(help="One material of the key, by its id.")] = None,
    at: TimeOption = None,
    principal: Annotated[str | None, typer.Option(help="ARN of a user or role.")] = None,
    begin: Annotated[str | None, typer.Option("--from", help="YYYY-MM-DDThh:mm:ssZ [default: 90 days ago]")] = None,
    end: Annotated[str | None, typer.Option("--to", help="YYYY-MM-DDThh:mm:ssZ [default: now]")] = None,
    output: FormOption = Form.table,
) -> None:
    """Show what is exposed if a key is, or if somebody had the credentials of a principal.

    Of a key: who could decrypt by the policies of that time, who used it, and the secrets and grants on it. Of a principal: what it
    could decrypt and read by the policies of that time, and what it did by the log. Endpoint and credentials come from the usual
    AWS environment.
    """
    if (key is None) is (principal is None):
        fail("Say what: --key or --principal.", 2)
    if key is not None and (begin or end):
        fail("--from and --to go with --principal; --at goes with --key.", 2)
    if principal is not None and (material or at):
        fail("--material and --at go with --key; --from and --to go with --principal.", 2)
    if key is not None:
        asked = {"KeyId": key, "MaterialId": material, "At": time_of(at)}
        answer = ask("GetKeyBlastRadius", **given(asked))
    else:
        answer = ask(
            "GetPrincipalBlastRadius", **given({"PrincipalArn": principal, "From": time_of(begin), "To": time_of(end)})
        )
    show(answer["Findings"], output)


def overdue(
    access_key_days: Annotated[int, typer.Option(min=1, help="Age of an access key.")] = 90,
    grant_days: Annotated[int, typer.Option(min=1, help="Age of a grant.")] = 365,
    unused_days: Annotated[int, typer.Option(min=1, help="Without use.")] = 90,
    output: FormOption = Form.table,
) -> None:
    """List what should have happened by now, or is older than it should be.

    Endpoint and credentials come from the usual AWS environment.
    """
    answer = ask("ListOverdue", AccessKeyDays=access_key_days, GrantDays=grant_days, UnusedDays=unused_days)
    show(answer["Findings"], output)


def time_of(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{text} is no time: YYYY-MM-DDThh:mm:ssZ.", 2)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def given(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def show(findings: list[dict[str, Any]], output: Form) -> None:
    found = [row(one) for one in findings]
    if output is Form.json:
        print_json(found)
        return
    table = Table(box=None)
    for heading in ("kind", "subject", "detail", "conditions", "first", "last"):
        table.add_column(heading, overflow="fold")
    for one in found:
        conditions = "\n".join(one["conditions"]) or "-"
        words = (one["kind"], one["subject"], one["detail"], conditions, one["first"] or "-", one["last"] or "-")
        table.add_row(*map(literal, words))
    out.print(table if found else "nothing")


def row(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": one["Kind"],
        "subject": one["Subject"],
        "detail": one["Detail"],
        "conditions": one.get("Conditions", []),
        "count": one.get("Count"),
        "first": moment(one["First"]) if "First" in one else None,
        "last": moment(one["Last"]) if "Last" in one else None,
    }

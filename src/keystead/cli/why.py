"""`keystead why`: how a call was decided, statement by statement."""

from typing import Annotated, Any, Final

import typer
from rich.table import Table

from keystead.cli.client import ask
from keystead.cli.output import Form, FormOption, literal, moment, out, print_json

VERDICTS: Final = {
    "allowed": "[green]allowed[/]",
    "implicitDeny": "[red]denied: nothing allowed it[/]",
    "explicitDeny": "[red]denied explicitly[/]",
}
WORDS: Final = {
    "matches": "matches",
    "action": "is about other actions",
    "principal": "does not name the caller",
    "resource": "is about other resources",
    "ineffective": "has no effect",
}


def why(
    request_id: Annotated[str, typer.Argument(help="x-amzn-RequestId of an answer, or requestID of a record.")],
    output: FormOption = Form.table,
) -> None:
    """Show how a call was decided: every statement about it, and how far each came.

    Reads the trail of the last 90 days; needs leave for keystead:ExplainRequest. Endpoint and credentials come from the usual
    AWS environment.
    """
    calls = ask("ExplainRequest", RequestId=request_id)["Calls"]
    if output is Form.json:
        print_json([row for call in calls for row in rows(call)])
        return
    for call in calls:
        show(call)


def rows(call: dict[str, Any]) -> list[dict[str, Any]]:
    """One for each decision."""
    about = {
        "event_id": call["EventId"],
        "time": moment(call["EventTime"]),
        "event": f"{call['EventSource']} {call['EventName']}",
        "region": call["Region"],
        "principal": call["Principal"],
        "source_ip": call["SourceIpAddress"],
        "error": call.get("ErrorCode"),
        "message": call.get("ErrorMessage"),
    }
    undecided: dict[str, Any] = {
        "action": None,
        "resource": None,
        "decision": "none",
        "by": None,
        "grant": None,
        "statements": [],
    }
    return [about | decision(one) for one in call["Decisions"]] or [about | undecided]


def decision(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "action": one["Action"],
        "resource": one["Resource"],
        "decision": one["Decision"],
        "by": one.get("DecidedBy"),
        "grant": one.get("GrantId"),
        "others": one.get("OtherStatements", 0),
        "statements": [statement(line) for line in one["Statements"]],
    }


def statement(line: dict[str, Any]) -> dict[str, Any]:
    return {
        "step": line.get("Step"),
        "policy": line["Policy"],
        "statement": line["Statement"],
        "effect": line["Effect"],
        "outcome": line["Outcome"],
        "given": line.get("Given"),
    }


def show(call: dict[str, Any]) -> None:
    for row in rows(call):
        out.print(f"{row['time']}  {row['event']}  {row['principal']}  from {row['source_ip']}", **PLAIN)
        if row["error"]:
            out.print(f"{row['error']}: {row['message'] or ''}".rstrip(": "), **PLAIN)
        if row["action"] is None:
            out.print("no access decision was made: the call ended before")
            continue
        out.print(f"{literal(row['action'])} on {literal(row['resource'])}: {verdict(row)}", soft_wrap=True)
        if row["statements"]:
            out.print(table(row["statements"]))
        if row["others"]:
            out.print(f"and {row['others']} more that are about other actions, or too many to be kept")


PLAIN: Final[dict[str, Any]] = {"markup": False, "highlight": False, "soft_wrap": True}


def verdict(row: dict[str, Any]) -> str:
    said = VERDICTS[row["decision"]]
    if row["grant"]:
        said += f" by grant {row['grant']}"
    return said + (f" ({literal(row['by'])})" if row["by"] else "")


def table(statements: list[dict[str, Any]]) -> Table:
    made = Table(box=None)
    for heading in ("policy", "statement", "effect", "outcome"):
        made.add_column(heading, overflow="fold")
    for line in statements:
        made.add_row(*map(literal, (line["policy"], line["statement"], line["effect"], outcome(line))))
    return made


def outcome(line: dict[str, Any]) -> str:
    if line["outcome"] in WORDS:
        return WORDS[line["outcome"]]
    given = line["given"]
    return f"{line['outcome']} fails: the request has {', '.join(given) if given else 'no such key'}"

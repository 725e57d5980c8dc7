"""`keystead who-holds`: who may still use which version of a secret."""

import time
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from keystead.cli.client import ask
from keystead.cli.output import Form, FormOption, literal, out, print_json

LOOKING_SECONDS: Final = 5.0
"""For the rotator to ask the database who is connected; it looks about twice a second."""
PAUSE: Final = 0.3
NEVER: Final = {
    "on-auth-failure": "until a login fails",
    "on-restart": "until it restarts",
}


def who_holds(
    secret: Annotated[str, typer.Argument(help="Name or ARN.")],
    output: FormOption = Form.table,
) -> None:
    """Show who may hold which version of a secret, who is connected with it, and what keeps an old credential alive.

    Needs leave for keystead:ListSecretHolders. Endpoint and credentials come from the usual AWS environment.
    """
    answer = asked(secret)
    if output is Form.json:
        print_json(document(answer))
    else:
        show(answer)


def asked(secret: str) -> dict[str, Any]:
    """Once who is connected with the current version has been looked at, or could not be for a while."""
    deadline = time.monotonic() + LOOKING_SECONDS
    while True:
        answer: dict[str, Any] = ask("ListSecretHolders", SecretId=secret)
        if not answer["Looking"] or time.monotonic() > deadline:
            return answer
        time.sleep(PAUSE)


def document(answer: dict[str, Any]) -> dict[str, Any]:
    """Times as text, in UTC."""
    return {name: plain(value) for name, value in answer.items() if name != "ResponseMetadata"}


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: plain(held) for name, held in value.items()}
    if isinstance(value, list):
        return [plain(held) for held in value]
    return moment(value) if hasattr(value, "timestamp") else value


def moment(at: Any) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at.timestamp()))


def clock(at: Any) -> str:
    """Of today the time, of another day the day too."""
    day = "%H:%M:%S" if time.gmtime(at.timestamp())[:3] == time.gmtime()[:3] else "%Y-%m-%d %H:%M"
    return time.strftime(day, time.gmtime(at.timestamp()))


def show(answer: dict[str, Any]) -> None:
    out.print(f"{literal(answer['Name'])}, times in UTC", highlight=False, soft_wrap=True)
    table = Table(box=None)
    for heading in ("version", "labels", "consumer", "last read", "may use it", "connections"):
        table.add_column(heading, overflow="fold")
    for version in answer["Versions"]:
        for row in rows(version):
            table.add_row(*map(literal, row))
    out.print(table, highlight=False)
    for line in (*session_lines(answer), *rotation_lines(answer), *overlap_lines(answer)):
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def rows(version: dict[str, Any]) -> list[tuple[str, ...]]:
    """A line for each consumer, and for each place that connections come from; at least one for the version."""
    head = (version["VersionId"][:8], ", ".join(label.removeprefix("AWS") for label in version["VersionStages"]))
    found = [("", "", *reader(one), "") for one in version["Readers"]]
    found += [("", "", *session(one)) for one in version["Sessions"]]
    first = found[0] if found else ("", "", "nobody", "", "", "")
    return [(*head, *first[2:]), *found[1:]]


def reader(one: dict[str, Any]) -> tuple[str, str, str]:
    until = f"until {clock(one['MayHoldUntil'])}" if "MayHoldUntil" in one else NEVER[one["Refresh"]]
    name = one["Principal"].rpartition(":")[2]
    return f"{name} @ {one['Address']}", clock(one["LastRead"]), until


def session(one: dict[str, Any]) -> tuple[str, str, str, str]:
    named = f" ({one['Application']})" if one["Application"] else ""
    return f"connected from {one['Address'] or 'somewhere'}{named}", "", "while connected", str(one["Connections"])


def session_lines(answer: dict[str, Any]) -> list[str]:
    """What is not known of connections, and why."""
    failed = [one for one in answer["Versions"] if "SessionsError" in one]
    lines = [f"connections of {one['VersionId'][:8]} cannot be looked at: {one['SessionsError']}" for one in failed]
    return [*lines, "connections of the current version have not been looked at yet"] if answer["Looking"] else lines


def rotation_lines(answer: dict[str, Any]) -> list[str]:
    run = answer.get("Rotation")
    if run is None:
        return []
    error = f", last error {run['Error']}" if "Error" in run else ""
    again = f", next attempt {clock(run['NextAttempt'])}" if "NextAttempt" in run else ""
    return [f"rotation {run['State']} at {run.get('Step', 'the start')}, attempt {run['Attempt']}{error}{again}"]


def overlap_lines(answer: dict[str, Any]) -> list[str]:
    overlap = answer.get("Overlap")
    if overlap is None:
        return []
    old = overlap["OldVersionId"][:8]
    if "Ended" in overlap:
        return [f"{old} is refused since {clock(overlap['Ended'])}: {overlap['Outcome']}"]
    then = {
        "hold": "nothing happens then",
        "revoke": "it is revoked then",
        "terminate": "it is revoked then, and connections end",
    }
    clocked = "; the server itself refuses it from then on" if overlap["EnforcedByServer"] else ""
    blocked = ", ".join(overlap["BlockedBy"]) or "nothing that is known"
    return [
        f"{old} works until {clock(overlap['Deadline'])} at most ({then[overlap['Policy']]}{clocked})",
        f"revoking it waits for: {blocked}",
    ]

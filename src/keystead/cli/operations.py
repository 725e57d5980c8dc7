"""`keystead operations`: per service, every operation of AWS's model and whether it is served."""

from typing import Final

from rich.markup import escape
from rich.table import Table

from keystead.catalogue import Entry, catalogue
from keystead.cli.output import Output, OutputOption, out, print_json

MARKS: Final = {"served": "[green]served[/green]", "refused": "[yellow]refused[/yellow]", "absent": "[dim]absent[/dim]"}


def operations(output: OutputOption = Output.text) -> None:
    """List what is served, what is refused and why, and what is absent."""
    listed = catalogue()
    if output is Output.json:
        print_json(
            {service: {entry.operation: entry.facts() for entry in entries} for service, entries in listed.items()}
        )
        return
    for service, entries in listed.items():
        out.print(table(service, entries))


def table(service: str, entries: tuple[Entry, ...]) -> Table:
    served = sum(entry.state == "served" for entry in entries)
    made = Table(title=f"{service}: {served} of {len(entries)} served", title_justify="left")
    for heading in ("operation", "", "reason"):
        made.add_column(heading)
    for entry in entries:
        made.add_row(entry.operation, MARKS[entry.state], escape(entry.reason))
    return made

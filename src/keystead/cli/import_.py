"""`keystead import`: from a .env file to managed secrets, planned first, carried out with --apply."""

import re
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.table import Table

from keystead.cli.aws import client, told
from keystead.cli.output import Form, FormOption, fail, literal, out, print_json
from keystead.envfile import applying, history, reading, references
from keystead.envfile import plan as plans
from keystead.envfile.kinds import Kind
from keystead.envfile.plan import PATH, Item, Store
from keystead.envfile.reading import Entry, NotReadable

NAME: Final = re.compile(r"[\w.+=@-]+(/[\w.+=@-]+)*")
KEY: Final = "~/.config/keystead/import.key"
EXAMPLES: Final = (".env.example", ".env.sample", ".env.template", ".env.dist")


def import_(
    file: Annotated[
        Path, typer.Argument(help="A .env file, or an export of Secrets Manager, Parameter Store or Vault.")
    ],
    app: Annotated[str, typer.Option(help="Name of the application: the secrets are APP/ENV/NAME.")],
    env: Annotated[str, typer.Option(help="Name of the environment.")] = "prod",
    apply: Annotated[bool, typer.Option("--apply", help="Carry the plan out.")] = False,
    secret: Annotated[
        list[str] | None, typer.Option(help="Keep this name as a secret, whatever it looks like.")
    ] = None,
    config: Annotated[list[str] | None, typer.Option(help="Keep this name as configuration, likewise.")] = None,
    path: Annotated[
        str | None, typer.Option(help="Where configuration goes in Parameter Store. [default: /APP/ENV]")
    ] = None,
    config_in_file: Annotated[
        bool, typer.Option("--config-in-file", help="Leave configuration in the reference file.")
    ] = False,
    kms_key_id: Annotated[
        str | None, typer.Option(help="KMS key of the secrets. [default: aws/secretsmanager]")
    ] = None,
    reference: Annotated[Path | None, typer.Option(help="The reference file. [default: FILE.ref]")] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete FILE when all is done.")] = False,
    output: FormOption = Form.table,
) -> None:
    """Show what would become of each value in FILE; with --apply make it so.

    Nothing is written without --apply, and no value is ever shown. Secrets go to Secrets Manager, configuration to Parameter
    Store, and references to both into the reference file, from which `keystead run` and `keystead export` read. A second run
    changes nothing. Needs secretsmanager:CreateSecret, TagResource, DescribeSecret, PutSecretValue and ListSecrets,
    ssm:PutParameter, AddTagsToResource, GetParameter and GetParameterHistory on what it makes.
    """
    if not NAME.fullmatch(app) or not NAME.fullmatch(env):
        fail("APP and ENV are made of letters, digits and _.+=@-, with slashes between.")
    behind = reference or file.with_name(f"{file.name}.ref")
    where = None if config_in_file else path_of(path, f"/{app}/{env}")
    try:
        entries = reading.read(file)
        items = planned(file, entries, f"{app}/{env}", where, secret or (), config or ())
    except (NotReadable, ValueError) as error:
        fail(str(error))
    if not apply:
        show(items, output)
        return
    if output is Form.table:
        items = asked(items, f"{app}/{env}", where, file)
    done = carried_out(items, kms_key_id, {"keystead-import:app": app, "keystead-import:env": env})
    applying.replace(behind, references.render({item.entry.name: item.line for item in items}))
    keep_out_of_git(file)
    if delete:
        file.unlink()
    report(done, behind, policy(f"{app}/{env}", where), output)


def path_of(given: str | None, default: str) -> str:
    """Of parameters, which may be called less than secrets."""
    path = (given or default).rstrip("/")
    if not PATH.fullmatch(path) or path[1:].lower().startswith(("aws", "ssm")):
        fail(f"{path} is no path of parameters: give --path, or --config-in-file.")
    return path


def planned(
    file: Path,
    entries: Sequence[Entry],
    prefix: str,
    path: str | None,
    secret: Sequence[str],
    config: Sequence[str],
) -> list[Item]:
    names = {entry.name for entry in entries}
    if unknown := sorted({*secret, *config} - names):
        raise ValueError(f"Not in {file}: {', '.join(unknown)}.")
    chosen = dict.fromkeys(config, Kind.CONFIGURATION) | dict.fromkeys(secret, Kind.SECRET)
    key = applying.local_key(Path(KEY).expanduser())
    examples = {
        entry.name: entry.value
        for one in EXAMPLES
        if (beside := file.with_name(one)).exists()
        for entry in reading.read(beside)
    }
    made = plans.plan(entries, prefix=prefix, key=key, examples=examples, chosen=chosen)
    kept = {item.entry.name: item.entry.value for item in made if item.store is Store.SECRETS}
    committed, all_read = history.found(file.absolute().parent, kept)
    if not all_read:
        sys.stderr.write("The git history is long: not all of it has been searched.\n")
    return plans.plan(entries, prefix=prefix, key=key, examples=examples, chosen=chosen, committed=committed, path=path)


def asked(items: list[Item], prefix: str, path: str | None, file: Path) -> list[Item]:
    """On a terminal, what is unclear is asked once; elsewhere it is kept as a secret."""
    unclear = [item.entry.name for item in items if item.verdict.kind is Kind.UNCLEAR]
    if not unclear or not sys.stdin.isatty():
        return items
    config = [name for name in unclear if not typer.confirm(f"Is {name} a secret?", default=True)]
    secret = [name for name in unclear if name not in config]
    decided = {item.entry.name: item.verdict.kind for item in items if item.verdict.why == "as you said"}
    config += [name for name, kind in decided.items() if kind is Kind.CONFIGURATION]
    secret += [name for name, kind in decided.items() if kind is Kind.SECRET]
    return planned(file, [item.entry for item in items], prefix, path, secret, config)


def carried_out(items: Sequence[Item], kms_key_id: str | None, tags: dict[str, str]) -> list[dict[str, Any]]:
    clients = cache(client)
    done = []
    for item in items:
        with told():
            outcome = applying.apply(clients, item, key_id=kms_key_id, tags=tags)
            elsewhere = applying.shared(clients("secretsmanager"), item)
        found = item.shown() | {"outcome": str(outcome)}
        if elsewhere:
            found["warnings"] = [*found["warnings"], f"the same value as {', '.join(elsewhere)}"]
        done.append(found)
    return done


def keep_out_of_git(file: Path) -> None:
    if history.ignored(file.absolute()):
        return
    ignoring = file.with_name(".gitignore")
    text = ignoring.read_text() if ignoring.exists() else ""
    applying.replace(ignoring, f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}/{file.name}\n")


def show(items: Sequence[Item], output: Form) -> None:
    rows = [item.shown() for item in items]
    if output is Form.json:
        print_json(rows)
        return
    table = Table("name", "becomes", "because", "where", "to be rotated, not only moved")
    for row in rows:
        where = f"{row['store']}: {row['target']}" if row["target"] else row["store"]
        table.add_row(*map(literal, (row["name"], row["kind"], row["why"], where, "; ".join(row["warnings"]))))
    out.print(table)
    out.print("Nothing has been written. Carry it out with --apply.")


def report(done: Sequence[dict[str, Any]], behind: Path, least: dict[str, Any], output: Form) -> None:
    if output is Form.json:
        print_json(done)
        return
    table = Table("name", "outcome", "where", "to be rotated, not only moved")
    for row in done:
        where = row["target"] or str(behind)
        table.add_row(*map(literal, (row["name"], row["outcome"], where, "; ".join(row["warnings"]))))
    out.print(table)
    out.print(f"References: {behind}\nThe least that the application needs:", markup=False, highlight=False)
    typer.echo(msgspec.json.format(msgspec.json.encode(least), indent=2))
    out.print(f"No code changes: keystead run {behind} -- YOUR COMMAND", markup=False, highlight=False)


def policy(prefix: str, path: str | None) -> dict[str, Any]:
    """Reading these secrets and parameters, and hearing of new versions. The default key needs nothing further (Secrets Manager
    user guide).
    """
    secrets = allowed(
        ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
        f"arn:aws:secretsmanager:*:*:secret:{prefix}/*",
    )
    parameters = allowed(["ssm:GetParameter", "ssm:GetParameters"], f"arn:aws:ssm:*:*:parameter{path}/*")
    return {"Version": "2012-10-17", "Statement": [secrets] if path is None else [secrets, parameters]}


def allowed(actions: list[str], resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}

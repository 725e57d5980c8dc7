"""`keystead access-key`: a guided change of one's own access key, over the API, with the credentials one has.

1. who am I, and which access keys do I have       4. switch the old key off
2. make a new one                                  5. later, `finish`: delete the old key once nothing uses it
3. prove that it works, by asking who I am with it

If 3 fails the new key is deleted again and nothing has changed. The secret is shown once, on standard output.
"""

import time
from typing import Annotated, Any, Final

import typer

from keystead.cli.output import Output, OutputOption, errors, fail, print_facts, print_json

application = typer.Typer(help="One's own access key.", no_args_is_help=True)

ATTEMPTS: Final = 5
"""To use a new key: AWS's own take a moment to be known, Keystead's do not."""
SINCE_USE: Final = 3600.0
"""Seconds without use before a key that is switched off is deleted without a question."""
YesOption = Annotated[bool, typer.Option("--yes", help="Ask nothing.")]


@application.callback()
def access_key() -> None:
    """One's own access key."""


@application.command()
def rotate(
    yes: YesOption = False,
    keep_old: Annotated[bool, typer.Option("--keep-old", help="Leave the old key switched on.")] = False,
    output: OutputOption = Output.text,
) -> None:
    """Make a new access key for the caller, prove that it works, and switch the old one off.

    Endpoint and credentials come from the usual AWS environment.
    """
    session = session_of_environment()
    iam, old = session.create_client("iam"), own_key(session)
    user = own_user(session)  # 1
    others = [key for key in keys_of(iam) if key["AccessKeyId"] != old]
    for key in others:
        make_room(iam, key, yes=yes)
    made = iam.create_access_key()["AccessKey"]  # 2
    if not works(session, made, user):  # 3
        iam.delete_access_key(AccessKeyId=made["AccessKeyId"])
        fail("The new key does not work; it was deleted again, and nothing has changed.")
    if not keep_old:
        switched(session, made).update_access_key(AccessKeyId=old, Status="Inactive", UserName=user)  # 4
    facts = {
        "user": user,
        "access_key_id": made["AccessKeyId"],
        "secret_access_key": made["SecretAccessKey"],
        "old_access_key_id": old,
        "old_status": "Active" if keep_old else "Inactive",
    }
    (print_json if output is Output.json else print_facts)(facts)
    tell("Put the new key where the old one was. When nothing uses the old one: keystead access-key finish")


@application.command()
def finish(yes: YesOption = False, output: OutputOption = Output.text) -> None:
    """Delete the caller's access keys that are switched off; asks first about one that was used within the hour."""
    session = session_of_environment()
    iam, old = session.create_client("iam"), own_key(session)
    gone = []
    for key in keys_of(iam):
        if key["AccessKeyId"] == old or key["Status"] != "Inactive":
            continue
        used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"].get("LastUsedDate")
        recent = used is not None and time.time() - used.timestamp() < SINCE_USE
        if recent and not yes and not typer.confirm(f"{key['AccessKeyId']} was used at {used}. Delete it?"):
            continue
        iam.delete_access_key(AccessKeyId=key["AccessKeyId"])
        gone.append(key["AccessKeyId"])
    if output is Output.json:
        print_json({"deleted": gone})
    else:
        tell(f"Deleted: {', '.join(gone)}" if gone else "There is no key that is switched off.")


def session_of_environment() -> Any:
    import botocore.session

    session = botocore.session.get_session()
    if session.get_credentials() is None:
        fail("There are no AWS credentials in the environment.")
    return session


def own_key(session: Any) -> str:
    """Raises typer.Exit for temporary credentials: they are changed by getting new ones."""
    credentials = session.get_credentials()
    if credentials.token:
        fail("These are temporary credentials; only long-term access keys are rotated.")
    return str(credentials.access_key)


def own_user(session: Any) -> str:
    arn = session.create_client("sts").get_caller_identity()["Arn"]
    if ":user/" not in arn:
        fail(f"{arn} is no user.")
    return str(arn.rpartition("/")[2])


def keys_of(iam: Any) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = iam.list_access_keys()["AccessKeyMetadata"]
    return listed


def make_room(iam: Any, key: dict[str, Any], *, yes: bool) -> None:
    """A user has two keys at most: the other one must go first. One that is switched on is never deleted here."""
    if key["Status"] != "Inactive":
        fail(f"There is a second key, {key['AccessKeyId']}, which is switched on. Delete it first, or use that one.")
    if not yes and not typer.confirm(f"There is a second key, {key['AccessKeyId']}, switched off. Delete it?"):
        fail("A user has two access keys at most; nothing was changed.")
    iam.delete_access_key(AccessKeyId=key["AccessKeyId"])


def switched(session: Any, key: dict[str, Any], service: str = "iam") -> Any:
    """A client with another key."""
    return session.create_client(
        service, aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )


def works(session: Any, key: dict[str, Any], user: str) -> bool:
    from botocore.exceptions import ClientError

    for attempt in range(ATTEMPTS):
        try:
            arn = switched(session, key, "sts").get_caller_identity()["Arn"]
        except ClientError:
            time.sleep(attempt)
            continue
        return str(arn).endswith(f"/{user}")
    return False


def tell(text: str) -> None:
    errors.print(text, markup=False, highlight=False, soft_wrap=True)

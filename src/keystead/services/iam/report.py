"""The credential report: a line for each user, with its access keys and when they were last used.

    user,arn,user_creation_time,password_enabled,…,access_key_1_active,access_key_1_last_rotated,…       CSV with a head line

The first line is the root user's, who has no credentials here. A report is made when it is asked for, and good for four hours.
Source of the columns: IAM user guide, credential reports.
"""

import csv
import io
import time
from collections.abc import Mapping, Sequence
from typing import Final

from keystead.database.engine import Connection
from keystead.identities import lastuse
from keystead.identities.call import Call
from keystead.identities.names import root_arn
from keystead.identities.room import Identities
from keystead.identities.store import access_keys, accounts, entities, reports
from keystead.identities.store.access_keys import ACTIVE, AccessKey
from keystead.identities.store.entities import Entity
from keystead.identities.store.reports import Report
from keystead.services.iam import door
from keystead.services.iam.errors import ReportMissing, ReportTooOld
from keystead.services.service import Answer
from keystead.trail.uses import Acted

GOOD_SECONDS: Final = 4 * 3600
KEY: Final = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
COLUMNS: Final = (
    "user", "arn", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed",
    "password_next_rotation", "mfa_active",
    *(f"access_key_1_{what}" for what in KEY), *(f"access_key_2_{what}" for what in KEY),
    "cert_1_active", "cert_1_last_rotated", "cert_2_active", "cert_2_last_rotated",
)  # fmt: skip  # a list of names
NONE: Final = "N/A"
FORMULA: Final = ("=", "+", "-", "@")
NO_KEY: Final = ("false", NONE, NONE, NONE, NONE)
NO_CERTIFICATES: Final = ("false", NONE, "false", NONE)


async def generate_credential_report(room: Identities, call: Call) -> Answer:
    door.permit(call, "*")
    async with room.database.read() as connection:
        content = await written(connection, call.account)
    async with room.database.write(call.id, announced=False) as tx:
        await reports.put(tx, call.account, Report(float(int(call.at)), content))
    return {"State": "COMPLETE"}


async def get_credential_report(room: Identities, call: Call) -> Answer:
    """Raises ReportMissing, ReportTooOld."""
    door.permit(call, "*")
    async with room.database.read() as connection:
        found = await reports.of_account(connection, call.account)
    if found is None:
        raise ReportMissing
    if call.at - found.made_at > GOOD_SECONDS:
        raise ReportTooOld
    return {"Content": found.content.encode(), "ReportFormat": "text/csv", "GeneratedTime": found.made_at}


async def written(connection: Connection, account: str) -> str:
    users = await entities.of_account(connection, account, "user")
    keys = await access_keys.of_account(connection, account)
    used = await lastuse.last_uses(connection, [key.id for held in keys.values() for key in held])
    lines = [root_line(account, await accounts.created_at(connection, account))]
    lines += [user_line(user, keys.get(user.id, ()), used) for user in users]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([COLUMNS, *lines])
    return out.getvalue()


def root_line(account: str, created_at: float) -> Sequence[str]:
    password = ("not_supported", NONE, "not_supported", "not_supported", "false")
    return "<root_account>", root_arn(account), moment(created_at), *password, *NO_KEY, *NO_KEY, *NO_CERTIFICATES


def user_line(user: Entity, keys: Sequence[AccessKey], used: Mapping[str, Acted]) -> Sequence[str]:
    password = ("false", NONE, NONE, NONE, "false")
    shown = [key_columns(key, used.get(key.id)) for key in keys]
    first, second = [*shown, NO_KEY, NO_KEY][:2]
    return cell(user.name), user.arn, moment(user.created_at), *password, *first, *second, *NO_CERTIFICATES


def key_columns(key: AccessKey, used: Acted | None) -> Sequence[str]:
    active = "true" if key.status == ACTIVE else "false"
    if used is None:
        return active, moment(key.created_at), NONE, NONE, NONE
    return active, moment(key.created_at), moment(used.at), used.region, used.service


def cell(name: str) -> str:
    """A name that a spreadsheet would take for a formula is quoted as a text (OWASP, CSV injection)."""
    return f"'{name}" if name.startswith(FORMULA) else name


def moment(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(at))

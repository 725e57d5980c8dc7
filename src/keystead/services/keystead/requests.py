"""ExplainRequest: how a call of the caller's account was decided."""

from typing import Any

from keystead.explain.room import Explain
from keystead.explain.why import ALLOWED, Decided, Record, Statement, why
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.services.service import Answer


async def explain_request(room: Explain, call: Call, *, request_id: str) -> Answer:
    authorize(call, "keystead:ExplainRequest")
    return {"Calls": [shown(record) for record in await why(room, call.account, request_id)]}


def shown(record: Record) -> dict[str, Any]:
    return {
        "EventId": record.event_id,
        "EventTime": record.at,
        "EventSource": record.event_source,
        "EventName": record.event_name,
        "Region": record.aws_region,
        "Principal": record.user_identity.arn or record.user_identity.principal_id or "",
        "SourceIpAddress": record.source_ip_address,
        **given(ErrorCode=record.error_code, ErrorMessage=record.error_message),
        "Decisions": [decision(one) for one in record.decisions],
    }


def decision(one: Decided) -> dict[str, Any]:
    return {
        "Action": one.action,
        "Resource": one.resource,
        "Decision": ALLOWED if one.denied is None else f"{one.denied}Deny",
        **given(DecidedBy=one.by, Failure=one.failure, GrantId=one.grant),
        "OtherStatements": one.others,
        "Statements": [statement(line) for line in one.statements],
    }


def statement(line: Statement) -> dict[str, Any]:
    return {
        "Policy": line.policy,
        "Statement": line.statement,
        "Effect": line.effect,
        "Outcome": line.outcome,
        **given(Step=line.step, Given=list(line.given) if line.given is not None else None),
    }


def given(**members: object) -> dict[str, object]:
    """Those that there are."""
    return {name: value for name, value in members.items() if value is not None}

"""Every operation that puts a policy calls this: what the linter says of it goes on the record of the call, and into the log.

The policy is taken all the same, as AWS would take it.
"""

from typing import Final

import structlog

from keystead.access.lint import Level, findings
from keystead.access.policy import Kind, parse
from keystead.identities.call import Call
from keystead.services import vocabulary

log = structlog.get_logger("keystead.services.policy_warnings")

LIMIT: Final = 20
"""Warnings of one policy that are told; whoever wants all asks `keystead policy lint`."""


def warn(call: Call, text: str | None, kind: Kind = Kind.IDENTITY) -> None:
    """Expects a text that was taken, if there is one."""
    if not text:
        return
    warnings = [one for one in findings(parse(text, kind), vocabulary.actions()) if one.level is Level.WARNING]
    if not warnings:
        return
    told = [{"statement": one.statement, "code": one.code, "text": one.text} for one in warnings[:LIMIT]]
    call.notes.additional["policyWarnings"] = told
    codes = sorted({one.code for one in warnings})
    log.warning("a policy says less than it seems to", request_id=call.id, operation=call.action, codes=codes)

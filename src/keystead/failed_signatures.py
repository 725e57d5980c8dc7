"""Records requests that failed authentication, under a bound: anybody can send them, and could fill the disk with them."""

import re
from typing import Final

from keystead.identities.call import Call
from keystead.trail import event as events
from keystead.trail.client import Recorder
from keystead.wire.errors import Refused

ACCESS_KEY_ID: Final = re.compile(r"[A-Z0-9]{16,128}")


class FailedSignatures:
    """At most ten a second are written; the rest is counted, and the next one written says how many."""

    PER_SECOND: Final = 10

    def __init__(self, account: str, region: str) -> None:
        self._account = account
        self._region = region
        self._second = 0
        self._written = 0
        self._left_out = 0

    def admit(self, call: Call) -> bool:
        """Whether the failure of a call by nobody in particular is written down, and with it how many were not."""
        left_out = self._admitted(call.at)
        if left_out:
            call.notes.additional["notRecorded"] = left_out
        return left_out is not None

    def _admitted(self, at: float) -> int | None:
        """How many were left out before; None when this one is, too."""
        if int(at) != self._second:
            self._second, self._written = int(at), 0
        if self._written >= self.PER_SECOND:
            self._left_out += 1
            return None
        self._written += 1
        left_out, self._left_out = self._left_out, 0
        return left_out

    async def record(
        self, recorder: Recorder, at: float, source: str, refused: Refused, address: str, access_key_id: str | None
    ) -> None:
        left_out = self._admitted(at)
        if left_out is None:
            return
        details: dict[str, object] = {"service": source, "errorCode": refused.code, "sourceIPAddress": address}
        if access_key_id is not None and ACCESS_KEY_ID.fullmatch(access_key_id):
            details["accessKeyId"] = access_key_id
        if left_out:
            details["notRecorded"] = left_out
        await recorder.record(
            events.internal_event(
                "AuthenticationFailure", account=self._account, region=self._region, at=at, details=details
            )
        )

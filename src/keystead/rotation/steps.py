"""The four steps of a rotation, and what is handed to whoever performs one.

    {"Step": "createSecret", "SecretId": "<ARN>", "ClientRequestToken": "<version id>", "RotationToken": "…"}

(Secrets Manager user guide, rotation function.) Whoever performs a step is free to do nothing if it has been done already.
"""

from dataclasses import dataclass, field
from typing import Final

CREATE: Final = "createSecret"
SET: Final = "setSecret"
TEST: Final = "testSecret"
FINISH: Final = "finishSecret"
STEPS: Final = (CREATE, SET, TEST, FINISH)


@dataclass(frozen=True, slots=True)
class Event:
    """secret          ARN
    token           the new version's id
    rotation_token  leave to write that version's value
    """

    step: str
    secret: str
    token: str
    rotation_token: str = field(repr=False)

    def document(self) -> dict[str, str]:
        return {
            "Step": self.step,
            "SecretId": self.secret,
            "ClientRequestToken": self.token,
            "RotationToken": self.rotation_token,
        }

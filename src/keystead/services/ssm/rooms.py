"""What the operations of Systems Manager work in: parameters, and the secrets that references lead to."""

from dataclasses import dataclass

from keystead.parameters.room import Parameters
from keystead.secrets.room import Secrets


@dataclass(frozen=True, slots=True)
class Room:
    parameters: Parameters
    secrets: Secrets

"""The one door to parameters: nothing reaches a parameter or its value but through here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from keystead.access.decision import Combine
from keystead.database.engine import Database, Transaction
from keystead.database.feed import Feed
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.identities.room import Identities
from keystead.keyholder.promise import Keyholder
from keystead.keys.use import Keys
from keystead.parameters import records
from keystead.parameters.conditions import NOTHING, Asked, ParameterContext
from keystead.parameters.errors import ParameterNotFound, UpdatedMeanwhile, VersionNotFound
from keystead.parameters.known import Known
from keystead.parameters.names import Named
from keystead.parameters.parameter import Parameter, Version
from keystead.parameters.sealing import Sealer, Words, without_decryption

SERVICE: Final = "ssm"
RESOURCE: Final = ""
"""CloudTrail's type of a parameter: its records give the ARN alone."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Parameters of one account and Region (Systems Manager endpoints and quotas).

    strict_paths  GetParametersByPath leaves out what its caller may not read; AWS asks about the path alone
    """

    standard: int = 10_000
    advanced: int = 100_000
    strict_paths: bool = False


class Parameters:
    """The room. What changes parameters are functions over it, in the files beside this one."""

    def __init__(
        self,
        database: Database,
        feed: Feed,
        keys: Keys,
        identities: Identities,
        clock: Callable[[], float],
        words: Words,
        limits: Limits = Limits(),  # immutable
    ) -> None:
        """`words`: how KMS names what it refuses."""
        self.database = database
        self.keys = keys
        self.identities = identities
        self.clock = clock
        self.limits = limits
        self.known = Known(database, feed)
        self.sealer = Sealer(keys, words)

    @property
    def keyholder(self) -> Keyholder:
        return self.keys.keyholder

    async def admit(self, call: Call, operation: str, place: Named, *, asked: Asked = NOTHING) -> Parameter:
        """The parameter, once the caller may do this operation on it.

        1. find the parameter the caller named     3. refuse what is not there, to those who may know
        2. decide whether the caller may           4. note it for the record

        Raises AccessDenied, ParameterNotFound.
        """
        parameter = await self.decided(call, operation, place, asked=asked)
        if parameter is None:
            raise ParameterNotFound  # 3
        return parameter

    async def decided(self, call: Call, operation: str, place: Named, *, asked: Asked = NOTHING) -> Parameter | None:
        """Likewise, but None for what is not there. Raises AccessDenied."""
        parameter = await self.reach(call, place)  # 1
        self.decide(call, operation, place.account, place.arn, parameter, asked)  # 2
        if parameter is not None:
            self.note(call, parameter)  # 4
        return parameter

    async def reach(self, call: Call, place: Named) -> Parameter | None:
        """Step 1 alone. THE CALLER MUST STILL decide."""
        return await self.known.named(place) if place.region == call.region else None

    def decide(
        self, call: Call, operation: str, account: str, arn: str, parameter: Parameter | None, asked: Asked = NOTHING
    ) -> None:
        """Step 2 alone, also about what is not there: who may not ask does not learn that. Raises AccessDenied."""
        authorize(
            call,
            f"{SERVICE}:{operation}",
            arn,
            combine=Combine.RESOURCE,
            resource_account=account,
            resource_policy=parameter.policy if parameter is not None else None,
            extra=ParameterContext(parameter, asked),
            hidden=account != call.account,
        )

    def decide_alone(self, call: Call, operation: str, resource: str = "*", asked: Asked = NOTHING) -> None:
        """Of what is about no parameter. Raises AccessDenied."""
        context = ParameterContext(None, asked)
        authorize(call, f"{SERVICE}:{operation}", resource, resource_account=call.account, extra=context)

    def note(self, call: Call, parameter: Parameter) -> None:
        call.notes.resource(parameter.account, RESOURCE, parameter.arn)

    async def version(self, parameter: Parameter, selector: str | None) -> Version:
        """The version that is asked for, by number or label; never another instead. Raises VersionNotFound."""
        if selector is None:
            return parameter.latest
        number = int(selector) if selector.isdecimal() and selector.isascii() else parameter.labels.get(selector)
        found = await self.known.version(parameter, number) if number is not None and number < BEYOND else None
        if found is None:
            raise VersionNotFound(parameter.shown, selector)
        return found

    async def value(self, call: Call, parameter: Parameter, version: Version, *, decrypt: bool) -> str:
        """THE CALLER HAS BEEN ADMITTED. Raises KeyRefused, KeyDenied."""
        if not decrypt:
            return without_decryption(version.stored)
        return await self.sealer.open(call, parameter.arn, version.stored)


BEYOND: Final = 2**62
"""Numbers of versions stay far below what a column holds."""


async def again(tx: Transaction, parameter: Parameter) -> Parameter:
    """The parameter as it is inside the transaction. Raises ParameterNotFound, UpdatedMeanwhile for another newest version."""
    now = await records.load(tx.connection, parameter.id)
    if now is None:
        raise ParameterNotFound
    if now.latest.number != parameter.latest.number:
        raise UpdatedMeanwhile
    return now

"""What of a request and its answer is shown in the record: compiled from the model once per operation.

1. a member that the model marks sensitive is left out, at every depth
2. so are blobs of any kind, and the members of WITHHELD, which the model does not mark
3. names begin with a lower-case letter; keys of maps, such as an encryption context, stay as they were sent
4. times read "Aug 10, 2022, 10:38:27 PM"
5. the answer of an operation that only reads is null

Left out is whatever is not known to be harmless: a member that the model does not have, and a shape within itself.
ENCRYPTION CONTEXTS ARE SHOWN IN CLEAR, as by AWS.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import gmtime
from typing import Any, Final

from keystead.wire.model import OperationModel, Shape
from keystead.wire.shapes import field_name

Shown = Callable[[Any], Any]
Members = Mapping[str, tuple[str, Shown | None]]

WITHHELD: Final = {
    #  member          why                                                                        source
    "SessionToken":   "opens a session together with its secret; AWS logs it",                    # trail facts, STS
    "GrantTokens":    "AWS: CreateGrant's record never has the token",                            # KMS developer guide
    "GrantToken":     "likewise",
    "ImportToken":    "of use only to whoever imports key material",                              # ours
    "SourceResult":   "GetParameter's copy of a secret that a reference led to",                   # ours
    "RandomPassword": "GetRandomPassword's result",                                               # ours
    "TokenCode":      "one-time password",                                                        # ours
}  # fmt: skip  # a table
"""Members that are never shown though the model does not mark them sensitive."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Where a record is not what the model alone would make of it.

    parameters  False: requestParameters is null
    always      shown also when the caller left it to the default
    completes   defaults that depend on what was sent
    answers     members of the answer that are shown, None for all
    tells       the answer is shown though the operation only reads
    """

    parameters: bool = True
    always: Mapping[str, object] = field(default_factory=dict)
    completes: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    answers: frozenset[str] | None = None
    tells: bool = False


DEFAULT: Final = Rule()
SYMMETRIC: Final = "SYMMETRIC_DEFAULT"


def kind_of_key(shown: dict[str, Any]) -> dict[str, Any]:
    """CreateKey: the spec under both its names, and the usage where the spec has a default."""
    spec = shown.get("keySpec") or shown.get("customerMasterKeySpec") or SYMMETRIC
    usage = {"keyUsage": "ENCRYPT_DECRYPT"} if spec == SYMMETRIC else {}
    return {"keySpec": spec, "customerMasterKeySpec": spec, **usage, **shown}


RULES: Final = {
    #  service, operation                        source: KMS developer guide, CloudTrail entries, one page per operation
    ("kms", "Encrypt"):             Rule(always={"encryptionAlgorithm": SYMMETRIC}),
    ("kms", "Decrypt"):             Rule(always={"encryptionAlgorithm": SYMMETRIC}),
    ("kms", "ReEncrypt"):           Rule(
        always={"sourceEncryptionAlgorithm": SYMMETRIC, "destinationEncryptionAlgorithm": SYMMETRIC},
    ),
    ("kms", "Sign"):                Rule(always={"messageType": "RAW"}),
    ("kms", "Verify"):              Rule(always={"messageType": "RAW"}),
    ("kms", "GenerateRandom"):      Rule(parameters=False),
    ("kms", "RetireGrant"):         Rule(parameters=False),
    ("kms", "CreateGrant"):         Rule(answers=frozenset({"GrantId"})),
    ("kms", "ScheduleKeyDeletion"): Rule(answers=frozenset({"KeyId", "KeyState", "DeletionDate"})),
    ("kms", "GetKeyPolicy"):        Rule(always={"policyName": "default"}),
    ("kms", "PutKeyPolicy"):        Rule(always={"policyName": "default", "bypassPolicyLockoutSafetyCheck": False}),
    ("kms", "CreateKey"):           Rule(
        always={
            "description": "", "origin": "AWS_KMS", "multiRegion": False, "bypassPolicyLockoutSafetyCheck": False,
        },
        completes=kind_of_key,
    ),
    #                                            source: IAM user guide, CloudTrail entries; readOnly recorded from AWS
    ("sts", "AssumeRole"):          Rule(tells=True),
    ("sts", "AssumeRoleWithWebIdentity"): Rule(tells=True),
    ("sts", "GetSessionToken"):     Rule(tells=True),
    ("sts", "GetFederationToken"):  Rule(tells=True),
}  # fmt: skip  # a table

READS: Final = ("Explain", "Get", "List", "Describe", "Head", "Lookup", "Search", "Simulate", "BatchGet")
"""An operation whose name begins so changes nothing."""
READ_ONLY: Final = frozenset(
    {
        #  that use a key, not change it                source: KMS developer guide, CloudTrail entries
        "Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext", "GenerateRandom", "Sign", "Verify", "GenerateMac", "VerifyMac",
        "Encapsulate", "Decapsulate", "DeriveSharedSecret",
        #  that make a session, which changes nothing   source: readOnly recorded from AWS
        "AssumeRole", "AssumeRoleWithWebIdentity",
    }
)  # fmt: skip  # a list of names


class Redactor:
    """One operation's. Whoever records a call shows nothing but what comes from here."""

    __slots__ = ("_always", "_answers", "_completes", "_parameters", "read_only")

    def __init__(self, parameters: Members, answers: Members, rule: Rule, *, read_only: bool) -> None:
        self._parameters = parameters
        self._answers = answers
        self._always = rule.always
        self._completes = rule.completes
        self.read_only = read_only

    def parameters(self, arguments: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """requestParameters, from the operation's keyword arguments; None where the request could not be read."""
        if arguments is None:
            return None
        shown = shown_members(self._parameters, arguments)
        if self._always:
            shown = {**self._always, **shown}
        if self._completes:
            shown = self._completes(shown)
        return shown or None

    def response(self, answer: Mapping[str, Any]) -> dict[str, Any] | None:
        """responseElements, from what the operation returned."""
        if not self._answers:
            return None
        return shown_members(self._answers, answer) or None


def compile(service: str, operation: OperationModel) -> Redactor:  # noqa: A001  # as re.compile
    """Done when the server starts, for each operation that is served."""
    rule = RULES.get((service, operation.name), DEFAULT)
    read_only = operation.name.startswith(READS) or operation.name in READ_ONLY
    parameters: Members = {}
    if operation.input is not None and rule.parameters:
        parameters = members(operation.input, (operation.input.name,), field_name)
    answers: Members = {}
    if operation.output is not None and (rule.tells or not read_only):
        answers = members(operation.output, (operation.output.name,), str)
    if rule.answers is not None:
        answers = {name: shown for name, shown in answers.items() if name in rule.answers}
    return Redactor(parameters, answers, rule, read_only=read_only)


def members(shape: Shape, path: tuple[str, ...], given: Callable[[str], str]) -> Members:
    """By the name they are `given` under: (name in the record, how its value is shown, None for as it is)."""
    found: dict[str, tuple[str, Shown | None]] = {}
    for name, held in shape.members.items():
        if name in WITHHELD or withheld(held, path):
            continue
        found[given(name)] = (recorded(name), shown_as(held, path))
    return found


def recorded(name: str) -> str:
    """A member's name with a lower-case first letter, as AWS records KMS's aWSAccountId; but Secrets Manager's ARN is arn."""
    return "arn" if name == "ARN" else name[0].lower() + name[1:]


def withheld(shape: Shape, path: tuple[str, ...]) -> bool:
    """Whether nothing of a value of this shape may be shown."""
    if shape.sensitive or shape.type == "blob" or shape.name in path:
        return True
    inner = (*path, shape.name)
    if shape.type == "list":
        return withheld(shape.member, inner)
    return shape.type == "map" and (withheld(shape.key, inner) or withheld(shape.value, inner))


def shown_as(shape: Shape, path: tuple[str, ...]) -> Shown | None:
    inner = (*path, shape.name)
    if shape.type == "timestamp":
        return moment
    if shape.type == "structure":
        known = members(shape, inner, str)
        return lambda value: shown_members(known, value)
    if shape.type == "list":
        each = shown_as(shape.member, inner)
        return each and (lambda values: [each(value) for value in values])
    if shape.type == "map":
        held = shown_as(shape.value, inner)
        return held and (lambda values: {key: held(value) for key, value in values.items()})
    return None


def shown_members(known: Members, given: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in given.items():
        if name in known:
            as_, convert = known[name]
            shown[as_] = convert(value) if convert else value
    return shown


MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def moment(seconds: float) -> str:
    """As AWS writes times inside requestParameters and responseElements; recorded."""
    at = gmtime(seconds)
    half = "AM" if at.tm_hour < 12 else "PM"
    hour = at.tm_hour % 12 or 12
    return f"{MONTHS[at.tm_mon - 1]} {at.tm_mday}, {at.tm_year}, {hour}:{at.tm_min:02}:{at.tm_sec:02} {half}"

"""What IAM says when something is wrong: the one table from error to code and text.

Texts are recorded AWS answers unless marked (ours).
"""

from keystead.access.errors import AccessDenied, PolicyMalformed
from keystead.database.errors import DatabaseLost
from keystead.identities import errors
from keystead.keyholder.errors import KeyholderLost
from keystead.services.service import Table


class UserNameNeeded(Exception):
    """The caller is not a user, so the user to act upon must be named."""


class PolicyShipped(Exception):
    """Policies of the account "aws" cannot be changed."""

    def __init__(self, arn: str) -> None:
        super().__init__(arn)
        self.arn = arn


class LoginProfileNotFound(Exception):
    """Users have no passwords here."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class StatusRefused(Exception):
    """An access key can be switched on and off, not made to expire."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class ReportMissing(Exception):
    """No credential report was made."""


class ReportTooOld(Exception):
    """The newest credential report is not good any more."""


class InputRefused(Exception):
    """Something that the model takes and IAM does not."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


FULL = (
    "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version."
)
STATUS = (
    "1 validation error detected: Value '{status}' at 'status' failed to satisfy constraint: "
    "Member must satisfy enum value set: [Active, Inactive]"
)

TABLE: Table = {
    AccessDenied: ("AccessDenied", "{text}"),
    PolicyMalformed: ("MalformedPolicyDocument", "{text}"),
    errors.SessionForbidden: ("InvalidClientTokenId", "The security token included in the request is invalid"),
    errors.EntityNotFound: ("NoSuchEntity", "The {kind} with name {name} cannot be found."),
    errors.BoundaryNotFound: ("NoSuchEntity", "The {kind} with name {name} has no permissions boundary."),  # ours
    errors.EntityExists: ("EntityAlreadyExists", "{title} with name {name} already exists."),
    errors.EntityInUse: ("DeleteConflict", "Cannot delete entity, must {what} first."),
    errors.AccessKeyNotFound: ("NoSuchEntity", "The Access Key with id {access_key_id} cannot be found."),
    errors.PolicyNotFound: ("NoSuchEntity", "Policy {arn} was not found."),
    errors.PolicyNotAttachable: ("NoSuchEntity", "Policy {arn} does not exist or is not attachable."),
    errors.BoundaryNotAttachable: ("NoSuchEntity", "Scope ARN: {arn} does not exist or is not attachable."),
    errors.NotAttached: ("NoSuchEntity", "Policy {arn} was not found."),
    errors.VersionNotFound: ("NoSuchEntity", "Policy {arn} version {version} does not exist or is not attachable."),
    errors.InlinePolicyNotFound: ("NoSuchEntity", "The {kind} policy with name {name} cannot be found."),
    errors.PolicyExists: (
        "EntityAlreadyExists",
        "A policy called {name} already exists. Duplicate names are not allowed.",
    ),
    errors.DefaultVersion: ("DeleteConflict", "Cannot delete the default version of a policy."),
    errors.TooManyVersions: ("LimitExceeded", FULL),
    errors.PolicyTooLarge: ("LimitExceeded", "Maximum policy size of {limit} bytes exceeded for {kind} {name}"),
    errors.QuotaExceeded: ("LimitExceeded", "Cannot exceed quota for {quota}: {limit}"),
    errors.DuplicateTags: (
        "InvalidInput",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    ),
    errors.TagRefused: ("InvalidInput", "Tag keys that begin with aws: are reserved for system use."),  # ours
    errors.AliasTaken: ("EntityAlreadyExists", "The account alias {alias} already exists."),
    errors.AliasNotFound: ("NoSuchEntity", "The account alias {alias} cannot be found."),  # ours
    errors.ProfileNotFound: ("NoSuchEntity", "Instance Profile {name} cannot be found."),
    errors.ProfileExists: ("EntityAlreadyExists", "Instance Profile {name} already exists."),
    ReportMissing: ("ReportNotPresent", "Report is not present."),  # ours
    ReportTooOld: ("ReportExpired", "Report has expired."),  # ours
    errors.ProviderNotFound: ("NoSuchEntity", "OpenIDConnect Provider not found for arn {arn}"),
    errors.ProviderExists: ("EntityAlreadyExists", "Provider with url {url} already exists."),
    InputRefused: ("InvalidInput", "{text}"),
    errors.MarkerInvalid: ("ValidationError", "Invalid Marker."),
    LoginProfileNotFound: ("NoSuchEntity", "Login Profile for User {name} cannot be found."),
    UserNameNeeded: ("ValidationError", "Must specify userName when calling with non-User credentials"),
    PolicyShipped: ("AccessDenied", "Policy {arn} is managed by AWS and cannot be changed."),  # ours
    StatusRefused: ("ValidationError", STATUS),
    KeyholderLost: ("ServiceFailure", None),
    DatabaseLost: ("ServiceFailure", None),
}

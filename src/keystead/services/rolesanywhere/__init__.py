"""IAM Roles Anywhere: hosts that have a certificate need no stored secret."""

from typing import Final

from keystead.identities.room import Identities
from keystead.services.rolesanywhere import anchors, profiles, revocations, tags
from keystead.services.rolesanywhere.errors import TABLE
from keystead.services.rolesanywhere.sessions import create_session
from keystead.services.service import Function, Service

NO_ALIASES: Final = "trust anchors, profiles and revocation lists have no aliases"
NO_NOTIFICATIONS: Final = "nobody is notified of certificates that expire"
NO_MAPPINGS: Final = "certificates become tags by the default mapping only"
NO_SUBJECTS: Final = "certificates that have signed in are in the trail, and not listed"
NO_PROPERTIES: Final = "properties of hosts are not kept"
NO_POINTS: Final = "revocation lists are imported, not fetched"

OPERATIONS: Final[tuple[Function, ...]] = (
    create_session,
    anchors.create_trust_anchor,
    anchors.get_trust_anchor,
    anchors.list_trust_anchors,
    anchors.update_trust_anchor,
    anchors.enable_trust_anchor,
    anchors.disable_trust_anchor,
    anchors.delete_trust_anchor,
    profiles.create_profile,
    profiles.get_profile,
    profiles.list_profiles,
    profiles.update_profile,
    profiles.enable_profile,
    profiles.disable_profile,
    profiles.delete_profile,
    revocations.import_crl,
    revocations.get_crl,
    revocations.list_crls,
    revocations.update_crl,
    revocations.enable_crl,
    revocations.disable_crl,
    revocations.delete_crl,
    tags.tag_resource,
    tags.untag_resource,
    tags.list_tags_for_resource,
)

REFUSED: Final = {
    "GetSubject": NO_SUBJECTS,
    "ListSubjects": NO_SUBJECTS,
    "PutAttributeMapping": NO_MAPPINGS,
    "DeleteAttributeMapping": NO_MAPPINGS,
    "PutNotificationSettings": NO_NOTIFICATIONS,
    "ResetNotificationSettings": NO_NOTIFICATIONS,
    "CreateSession.sessionName": "the name of a session is roleSessionName",
    "CreateSession.instanceProperties": NO_PROPERTIES,
    "CreateTrustAnchor.aliasName": NO_ALIASES,
    "CreateTrustAnchor.notificationSettings": NO_NOTIFICATIONS,
    "CreateTrustAnchor.crlDpRevocationEnabled": NO_POINTS,
    "UpdateTrustAnchor.aliasName": NO_ALIASES,
    "UpdateTrustAnchor.crlDpRevocationEnabled": NO_POINTS,
    "CreateProfile.aliasName": NO_ALIASES,
    "CreateProfile.requireInstanceProperties": NO_PROPERTIES,
    "UpdateProfile.aliasName": NO_ALIASES,
    "ImportCrl.aliasName": NO_ALIASES,
    "UpdateCrl.aliasName": NO_ALIASES,
}


def service(identities: Identities) -> Service:
    return Service(
        name="rolesanywhere",
        room=identities,
        operations=OPERATIONS,
        errors=TABLE,
        unforeseen="InternalFailure",
        refused=REFUSED,
    )

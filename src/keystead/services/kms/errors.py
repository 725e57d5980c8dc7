"""How KMS names what went wrong: one table (KMS API reference, and texts recorded from AWS)."""

from typing import Final

from keystead.access.errors import AccessDenied, PolicyMalformed
from keystead.database.errors import DatabaseLost
from keystead.identities.errors import SessionForbidden
from keystead.keyholder.errors import (
    CiphertextInvalid,
    HsmKeyGone,
    HsmLost,
    HsmSilent,
    ImportTokenExpired,
    ImportTokenInvalid,
    KeyholderBusy,
    KeyholderLost,
    MaterialWrong,
    RequestRefused,
)
from keystead.keys import errors
from keystead.services.service import Table
from keystead.stores import errors as stores

NO_CIPHERTEXT_KEY: Final = (
    "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are "
    "not allowed to access."
)
ALIAS_PREFIX: Final = (
    'Alias must start with the prefix "alias/". Please see '
    "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
)
TIMED_OUT: Final = "The system timed out while trying to fulfill the request. You can retry the request."

ERRORS: Final[Table] = {
    #  what happened                    code                                text; None sends none
    AccessDenied:                      ("AccessDeniedException", "{text}"),
    SessionForbidden:                  ("AccessDeniedException", None),
    errors.CiphertextOfUnknownKey:     ("AccessDeniedException", NO_CIPHERTEXT_KEY),
    errors.KeyNotFound:                ("NotFoundException", "Key '{arn}' does not exist"),
    errors.KeyIdMalformed:             ("NotFoundException", "Invalid keyId '{named}'"),
    errors.ArnElsewhere:               ("NotFoundException", "Invalid arn {what}"),
    errors.AliasNotFound:              ("NotFoundException", "Alias {arn} is not found."),
    errors.AliasNotAllowed:            ("InvalidArnException", "Key Aliases are not supported for this operation"),
    errors.AliasExists:                ("AlreadyExistsException", "An alias with the name {arn} already exists"),
    errors.AliasNameInvalid:           ("ValidationException", ALIAS_PREFIX),
    errors.AliasReserved:              ("NotAuthorizedException", "Alias names that begin with alias/aws/ are reserved."),
    errors.AliasTypeMismatch:          ("ValidationException", "An alias can only move between keys of the same type and usage."),
    errors.KeyDisabled:                ("DisabledException", "{arn} is disabled."),
    errors.KeyNotPendingDeletion:      ("KMSInvalidStateException", "{arn} is not pending deletion."),
    errors.StateError:                 ("KMSInvalidStateException", "{arn} is {state}."),
    errors.UsageWrong:                 ("InvalidKeyUsageException", "{arn} key usage is {usage} which is not valid for {operation}."),
    errors.AlgorithmWrong:             ("InvalidKeyUsageException", "Algorithm {algorithm} is incompatible with key spec {spec}."),
    errors.NoPublicKey:                ("UnsupportedOperationException", "{arn} has key spec {spec}, which has no public key."),
    errors.SignatureInvalid:           ("KMSInvalidSignatureException", None),
    errors.MacInvalid:                 ("KMSInvalidMacException", None),
    errors.KeyMismatch:                ("IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation."),
    CiphertextInvalid:                 ("InvalidCiphertextException", None),
    RequestRefused:                    ("ValidationException", None),
    KeyholderBusy:                     ("ThrottlingException", "Rate exceeded"),
    errors.NotRotatable:               ("UnsupportedOperationException", None),
    errors.OriginWrong:                ("UnsupportedOperationException", "{arn} origin is {origin} which is not valid for this operation."),
    errors.NotPrimary:                 ("UnsupportedOperationException", "{arn} is not a multi-region primary key."),
    errors.ReplicaExists:              ("AlreadyExistsException", "{arn} already exists."),
    errors.NothingPending:             ("KMSInvalidStateException", "No available key material pending rotation for the key: {arn}."),
    errors.AnotherPending:             ("KMSInvalidStateException", "New key material (id: {material_id}) cannot be imported into KMS key {arn}, because another key material (id: {pending}) is pending rotation."),
    errors.MaterialMismatch:           ("IncorrectKeyMaterialException", None),
    errors.MaterialUnknown:            ("NotFoundException", "Key material {material_id} does not exist for the key: {arn}"),
    MaterialWrong:                     ("IncorrectKeyMaterialException", None),
    ImportTokenInvalid:                ("InvalidImportTokenException", None),
    ImportTokenExpired:                ("ExpiredImportTokenException", None),
    errors.RotationsExhausted:         ("LimitExceededException", "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key: {arn}"),
    errors.RotationInProgress:         ("ConflictException", "An automatic rotation of {arn} is in progress or about to begin."),
    PolicyMalformed:                   ("MalformedPolicyDocumentException", "{text}"),
    errors.LockedOut:                  ("MalformedPolicyDocumentException", "The new key policy will not allow you to update the key policy in the future."),
    errors.PolicyTooLarge:             ("LimitExceededException", "A key policy cannot be larger than {limit} bytes."),
    errors.PolicyNameUnknown:          ("NotFoundException", "No such policy exists"),
    errors.PolicyManagedElsewhere:     ("ValidationException", "The AWS_RAM policy can only be managed by the RAM service"),
    errors.ManagedKeyImmutable:        ("AccessDeniedException", "{arn} is an AWS managed key, which its account cannot change."),
    errors.TagProblem:                 ("TagException", "{text}"),
    errors.Throttled:                  ("ThrottlingException", "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."),
    errors.LimitReached:               ("LimitExceededException", "{text}"),
    errors.ParameterWrong:             ("ValidationException", "{text}"),
    errors.NotServed:                  ("UnsupportedOperationException", "{text}"),
    errors.MarkerInvalid:              ("InvalidMarkerException", "The marker is not one of this listing."),
    errors.GrantNotFound:              ("NotFoundException", "Grant {grant_id} does not exist"),
    errors.GrantIdMalformed:           ("InvalidGrantIdException", "A grant id has 64 hexadecimal digits."),
    errors.GrantTokenInvalid:          ("InvalidGrantTokenException", None),
    errors.GrantPrincipalUnknown:      ("InvalidArnException", "ARN does not refer to a valid principal: {arn}"),
    errors.AttestationInvalid:         ("ValidationException", "The attestation document is not valid."),
    errors.DryRunSucceeded:            ("DryRunOperationException", "The request would have succeeded, but the DryRun option is set."),
    errors.NotInStores:                ("UnsupportedOperationException", "{arn} is in a custom key store, which is not valid for this operation."),
    stores.StoreNotFound:              ("CustomKeyStoreNotFoundException", "Custom key store {named} is not found."),
    stores.StoreNameTaken:             ("CustomKeyStoreNameInUseException", None),
    stores.StoreStateWrong:            ("CustomKeyStoreInvalidStateException", "{text}"),
    stores.StoreHasKeys:               ("CustomKeyStoreHasCMKsException", None),
    stores.TooManyStores:              ("LimitExceededException", "There are as many custom key stores in this account and Region as may be."),
    stores.ClusterUnknown:             ("CloudHsmClusterNotFoundException", "Cluster {cluster} is not found."),
    stores.ClusterTaken:               ("CloudHsmClusterInUseException", None),
    stores.ClusterNotActive:           ("CloudHsmClusterNotActiveException", None),
    stores.ClusterMisconfigured:       ("CloudHsmClusterInvalidConfigurationException", "{text}"),
    stores.ClusterUnrelated:           ("CloudHsmClusterNotRelatedException", None),
    stores.AnchorWrong:                ("IncorrectTrustAnchorException", None),
    stores.ModuleTimedOut:             ("DependencyTimeoutException", TIMED_OUT),
    stores.ProxyAddressTaken:          ("XksProxyUriInUseException", None),
    stores.ProxyUnreachable:           ("XksProxyUriUnreachableException", "{text}"),
    stores.ProxyCredentialWrong:       ("XksProxyIncorrectAuthenticationCredentialException", "{text}"),
    stores.ProxyAnswerInvalid:         ("XksProxyInvalidResponseException", "{text}"),
    stores.ProxyMisconfigured:         ("XksProxyInvalidConfigurationException", "{text}"),
    stores.ExternalStoreUnusable:      ("CustomKeyStoreInvalidStateException", "{text}"),
    stores.ExternalKeyUnfit:           ("XksKeyInvalidConfigurationException", "{text}"),
    stores.ExternalKeyNotFound:        ("XksKeyNotFoundException", "{text}"),
    stores.ExternalKeyTaken:           ("XksKeyAlreadyInUseException", None),
    stores.ExternalUseFailed:          ("KMSInvalidStateException", "{text}"),
    HsmLost:                           ("KMSInvalidStateException", "KMS cannot communicate with your CloudHSM cluster."),
    HsmSilent:                         ("DependencyTimeoutException", TIMED_OUT),
    HsmKeyGone:                        ("KMSInvalidStateException", "The key material of this KMS key is not in its CloudHSM cluster."),
    KeyholderLost:                     ("KMSInternalException", None),
    DatabaseLost:                      ("KMSInternalException", None),
}  # fmt: skip  # a table

"""What IAM's model has and is not served, and why. With what is served it covers the whole model; a test counts."""

from typing import Final

NO_REPORTS: Final = "account-wide reports and aliases are not served yet"
NO_SIMULATION: Final = "policy simulation is not served yet"
NO_PROVIDERS: Final = "there is no sign-in through SAML providers"
NO_PASSWORDS: Final = "users have no passwords, and there is no console to sign in to"
NO_MFA: Final = "there are no MFA devices"
NO_CERTIFICATES: Final = "users have access keys only, no certificates, SSH keys or credentials of single services"
NO_INSTANCES: Final = "there are no machines to give instance profiles to"
NO_SERVICE_ROLES: Final = "no service here has a role of its own"
NO_ORGANISATION: Final = "there is no organisation above the accounts"
NO_DELEGATION: Final = "there are no delegation requests and role templates"
NO_OUTBOUND: Final = "no tokens for other systems are issued"
NO_USE: Final = "when an access key was last used is not kept yet"

GROUPS: Final = {
    NO_REPORTS: """
        CreateAccountAlias DeleteAccountAlias GenerateCredentialReport GenerateServiceLastAccessedDetails
        GetAccountAuthorizationDetails GetAccountProperties GetAccountSummary GetCredentialReport
        GetHumanReadableSummary GetServiceLastAccessedDetails GetServiceLastAccessedDetailsWithEntities
        ListAccountAliases ListPoliciesGrantingServiceAccess PutAccountProperties SetSecurityTokenServicePreferences
    """,
    NO_SIMULATION: """
        GetContextKeysForCustomPolicy GetContextKeysForPrincipalPolicy SimulateCustomPolicy SimulatePrincipalPolicy
    """,
    NO_PROVIDERS: """
        CreateSAMLProvider DeleteSAMLProvider GetSAMLProvider ListSAMLProviderTags ListSAMLProviders TagSAMLProvider
        UntagSAMLProvider UpdateSAMLProvider
    """,
    NO_PASSWORDS: """
        ChangePassword CreateLoginProfile DeleteAccountPasswordPolicy GetAccountPasswordPolicy
        UpdateAccountPasswordPolicy UpdateLoginProfile
    """,
    NO_MFA: """
        CreateVirtualMFADevice DeactivateMFADevice DeleteVirtualMFADevice EnableMFADevice GetMFADevice ListMFADeviceTags
        ListVirtualMFADevices ResyncMFADevice TagMFADevice UntagMFADevice
    """,
    NO_CERTIFICATES: """
        CreateServiceSpecificCredential DeleteSSHPublicKey DeleteServerCertificate DeleteServiceSpecificCredential
        DeleteSigningCertificate GetSSHPublicKey GetServerCertificate ListServerCertificateTags ListServerCertificates
        ListServiceSpecificCredentials.AllUsers ResetServiceSpecificCredential TagServerCertificate
        UntagServerCertificate UpdateSSHPublicKey UpdateServerCertificate UpdateServiceSpecificCredential
        UpdateSigningCertificate UploadSSHPublicKey UploadServerCertificate UploadSigningCertificate
    """,
    NO_INSTANCES: """
        AddRoleToInstanceProfile CreateInstanceProfile DeleteInstanceProfile GetInstanceProfile ListInstanceProfileTags
        ListInstanceProfiles RemoveRoleFromInstanceProfile TagInstanceProfile UntagInstanceProfile
    """,
    NO_SERVICE_ROLES: """
        CreateServiceLinkedRole DeleteServiceLinkedRole GetServiceLinkedRoleDeletionStatus
    """,
    NO_ORGANISATION: """
        DisableOrganizationsRootCredentialsManagement DisableOrganizationsRootSessions
        EnableOrganizationsRootCredentialsManagement EnableOrganizationsRootSessions GenerateOrganizationsAccessReport
        GetOrganizationsAccessReport ListOrganizationsFeatures
    """,
    NO_DELEGATION: """
        AcceptDelegationRequest AcquireRole AssociateDelegationRequest CreateDelegationRequest GetDelegationRequest
        GetRoleTemplateVersion ListDelegationRequests RejectDelegationRequest SendDelegationToken
        UpdateDelegationRequest
    """,
    NO_OUTBOUND: """
        DisableOutboundWebIdentityFederation EnableOutboundWebIdentityFederation GetOutboundWebIdentityFederationInfo
    """,
    NO_USE: """
        GetAccessKeyLastUsed
    """,
}

REFUSED: Final = {name: reason for reason, names in GROUPS.items() for name in names.split()}

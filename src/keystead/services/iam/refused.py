"""What IAM's model has and is not served, and why. With what is served it covers the whole model; a test counts."""

from typing import Final

NO_REPORTS: Final = "which service was last accessed is not kept; who could reach what is answered by keystead who-can"
NO_PROPERTIES: Final = "accounts have no properties beyond their alias"
NO_PROVIDERS: Final = "there is no sign-in through SAML providers"
NO_PASSWORDS: Final = "users have no passwords, and there is no console to sign in to"
NO_MFA: Final = "there are no MFA devices"
NO_CERTIFICATES: Final = "users have access keys only, no certificates, SSH keys or credentials of single services"
NO_SERVICE_ROLES: Final = "no service here has a role of its own"
NO_ORGANISATION: Final = "there is no organisation above the accounts"
NO_DELEGATION: Final = "there are no delegation requests and role templates"
NO_OUTBOUND: Final = "no tokens for other systems are issued"

GROUPS: Final = {
    NO_REPORTS: """
        GenerateServiceLastAccessedDetails GetServiceLastAccessedDetails GetServiceLastAccessedDetailsWithEntities
        ListPoliciesGrantingServiceAccess
    """,
    NO_PROPERTIES: """
        GetAccountProperties GetHumanReadableSummary PutAccountProperties SetSecurityTokenServicePreferences
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
}

NO_EC2: Final = "there are no machines to simulate"
NO_EXCLUSION: Final = "policies of a principal cannot be left out of a simulation; simulate those that remain"

MEMBERS: Final = {
    "SimulateCustomPolicy.OrderedOrganizationPolicyInputList": NO_ORGANISATION,
    "SimulateCustomPolicy.ResourceHandlingOption": NO_EC2,
    "SimulatePrincipalPolicy.ResourceHandlingOption": NO_EC2,
    "SimulatePrincipalPolicy.PolicyExclusionList": NO_EXCLUSION,
}
"""Of operations that are served."""

REFUSED: Final = {name: reason for reason, names in GROUPS.items() for name in names.split()} | MEMBERS

"""What IAM's model has and is not served, and why. With what is served it covers the whole model; a test counts."""

from typing import Final

NO_GROUPS: Final = "not served yet: there are no groups"
NO_REPORTS: Final = "not served yet: account-wide reports and aliases"
NO_SIMULATION: Final = "not served yet: policy simulation"
NO_PROVIDERS: Final = "not served: there is no sign-in through OIDC or SAML providers"
NO_PASSWORDS: Final = "not served: users have no passwords, and there is no console to sign in to"
NO_MFA: Final = "not served: there are no MFA devices"
NO_CERTIFICATES: Final = (
    "not served: users have access keys only, no certificates, SSH keys or credentials of single services"
)
NO_INSTANCES: Final = "not served: there are no machines to give instance profiles to"
NO_SERVICE_ROLES: Final = "not served: no service here has a role of its own"
NO_ORGANISATION: Final = "not served: there is no organisation above the accounts"
NO_DELEGATION: Final = "not served: delegation requests and role templates"
NO_OUTBOUND: Final = "not served: no tokens for other systems are issued"
NO_USE: Final = "not served yet: it is not known when which access key was used"

GROUPS: Final = {
    NO_GROUPS: """
        AddUserToGroup AttachGroupPolicy CreateGroup DeleteGroup DeleteGroupPolicy DetachGroupPolicy GetGroup
        GetGroupPolicy ListAttachedGroupPolicies ListGroupPolicies ListGroups PutGroupPolicy RemoveUserFromGroup
        UpdateGroup
    """,
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
        AddClientIDToOpenIDConnectProvider CreateOpenIDConnectProvider CreateSAMLProvider DeleteOpenIDConnectProvider
        DeleteSAMLProvider GetOpenIDConnectProvider GetSAMLProvider ListOpenIDConnectProviderTags
        ListOpenIDConnectProviders ListSAMLProviderTags ListSAMLProviders RemoveClientIDFromOpenIDConnectProvider
        TagOpenIDConnectProvider TagSAMLProvider UntagOpenIDConnectProvider UntagSAMLProvider
        UpdateOpenIDConnectProviderThumbprint UpdateSAMLProvider
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

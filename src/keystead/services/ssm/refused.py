"""What Systems Manager's model has and is not served, and why. With what is served it covers the whole model; a test counts."""

from typing import Final

NO_NODES: Final = "there are no managed nodes here: Systems Manager is served for its parameters alone"
NO_DOCUMENTS: Final = "there are no documents and no Automation here"
NO_WINDOWS: Final = "there are no maintenance windows here"
NO_PATCHES: Final = "nothing is patched from here"
NO_INVENTORY: Final = "there is no inventory and no compliance data here"
NO_OPS: Final = "there are no OpsItems here"
NO_CLOUDS: Final = "there are no connectors to other clouds here"

GROUPS: Final = {
    NO_NODES: """
        CreateActivation DeleteActivation DeregisterDefaultHostManagementConfiguration DeregisterManagedInstance
        DescribeActivations DescribeInstanceInformation DescribeInstanceProperties DescribeSessions GetAccessToken
        GetConnectionStatus ListNodes ListNodesSummary RegisterDefaultHostManagementConfiguration ResumeSession
        StartAccessRequest StartSession TerminateSession UpdateManagedInstanceRole
        CancelCommand GetCommandInvocation ListCommandInvocations ListCommands SendCommand
        CreateAssociation CreateAssociationBatch DeleteAssociation DescribeAssociation
        DescribeAssociationExecutionTargets DescribeAssociationExecutions DescribeEffectiveInstanceAssociations
        DescribeInstanceAssociationsStatus ListAssociationVersions ListAssociations StartAssociationsOnce
        UpdateAssociation UpdateAssociationStatus
    """,
    NO_DOCUMENTS: """
        CreateDocument DeleteDocument DescribeAutomationExecutions DescribeAutomationStepExecutions DescribeDocument
        DescribeDocumentPermission GetAutomationExecution GetCalendarState GetDocument GetExecutionPreview
        ListDocumentMetadataHistory ListDocumentVersions ListDocuments ModifyDocumentPermission SendAutomationSignal
        StartAutomationExecution StartChangeRequestExecution StartExecutionPreview StopAutomationExecution
        UpdateDocument UpdateDocumentDefaultVersion UpdateDocumentMetadata
    """,
    NO_WINDOWS: """
        CancelMaintenanceWindowExecution CreateMaintenanceWindow DeleteMaintenanceWindow
        DeregisterTargetFromMaintenanceWindow DeregisterTaskFromMaintenanceWindow
        DescribeMaintenanceWindowExecutionTaskInvocations DescribeMaintenanceWindowExecutionTasks
        DescribeMaintenanceWindowExecutions DescribeMaintenanceWindowSchedule DescribeMaintenanceWindowTargets
        DescribeMaintenanceWindowTasks DescribeMaintenanceWindows DescribeMaintenanceWindowsForTarget
        GetMaintenanceWindow GetMaintenanceWindowExecution GetMaintenanceWindowExecutionTask
        GetMaintenanceWindowExecutionTaskInvocation GetMaintenanceWindowTask RegisterTargetWithMaintenanceWindow
        RegisterTaskWithMaintenanceWindow UpdateMaintenanceWindow UpdateMaintenanceWindowTarget
        UpdateMaintenanceWindowTask
    """,
    NO_PATCHES: """
        CreatePatchBaseline DeletePatchBaseline DeregisterPatchBaselineForPatchGroup DescribeAvailablePatches
        DescribeEffectivePatchesForPatchBaseline DescribeInstancePatchStates DescribeInstancePatchStatesForPatchGroup
        DescribeInstancePatches DescribePatchBaselines DescribePatchGroupState DescribePatchGroups
        DescribePatchProperties GetDefaultPatchBaseline GetDeployablePatchSnapshotForInstance GetPatchBaseline
        GetPatchBaselineForPatchGroup RegisterDefaultPatchBaseline RegisterPatchBaselineForPatchGroup
        UpdatePatchBaseline
    """,
    NO_INVENTORY: """
        CreateResourceDataSync DeleteInventory DeleteResourceDataSync DescribeInventoryDeletions GetInventory
        GetInventorySchema ListComplianceItems ListComplianceSummaries ListInventoryEntries
        ListResourceComplianceSummaries ListResourceDataSync PutComplianceItems PutInventory UpdateResourceDataSync
    """,
    NO_OPS: """
        AssociateOpsItemRelatedItem CreateOpsItem CreateOpsMetadata DeleteOpsItem DeleteOpsMetadata DescribeOpsItems
        DisassociateOpsItemRelatedItem GetOpsItem GetOpsMetadata GetOpsSummary ListOpsItemEvents
        ListOpsItemRelatedItems ListOpsMetadata UpdateOpsItem UpdateOpsMetadata
    """,
    NO_CLOUDS: """
        CreateCloudConnector DeleteCloudConnector GetCloudConnector ListCloudConnectors UpdateCloudConnector
        ValidateCloudConnector
    """,
}

REFUSED: Final = {name: reason for reason, names in GROUPS.items() for name in names.split()}
"""Operation, or Operation.Member."""

"""What CloudTrail's model has and is not served, and why. With the operations served it covers the whole model; a test counts."""

from typing import Final

ALWAYS_ON: Final = (
    "logging cannot be switched off: the trail covers every call, always, and the API neither makes nor changes one"
)
NO_TAGS: Final = "the trail has no tags, which could decide about access to it"
NO_LAKE: Final = (
    "not served: there are no event data stores, dashboards, queries or imports; LookupEvents reads the trail"
)
NO_CHANNELS: Final = "not served: events of other systems are not taken in"
NO_INSIGHTS: Final = "not served: there are no Insights events"
NO_ORGANISATION: Final = "not served: there is no organisation above the accounts"

GROUPS: Final = {
    ALWAYS_ON: """
        CreateTrail PutEventSelectors UpdateTrail
    """,
    NO_TAGS: """
        AddTags RemoveTags
    """,
    NO_LAKE: """
        CancelQuery CreateDashboard CreateEventDataStore DeleteDashboard DeleteEventDataStore DescribeQuery
        DisableFederation EnableFederation GenerateQuery GetDashboard GetEventConfiguration GetEventDataStore GetImport
        GetQueryResults ListDashboards ListEventDataStores ListImportFailures ListImports ListQueries
        PutEventConfiguration RestoreEventDataStore SearchSampleQueries StartDashboardRefresh
        StartEventDataStoreIngestion StartImport StartQuery StopEventDataStoreIngestion StopImport UpdateDashboard
        UpdateEventDataStore
    """,
    NO_CHANNELS: """
        CreateChannel DeleteChannel DeleteResourcePolicy GetChannel GetResourcePolicy ListChannels PutResourcePolicy
        UpdateChannel
    """,
    NO_INSIGHTS: """
        GetInsightSelectors ListInsightsData ListInsightsMetricData LookupEvents.EventCategory PutInsightSelectors
    """,
    NO_ORGANISATION: """
        DeregisterOrganizationDelegatedAdmin RegisterOrganizationDelegatedAdmin
    """,
}

REFUSED: Final = {name: reason for reason, names in GROUPS.items() for name in names.split()}

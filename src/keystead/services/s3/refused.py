"""What S3's model has and is not served, and why. With the operations served it covers the whole model; a test counts."""

from typing import Final

from keystead.wire import model

READ_ONLY: Final = "the trail's bucket is read-only, and there is no other"
NO_VERSIONS: Final = "objects have no versions: they never change"
NO_PARTS: Final = "objects are not made of parts"
NO_CUSTOMER_KEYS: Final = "objects are not encrypted with keys of callers"
NO_PAYERS: Final = "nobody pays for requests"
NO_OVERRIDES: Final = "headers of the answer cannot be chosen"
NO_MORE_ATTRIBUTES: Final = "objects have no restore status"
SERVED: Final = frozenset(
    {"GetBucketLocation", "HeadBucket", "ListObjects", "ListObjectsV2", "GetObject", "HeadObject"}
)

MEMBERS: Final = {
    NO_VERSIONS: "VersionId",
    NO_PARTS: "PartNumber",
    NO_CUSTOMER_KEYS: "SSECustomerAlgorithm SSECustomerKey SSECustomerKeyMD5",
    NO_PAYERS: "RequestPayer",
    NO_OVERRIDES: """
        ResponseCacheControl ResponseContentDisposition ResponseContentEncoding ResponseContentLanguage
        ResponseContentType ResponseExpires
    """,
}
OF_LISTINGS: Final = {NO_PAYERS: "RequestPayer", NO_MORE_ATTRIBUTES: "OptionalObjectAttributes"}

REFUSED: Final = {
    **{name: READ_ONLY for name in model.load("s3").operations if name not in SERVED},
    **{
        f"{operation}.{member}": reason
        for operation in ("GetObject", "HeadObject")
        for reason, members in MEMBERS.items()
        for member in members.split()
    },
    **{
        f"{operation}.{member}": reason
        for operation in ("ListObjects", "ListObjectsV2")
        for reason, members in OF_LISTINGS.items()
        for member in members.split()
    },
}

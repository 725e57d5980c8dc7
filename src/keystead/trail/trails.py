"""The one trail of an installation, as each of its accounts sees it: its names, and the keys of its files.

PREFIX/AWSLogs/ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHmmZ_UNIQUE.json.gz
PREFIX/AWSLogs/ACCOUNT/CloudTrail-Digest/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail-Digest_REGION_TRAIL_HOME_YYYYMMDDTHHMMSSZ.json.gz

(CloudTrail user guide, log file examples, digest file structure.) Validators cut the time out of a name by its place.
"""

from pathlib import Path
from time import gmtime, strftime
from typing import Final, Self

import msgspec

from keystead.config import Installation, Settings
from keystead.trail.bucket import Bucket, FolderBucket
from keystead.trail.object_store import StoreBucket, address

NAME: Final = "keystead"
FOLDER: Final = "bucket"
"""In the data folder, where no store is named."""


class Trail(msgspec.Struct, frozen=True):
    """home    Region of the trail's ARN; it covers all Regions
    bucket  as digests and answers name it
    prefix  before every key, without a slash at its end
    """

    home: str
    bucket: str
    prefix: str = ""

    def arn(self, account: str, partition: str = "aws") -> str:
        return f"arn:{partition}:cloudtrail:{self.home}:{account}:trail/{NAME}"

    def root(self, account: str) -> str:
        """What every key of an account begins with."""
        return f"{self.prefix}/AWSLogs/{account}/" if self.prefix else f"AWSLogs/{account}/"

    def log_key(self, account: str, region: str, at: float, unique: str) -> str:
        """`unique` is 16 letters and digits."""
        name = f"{account}_CloudTrail_{region}_{strftime('%Y%m%dT%H%MZ', gmtime(at))}_{unique}.json.gz"
        return f"{self.root(account)}CloudTrail/{region}/{day(at)}/{name}"

    def digest_key(self, account: str, region: str, end: float) -> str:
        stamp = strftime("%Y%m%dT%H%M%SZ", gmtime(end))
        name = f"{account}_CloudTrail-Digest_{region}_{NAME}_{self.home}_{stamp}.json.gz"
        return f"{self.root(account)}CloudTrail-Digest/{region}/{day(end)}/{name}"


class Files(msgspec.Struct, frozen=True):
    """A trail and where its files lie."""

    trail: Trail
    bucket: Bucket

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the settings say. Raises StoreAddressInvalid, FileNotFoundError."""
        home = Installation.load(settings.folder).region
        if settings.trail_store.startswith("s3:"):
            where = address(settings.trail_store, home)
            return cls(Trail(home, where.bucket, where.prefix), StoreBucket(where))
        folder = Path(settings.trail_store) if settings.trail_store else settings.folder / FOLDER
        return cls(Trail(home, settings.trail_bucket), FolderBucket(folder))


def day(at: float) -> str:
    return strftime("%Y/%m/%d", gmtime(at))

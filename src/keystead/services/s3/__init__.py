"""Amazon S3, as far as whoever reads the trail's files needs it: one bucket, and nothing can be written to it."""

from typing import Final

from keystead.services.s3 import objects
from keystead.services.s3.errors import ERRORS, UNFORESEEN
from keystead.services.s3.refused import REFUSED
from keystead.services.service import Function, Service
from keystead.trail.trails import Files

__all__ = ["OPERATIONS", "REFUSED", "service"]

OPERATIONS: Final[tuple[Function, ...]] = (
    objects.get_bucket_location,
    objects.head_bucket,
    objects.list_objects,
    objects.list_objects_v2,
    objects.get_object,
    objects.head_object,
)


def service(files: Files) -> Service:
    return Service(
        name="s3",
        room=files,
        operations=OPERATIONS,
        errors=ERRORS,
        unforeseen=UNFORESEEN,
        refused=REFUSED,
        buckets=frozenset({files.trail.bucket}),
    )

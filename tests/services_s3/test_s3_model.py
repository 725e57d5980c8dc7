"""Nothing of S3's model is forgotten."""

from keystead.services import s3
from keystead.wire import binding, model


def test_every_operation_and_member_is_served_or_refused_with_a_reason():
    loaded = model.load("s3")

    assert binding.unaccounted(loaded, s3.OPERATIONS, s3.REFUSED) == []

"""What requests add to the numbers: by operations and errors that are known beforehand, and by nothing else."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from keystead.metrics import meters, page


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[Callable[[str], dict[tuple[str, ...], float]]]:
    """The numbers of a meter by its labels."""
    assert meters.attach(tmp_path / "page")
    yield lambda name: {
        entry.key[1:]: sum(entry.numbers) for entry in page.read(tmp_path / "page") if entry.key[0] == name
    }
    for meter in meters.METERS.values():
        meter.attach(meters.SCRATCH)


async def test_a_call_is_counted_with_its_operation_and_its_error(counted, world, house):
    async with world:
        await house.call("kms", "ListKeys")
        await house.call("kms", "DescribeKey", {"KeyId": "alias/none"})

    assert counted("keystead_requests_total") == {
        ("kms", "ListKeys", "OK"): 1.0,
        ("kms", "DescribeKey", "NotFoundException"): 1.0,
    }
    assert set(counted("keystead_request_seconds")) == {("kms", "ListKeys"), ("kms", "DescribeKey")}


async def test_an_operation_that_the_caller_made_up_is_no_label(counted, world, house):
    async with world:
        for number in range(3):
            await house.call("kms", f"MadeUp{number}")

    assert {operation for _, operation, _ in counted("keystead_requests_total")} == {"UnknownOperation"}


async def test_what_is_refused_before_it_is_a_call_has_no_operation(counted, world, house):
    async with world:
        await house.call("kms", "ListKeys", credentials=house.credentials(secret="x" * 40))
        house.recorder.healthy = False
        await house.call("kms", "ListKeys")

    assert counted("keystead_requests_total") == {
        ("kms", "None", "InvalidSignatureException"): 1.0,
        ("kms", "None", "KMSInternalException"): 1.0,
    }

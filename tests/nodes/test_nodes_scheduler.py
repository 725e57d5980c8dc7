"""What falls due on three nodes is done once, also when the node that does it dies in the middle."""

import json
import os
import signal

import pytest

from installation import until

pytestmark = [pytest.mark.alone, pytest.mark.whole, pytest.mark.slow, pytest.mark.timeout(300)]

TAKEN_OVER_WITHIN = 40.0
"""Seconds. The lease of a dead node runs for 10; the rest is for the work, on a busy machine."""


@pytest.fixture
def database(postgresql, nodes):
    """Statements on the nodes' database, whose URL their settings hold."""
    url = nodes[0].settings["KEYSTEAD_DATABASE"]
    return lambda statement: postgresql.execute(statement, url)


def rotations(database):
    """How many versions every key that was to rotate has."""
    versions = "SELECT count(*) AS n FROM key_materials m JOIN keys k ON k.id = m.key_id WHERE k.rotation_period = 90"
    return sorted(row["n"] for row in database(f"{versions} GROUP BY m.key_id"))


def test_rotations_due_on_three_nodes_are_done_once(nodes, database, much):
    kms = nodes[0].client("kms")
    number = much(40, 400)
    made = {kms.create_key()["KeyMetadata"]["Arn"] for _ in range(number)}
    for key in made:
        kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)

    database("UPDATE keys SET rotation_next_at = 1 WHERE rotation_period = 90")
    until(lambda: rotations(database).count(2) > number // 8)
    kill_the_holder(nodes, database)

    assert rotations(database).count(1) > 0, "all were done before the holder died"
    until(lambda: rotations(database).count(1) == 0, TAKEN_OVER_WITHIN)
    assert rotations(database) == [2] * number
    until(lambda: database("SELECT count(*) AS n FROM trail_outbox")[0]["n"] == 0, TAKEN_OVER_WITHIN)
    until(lambda: rotated(nodes[0]) == sorted(made), TAKEN_OVER_WITHIN)


def kill_the_holder(nodes, database):
    """The scheduler that holds the lease of the keys, by its process id."""
    (row,) = database("SELECT holder FROM leases WHERE name = 'keys'")
    process = int(row["holder"].partition("/")[2])
    assert process in [number for node in nodes for number in node.processes()["scheduler"]]
    os.kill(process, signal.SIGKILL)


def rotated(node):
    """The keys of all RotateKey events, one for each event."""
    attribute = [{"AttributeKey": "EventName", "AttributeValue": "RotateKey"}]
    pages = node.client("cloudtrail").get_paginator("lookup_events").paginate(LookupAttributes=attribute)
    found = [json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"]]
    return sorted(event["resources"][0]["ARN"] for event in found)

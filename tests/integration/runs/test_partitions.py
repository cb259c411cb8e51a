"""A segment of thousands of files: they are listed page by page, and read one after the other.

PARTITIONS=10000 python -m pytest tests/integration/runs/test_partitions.py   # what Azure itself may be asked for
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from shared.runs.record import State
from tests.integration.runs.world import UPSERT, World

PARTITIONS = int(os.environ.get("PARTITIONS", "120"))
PAGE = max(7, PARTITIONS // 15)  # blobs a page of a listing; storage's own is 5,000
ROWS = 2  # in each file
FOLDER = "customers/People/2026/11/21/0300"


def name_of(number: int) -> str:
    return f"{FOLDER}/People_{number}.csv"


def land(world: World, *numbers: int) -> None:
    """So many headerless files of two people each."""
    container = world.services.storage.segments

    def write(number: int) -> None:
        rows = "".join(f"person{number}-{row}@example.com,Ada\n" for row in range(ROWS))
        container.write(name_of(number), rows.encode())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, numbers))


def land_model(world: World) -> None:
    url = world.services.storage.segments.client.url
    partitions = [{"name": f"{i}", "location": f"{url}/{name_of(i)}"} for i in range(PARTITIONS)]
    entity = {
        "$type": "LocalEntity",
        "name": "People",
        "attributes": [{"name": name, "dataType": "string"} for name in ("EMail", "FirstName")],
        "partitions": partitions,
    }
    model = {"name": "customers", "version": "1.0", "entities": [entity]}
    world.land_bytes("customers/model.json", json.dumps(model).encode())


@pytest.fixture(autouse=True)
def _small_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = world.services.storage.segments.client
    monkeypatch.setattr(client, "list_blobs", partial(client.list_blobs, results_per_page=PAGE))


def test_every_file_of_a_segment_of_many_is_read(world: World) -> None:
    land(world, *range(PARTITIONS))
    land_model(world)
    run = world.run()
    assert (run.state, run.reason) == (State.SUCCESSFUL, None)
    assert run.snapshots["People"].files == PARTITIONS
    assert run.counts["rows"] == run.counts["accepted"] == PARTITIONS * ROWS
    people = {f"person{number}-{row}@example.com" for number in range(PARTITIONS) for row in range(ROWS)}
    assert world.on_list() == set(world.members()) == people


def test_one_file_that_is_still_missing_is_waited_for_and_named_alone(world: World) -> None:
    late = PARTITIONS // 2
    land(world, *(number for number in range(PARTITIONS) if number != late))
    land_model(world)
    run = world.run()
    assert run.state is State.SKIPPED
    assert run.error is not None
    assert run.error.code == "segment_incomplete"
    assert f"1 of the {PARTITIONS} files" in run.error.message
    assert name_of(late) in run.error.message
    assert len(run.error.message) < 500
    assert world.requests(UPSERT) == 0
    land(world, late)
    world.land_bytes("elsewhere/note.txt", b"")  # the clock goes on
    assert world.run().counts["accepted"] == PARTITIONS * ROWS

"""What earlier versions of the app have written is read; what a later one has written is left alone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from shared.runs import sweep
from shared.runs.formats import Kept
from shared.runs.messages import Message
from shared.runs.record import VERSION, BatchState, Phase, State
from tests.integration.runs.world import KEY, UPSERT, World

SAMPLES = Path(__file__).parents[2] / "data" / "formats"
LIST_ID = "11111111-1111-4111-8111-111111111111"
NEW = [f"new{number}@example.com" for number in range(5)]
STAYS, LEAVER = "stays@example.com", "leaver@example.com"
NOTED = {"1-first": None, "1-begun": {"members": "2", "list_id": LIST_ID}}
Document = dict[str, Any]


def plant(world: World, sample: str) -> str:
    """Storage and SendGrid as that version left them in the middle of a run; gives the run's id."""
    world.list_id = world.sim.create_list("Newsletter", LIST_ID)
    world.put_export(max_shrink_percent=100)
    put_on_list(world, STAYS, LEAVER)
    storage, folder = world.services.storage, SAMPLES / sample
    run_id = json.loads((folder / "state/newsletter/turn.json").read_text())["active"]
    first = folder / f"runs/newsletter/{run_id}/plan/upserts/00001.ndjson"
    job_id = put_on_list(world, *(json.loads(line)["email"] for line in first.read_text().splitlines()))
    for container in (storage.runs, storage.state):
        kind = "runs" if container is storage.runs else "state"
        for path in sorted((folder / kind).rglob("*")):
            if path.is_file():
                name = path.relative_to(folder / kind).as_posix()
                container.upload(name, path, metadata=NOTED[sample] if name.endswith("members.parquet") else None)
    name = f"newsletter/{run_id}/run.json"
    record = json.loads(storage.runs.read(name).content)
    record["batches"][0]["job_id"] = job_id  # of a job that this SendGrid knows
    storage.runs.write(name, json.dumps(record).encode())
    return str(run_id)


def put_on_list(world: World, *addresses: str) -> str:
    answer = requests.put(
        f"{world.sim.url}/v3/marketing/contacts",
        json={"list_ids": [LIST_ID], "contacts": [{"email": address} for address in addresses]},
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=30,
    )
    answer.raise_for_status()
    world.sim.finish_jobs()
    return str(answer.json()["job_id"])


def wake(world: World, run_id: str) -> None:
    """The message that the other version has sent."""
    text = json.dumps({"run_id": run_id, "export_id": "newsletter", "slice": world.load(run_id).slice})
    world.services.storage.export_runs.send(text)


@pytest.mark.parametrize("sample", NOTED)
def test_a_run_that_an_earlier_version_began_is_carried_to_its_end(world: World, sample: str) -> None:
    run_id = plant(world, sample)
    before = world.requests(UPSERT)
    wake(world, run_id)
    world.work()
    run = world.ended(run_id)
    assert (run.state, run.version) == (State.COMPLETED_WITH_WARNINGS, VERSION)
    assert (run.counts["accepted"], run.counts["removed"], run.counts["unconfirmed"]) == (5, 1, 0)
    assert world.requests(UPSERT) - before == 2  # the first of three batches had been sent
    assert world.on_list() == {STAYS, *NEW}
    assert world.members() == dict.fromkeys([STAYS, *NEW], True)
    assert {line["code"] for line in world.report(run)} == {"invalid_email", "duplicate"}


@pytest.mark.parametrize("sample", NOTED)
def test_runs_that_an_earlier_version_ended_are_shown(world: World, sample: str) -> None:
    plant(world, sample)
    active, ended = world.services.runs.newest("newsletter", count=5)
    assert (active.phase, ended.state) == (Phase.SEND, State.COMPLETED_WITH_WARNINGS)
    assert world.report(ended)


def test_what_the_first_version_may_have_had_in_flight_counts_as_begun(world: World) -> None:
    """It did not note a batch before sending it: its people may be on the list, however the run ends."""
    run_id = plant(world, "1-first")
    assert all(batch.begun for batch in world.load(run_id).batches)
    world.services.runs.cancel(run_id, "tester")
    wake(world, run_id)
    world.work()
    run = world.ended(run_id)
    assert run.state is State.CANCELED
    assert {batch.state for batch in run.batches} == {BatchState.COMPLETED, BatchState.UNCONFIRMED}
    assert set(world.members()) == {STAYS, LEAVER, *NEW}


def test_the_list_of_a_first_membership_is_noted_by_the_next_run_even_if_nothing_changes(world: World) -> None:
    run_id = plant(world, "1-first")
    wake(world, run_id)
    world.work()
    world.land(STAYS, *NEW)
    world.run()
    storage = world.services.storage
    content = storage.state.read("newsletter/members.parquet").content
    storage.state.write("newsletter/members.parquet", content)  # without what is noted beside it
    assert not world.services.runs.knows_list("newsletter")
    assert world.run().counts["upserts"] == 0
    assert world.services.runs.knows_list("newsletter")
    assert world.members() == dict.fromkeys([STAYS, *NEW], True)


# What a later version has written


def change(world: World, container: str, name: str, **more: object) -> bytes:
    """Make of a document one of a later version; gives what is stored."""
    place = getattr(world.services.storage, container)
    content = json.dumps(json.loads(place.read(name).content) | more).encode()
    place.write(name, content)
    return content


LATER: dict[str, Callable[[World, str], tuple[str, str]]] = {
    "record": lambda _, run_id: ("runs", f"newsletter/{run_id}/run.json"),
    "turn": lambda _, __: ("state", "newsletter/turn.json"),
}


@pytest.mark.parametrize("kind", LATER)
@pytest.mark.parametrize("words", [{}, {"phase": "teleport", "active": {"run": 1}}], ids=["readable", "unreadable"])
def test_a_run_of_a_later_version_rests_until_that_version_is_back(
    world: World, caplog: pytest.LogCaptureFixture, kind: str, words: Document
) -> None:
    run_id = plant(world, "1-begun")
    container, name = LATER[kind](world, run_id)
    before = getattr(world.services.storage, container).read(name).content
    stored = change(world, container, name, version=99, **words)
    text = json.dumps({"run_id": run_id, "export_id": "newsletter", "slice": 9})
    world.services.storage.export_runs.send(text)
    world.work()
    world.now += 2 * sweep.ORPHAN_AFTER
    sweep.sweep(world.services)
    world.work()
    assert getattr(world.services.storage, container).read(name).content == stored
    assert "has version 99 of its format" in caplog.text
    assert list(world.services.storage.runs.list(f"newsletter/{run_id}/plan/"))
    # and when it is back
    getattr(world.services.storage, container).write(name, before)
    sweep.sweep(world.services)
    world.work()
    assert world.ended(run_id).state is State.COMPLETED_WITH_WARNINGS


def test_a_record_of_a_later_version_hides_no_other(world: World) -> None:
    run_id = plant(world, "1-begun")
    change(world, "runs", f"newsletter/{run_id}/run.json", version=99)
    [other] = world.services.runs.newest("newsletter", count=5)
    assert other.run_id != run_id


def test_a_membership_of_a_later_version_is_left_alone(world: World) -> None:
    world.put_on_list(STAYS)
    world.land(STAYS, *NEW)
    client = world.services.storage.state.client.get_blob_client("newsletter/members.parquet")
    client.set_blob_metadata({**client.get_blob_properties().metadata, "version": "2"})
    stored = client.get_blob_properties().etag
    run = world.run()
    assert run.state is State.FAILED
    assert run.error
    assert run.error.code == "newer_format"
    assert "Deploy the newer version" in run.error.advice
    assert client.get_blob_properties().etag == stored
    assert world.requests(UPSERT) == 1


@pytest.mark.parametrize("name", ["exports/newsletter.json", "connections/marketing.json"])
def test_a_document_of_a_later_version_is_refused_in_words(world: World, name: str) -> None:
    world.land(STAYS)
    change(world, "config", name, version=1)
    assert world.run().state is State.SUCCESSFUL
    change(world, "config", name, version=2)
    run = world.run()
    assert run.state is State.FAILED
    assert run.error
    assert "version: 2 is not a version that this app knows" in run.error.message


def test_fields_that_this_version_does_not_know_stay(world: World) -> None:
    """An app that is rolled back and forward again finds what it had noted."""
    run_id = plant(world, "1-begun")
    change(world, "runs", f"newsletter/{run_id}/run.json", tomorrow={"a": 1})
    change(world, "state", "newsletter/turn.json", tomorrow=[2])
    wake(world, run_id)
    world.work()
    world.ended(run_id)
    storage = world.services.storage
    assert json.loads(storage.runs.read(f"newsletter/{run_id}/run.json").content)["tomorrow"] == {"a": 1}
    assert json.loads(storage.state.read("newsletter/turn.json").content)["tomorrow"] == [2]


def test_a_message_of_a_later_version_is_read_as_far_as_it_is_known() -> None:
    text = '{"run_id": "r", "export_id": "e", "slice": 1, "tomorrow": true}'
    assert Message.model_validate_json(text) == Message(run_id="r", export_id="e", slice=1)


def test_every_part_of_a_record_keeps_what_it_does_not_know() -> None:
    from shared.runs import record, turn

    parts = [
        each
        for module in (record, turn)
        for each in vars(module).values()
        if isinstance(each, type) and hasattr(each, "model_fields") and each.__module__ == module.__name__
    ]
    assert parts
    assert [each.__name__ for each in parts if not issubclass(each, Kept)] == []

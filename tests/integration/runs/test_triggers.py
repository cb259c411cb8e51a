"""What starts runs by itself: the clock and the landing of a segment."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.runs.record import Kind, State
from shared.runs.start import segment_landed
from shared.runs.sweep import LOOK_BACK, sweep
from shared.segments import landing
from shared.segments.snapshot import Snapshot
from tests.integration.runs.world import World

EVERY_QUARTER = "*/15 * * * *"


@pytest.fixture
def noon(world: World) -> World:
    """A world at some noon to come, whose export is due each quarter of an hour and whose clock was swept just now."""
    world.land("ada@example.com")
    world.put_export(schedule=EVERY_QUARTER)
    world.now = datetime(2030, 5, 6, 12, 1, tzinfo=UTC)
    assert sweep(world.services) == []  # the first of all has nothing to catch up with
    return world


def test_a_scheduled_run_is_due_once(noon: World) -> None:
    noon.now += timedelta(minutes=5)
    assert sweep(noon.services) == []
    noon.now += timedelta(minutes=10)
    [run] = sweep(noon.services)
    assert run.kind is Kind.SCHEDULED
    assert sweep(noon.services) == []
    noon.work()
    assert noon.ended(run.run_id).state is State.SUCCESSFUL
    noon.now += timedelta(minutes=5)
    assert sweep(noon.services) == []


def test_two_sweeps_at_the_same_time_queue_one_run(noon: World) -> None:
    noon.now += timedelta(minutes=15)
    both = [threading.Thread(target=sweep, args=(noon.services,)) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    noon.work()
    assert len(list(noon.records())) == 1


def test_times_missed_while_the_app_was_down_become_one_run(noon: World) -> None:
    noon.now += LOOK_BACK
    assert len(sweep(noon.services)) == 1


def test_times_missed_long_ago_are_not_caught_up_with(noon: World) -> None:
    noon.put_export(schedule="30 12 * * *")
    noon.now += timedelta(hours=5)
    assert sweep(noon.services) == []


@pytest.mark.parametrize("change", [{"schedule": "off"}, {"enabled": False, "schedule": EVERY_QUARTER}], ids=str)
def test_an_export_that_rests_is_not_due(noon: World, change: dict[str, Any]) -> None:
    noon.put_export(**change)
    noon.now += timedelta(minutes=15)
    assert sweep(noon.services) == []


def test_a_document_that_cannot_be_read_does_not_hide_the_others(noon: World, caplog: pytest.LogCaptureFixture) -> None:
    noon.services.storage.config.write("exports/aaa.json", b"{")
    noon.now += timedelta(minutes=15)
    assert [run.export_id for run in sweep(noon.services)] == ["newsletter"]
    assert "exports/aaa.json" in caplog.text


def test_an_export_that_cannot_be_started_does_not_hide_the_others(noon: World) -> None:
    noon.put_export("aaa", schedule=EVERY_QUARTER)
    noon.services.storage.state.write("aaa/turn.json", b"no JSON")
    noon.now += timedelta(minutes=15)
    assert [run.export_id for run in sweep(noon.services)] == ["newsletter"]
    assert sweep(noon.services) == []


def test_a_landing_that_is_announced_twice_is_one_run(world: World) -> None:
    world.land("ada@example.com")
    [run] = segment_landed(world.services, "People.csv")
    assert run.kind is Kind.SEGMENT_LANDED
    assert [again.run_id for again in segment_landed(world.services, "People.csv")] == [run.run_id]
    world.work()
    assert world.ended(run.run_id).state is State.SUCCESSFUL
    assert segment_landed(world.services, "People.csv") == []
    assert len(list(world.records())) == 1


def test_a_new_landing_is_a_new_run(world: World) -> None:
    world.land("ada@example.com")
    segment_landed(world.services, "People.csv")
    world.work()
    world.land("ada@example.com", "grace@example.com")
    [run] = segment_landed(world.services, "People.csv")
    world.work()
    assert world.ended(run.run_id).counts["accepted"] == 1


def test_every_export_of_the_segment_runs_and_no_other(world: World) -> None:
    world.put_export("second", segments=["Other", "People"])
    world.put_export("third", segments=["Other"])
    world.put_export("resting", enabled=False)
    world.put_export("by-hand", run_on_landing=False)
    world.land("ada@example.com")
    assert [run.export_id for run in segment_landed(world.services, "People.csv")] == ["newsletter", "second"]


def test_a_model_that_completes_several_segments_starts_each_export_once(world: World) -> None:
    world.put_export("other", segments=["Other"])
    world.put_export("both", segments=["Other", "People"])
    url = world.services.storage.segments.client.url
    entities = [
        {
            "$type": "LocalEntity",
            "name": name,
            "attributes": [{"name": "EMail", "dataType": "string"}],
            "partitions": [{"name": name, "location": f"{url}/export/{name}/1.csv"}],
        }
        for name in ("People", "Other", "Nobodys")
    ]
    for entity in entities:
        world.land_bytes(f"export/{entity['name']}/1.csv", b"ada@example.com\n")
    model = {"name": "export", "version": "1.0", "entities": entities}
    world.land_bytes("export/model.json", json.dumps(model).encode())
    started = segment_landed(world.services, "export/model.json")
    assert [run.export_id for run in started] == ["both", "newsletter", "other"]


def test_a_landing_that_is_not_complete_starts_nothing(world: World) -> None:
    world.land_bytes("People/part-1.csv", b"EMail\nada@example.com\n")
    assert segment_landed(world.services, "People/part-1.csv") == []


def test_a_landing_that_cannot_be_used_is_a_run_that_says_so(world: World) -> None:
    world.land_bytes("People/part-1.xlsx", b"PK")
    world.land_bytes("People/_SUCCESS", b"")
    [run] = segment_landed(world.services, "People/_SUCCESS")
    world.work()
    run = world.ended(run.run_id)
    assert run.state is State.FAILED
    assert run.error is not None
    assert run.error.code == "unknown_format"


def test_the_landing_of_a_failed_run_is_news_again(world: World) -> None:
    world.land("ada@example.com")
    world.sim.fault(route="/v3/marketing/contacts", method="PUT", status=403)
    segment_landed(world.services, "People.csv")
    world.work()
    [run] = segment_landed(world.services, "People.csv")
    world.work()
    assert world.ended(run.run_id).state is State.SUCCESSFUL


def test_a_snapshot_that_is_still_landing_is_waited_for(world: World) -> None:
    world.change_settings(landing_settle_seconds=60)
    world.land("ada@example.com")
    began = world.now
    started = world.start()
    world.deliver()
    run = world.load(started.run_id)
    assert (run.state, run.slice, run.attempts, run.snapshots) == (State.PROCESSING, 1, 0, {})
    world.work()
    assert world.ended(run.run_id).state is State.SUCCESSFUL
    assert 55 < (world.now - began).total_seconds() < 75


def test_a_landing_is_looked_at_when_it_should_have_settled(world: World) -> None:
    world.change_settings(landing_settle_seconds=60)
    world.land("ada@example.com")
    segment_landed(world.services, "People.csv")
    assert list(world.queue.delays.values()) == [60]


def test_a_snapshot_that_is_overwritten_while_it_is_read_is_read_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.land("ada@example.com")
    started = world.start()
    segments = world.services.storage.segments
    real = segments.stream

    def overwritten_first(*arguments: Any, **options: Any) -> Iterator[bytes]:
        monkeypatch.undo()
        world.land("grace@example.com")
        return real(*arguments, **options)

    monkeypatch.setattr(segments, "stream", overwritten_first)
    world.work()
    run = world.ended(started.run_id)
    assert run.state is State.SUCCESSFUL
    assert world.on_list() == {"grace@example.com"}
    now = landing.latest(segments, "People")
    assert isinstance(now, Snapshot)
    assert run.snapshots["People"].id == now.id  # the record does not tell of one and the list of another


def test_a_snapshot_that_is_deleted_while_it_is_read_is_looked_for_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.land("ada@example.com")
    started = world.start()
    segments = world.services.storage.segments
    real = segments.stream

    def deleted_first(*arguments: Any, **options: Any) -> Iterator[bytes]:
        monkeypatch.undo()
        segments.delete("People.csv")
        return real(*arguments, **options)

    monkeypatch.setattr(segments, "stream", deleted_first)
    world.work()
    run = world.ended(started.run_id)
    assert run.error is not None
    assert (run.state, run.error.code) == (State.SKIPPED, "segment_missing")

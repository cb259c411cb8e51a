"""The last run of an export: it takes everybody off the list whom the export put there, and then the export goes."""

from datetime import timedelta

import pytest

from shared.destinations.documents import export_name
from shared.errors import Conflict, NotFound
from shared.runs import removal
from shared.runs.record import Kind, RunRecord, State
from shared.runs.start import segment_landed
from shared.runs.sweep import ORPHAN_AFTER, sweep
from tests.integration.runs.world import World


def remove(world: World) -> RunRecord:
    return removal.remove_with_members(world.services, "newsletter", "tester")


def exists(world: World) -> bool:
    try:
        world.services.storage.config.properties(export_name("newsletter"))
    except NotFound:
        return False
    return True


def test_everybody_goes_whatever_the_export_says_and_however_large_the_segment_is(world: World) -> None:
    world.put_export(removal="none", max_shrink_percent=0, max_profiles=1, enabled=False)
    world.put_on_list("a@example.com", "b@example.com")
    world.land("a@example.com", "b@example.com", "c@example.com")
    last = remove(world)
    world.work()
    run = world.ended(last.run_id)
    assert (run.state, run.counts["rows"], run.counts["removed"]) == (State.SUCCESSFUL, 0, 2)
    assert world.on_list() == set()
    assert not exists(world)


def test_no_segment_and_no_custom_field_is_needed_for_it(world: World) -> None:
    world.put_export(segments=["Gone"], mapping={"email": "EMail", "custom_fields": {"deleted_since": "Tier"}})
    world.put_on_list("a@example.com")
    last = remove(world)
    world.work()
    assert world.ended(last.run_id).state is State.SUCCESSFUL
    assert (world.on_list(), exists(world)) == (set(), False)


def test_what_was_asked_for_before_is_stopped_and_goes_first(world: World) -> None:
    world.land("a@example.com")
    earlier = world.start()
    last = remove(world)
    world.work()
    assert world.ended(earlier.run_id).state is State.CANCELED
    assert world.ended(last.run_id).state is State.SUCCESSFUL
    assert (world.on_list(), exists(world)) == (set(), False)


def test_nothing_is_queued_behind_it(world: World) -> None:
    world.put_export(schedule="* * * * *")
    world.land("a@example.com")
    sweep(world.services)
    last = remove(world)
    with pytest.raises(Conflict, match="being removed"):
        world.start(kind=Kind.ON_DEMAND)
    assert segment_landed(world.services, "People.csv") == []
    world.now += timedelta(minutes=2)
    assert sweep(world.services) == []
    assert [waiting.run_id for waiting in world.services.turns.load("newsletter").waiting] == [last.run_id]


def test_without_consent_nobody_is_looked_up_and_the_export_stays(world: World) -> None:
    world.put_on_list("a@example.com")
    world.put_connection(consent=None)
    last = remove(world)
    world.work()
    run = world.ended(last.run_id)
    assert run.error
    assert (run.state, run.error.code) == (State.SKIPPED, "consent_missing")
    assert exists(world)
    world.put_connection()
    second = remove(world)
    assert second.run_id != last.run_id
    world.work()
    assert (world.ended(second.run_id).state, world.on_list(), exists(world)) == (State.SUCCESSFUL, set(), False)


def test_when_nobody_knows_whom_the_export_put_there_it_stays(world: World) -> None:
    world.land("a@example.com")
    world.run()
    world.services.storage.state.delete("newsletter/members.parquet")
    last = remove(world)
    world.work()
    run = world.ended(last.run_id)
    assert run.state is State.COMPLETED_WITH_WARNINGS
    assert "membership was lost" in str(run.reason)
    assert (world.on_list(), exists(world)) == ({"a@example.com"}, True)


def test_when_sendgrid_does_not_let_them_go_the_export_stays_and_is_removed_the_next_time(world: World) -> None:
    world.put_on_list("a@example.com")
    world.sim.fault(route="/v3/marketing/lists/{id}/contacts", method="DELETE", job="failed", times=1)
    last = remove(world)
    world.work()
    assert world.ended(last.run_id).counts["failed_removals"] == 1
    assert exists(world)
    second = remove(world)
    world.work()
    assert (world.ended(second.run_id).state, world.on_list(), exists(world)) == (State.SUCCESSFUL, set(), False)


def test_an_instance_that_dies_before_the_export_is_removed_leaves_it_to_the_sweep(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put_on_list("a@example.com")
    last = remove(world)
    with monkeypatch.context() as dying:
        dying.setattr(removal, "conclude", lambda *_: None)
        world.work()
    assert world.load(last.run_id).state is State.SUCCESSFUL
    assert exists(world)
    world.now += ORPHAN_AFTER
    sweep(world.services)
    assert not exists(world)
    assert world.services.turns.load("newsletter").removing is None

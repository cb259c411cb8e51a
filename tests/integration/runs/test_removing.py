"""Removing those who left the segments, and nobody else."""

from typing import Any

import pytest

from shared.runs import prepare, remove
from shared.runs.record import BatchState, State
from tests.integration.runs.world import REMOVAL, World

LEAVERS = [f"leaver{number}@example.com" for number in range(5)]


@pytest.fixture(autouse=True)
def _half_of_all_may_leave(world: World) -> None:
    world.put_export(max_shrink_percent=100)


def removal_fault(world: World, **parts: Any) -> None:
    world.sim.fault(route="/v3/marketing/lists/{id}/contacts", method="DELETE", **parts)


def leave(world: World, *leavers: str) -> None:
    """These and one who stays were put on the list; the segment that is there now has only the one."""
    world.put_on_list("stays@example.com", *leavers)
    world.land("stays@example.com")


def test_leavers_go_from_the_list_and_stay_contacts(world: World) -> None:
    leave(world, *LEAVERS)
    run = world.run()
    assert run.state is State.SUCCESSFUL
    assert (run.counts["leavers"], run.counts["removed"]) == (5, 5)
    assert world.on_list() == set(world.members()) == {"stays@example.com"}
    assert world.sim.addresses() == {"stays@example.com", *LEAVERS}


def test_people_on_the_list_that_the_export_did_not_put_there_stay(world: World) -> None:
    leave(world, "leaver@example.com")
    world.put_export("other", segments=["Others"], mapping={"email": "EMail"})
    world.land("others@example.com", name="Others.csv")
    world.run("other")
    world.run()
    assert world.on_list() == {"stays@example.com", "others@example.com"}


def test_leavers_whom_another_export_keeps_stay(world: World) -> None:
    world.put_export("other", segments=["Others"], mapping={"email": "EMail"})
    world.land("leaver0@example.com", name="Others.csv")
    world.run("other")
    leave(world, *LEAVERS[:2])
    run = world.run()
    assert (run.counts["leavers"], run.counts["removed"], run.counts["kept_by_other_export"]) == (2, 1, 1)
    assert world.on_list() == {"stays@example.com", "leaver0@example.com"}
    assert set(world.members()) == {"stays@example.com"}
    assert set(world.members("other")) == {"leaver0@example.com"}


def test_leavers_who_are_not_on_the_list_any_more_are_not_found(world: World) -> None:
    leave(world)
    world.add_members("gone@example.com")
    run = world.run()
    assert run.state is State.SUCCESSFUL
    assert (run.counts["not_found"], run.counts["removed"]) == (1, 0)
    assert world.requests(REMOVAL) == 0
    assert set(world.members()) == {"stays@example.com"}


def test_removal_none_keeps_everybody(world: World) -> None:
    leave(world, *LEAVERS)
    world.put_export(removal="none", max_shrink_percent=0)
    run = world.run()
    assert run.state is State.SUCCESSFUL
    assert run.counts["leavers"] == 0
    assert world.on_list() == set(world.members()) == {"stays@example.com", *LEAVERS}


def test_an_address_that_the_search_refuses_is_reported_and_stays_a_member(world: World) -> None:
    leave(world, *LEAVERS)
    world.add_members("odd@example.c")
    run = world.run()
    assert run.state is State.COMPLETED_WITH_WARNINGS
    assert (run.counts["removed"], run.counts["failed_removals"]) == (5, 1)
    [line] = world.report(run)
    assert (line["email"], line["stage"], line["code"]) == ("odd@example.c", "remove", "refused_by_search")
    assert set(world.members()) == {"stays@example.com", "odd@example.c"}


@pytest.mark.parametrize("fate", ["failed", "never"])
def test_a_removal_that_is_not_carried_out_is_tried_again_next_time(world: World, fate: str) -> None:
    leave(world, *LEAVERS)
    removal_fault(world, job=fate)
    started = world.start()
    world.work_for_hours(5)
    run = world.ended(started.run_id)
    assert (run.state, run.counts["failed_removals"]) == (State.COMPLETED_WITH_WARNINGS, 5)
    assert [portion.state for portion in run.removals] == [BatchState.FAILED]
    assert {line["code"] for line in world.report(run)} == {"removal_failed"}
    assert set(world.members()) == {"stays@example.com", *LEAVERS}
    assert world.run().counts["removed"] == 5
    assert world.on_list() == {"stays@example.com"}


def test_several_calls_of_a_portion_are_made_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remove, "SEARCH_SIZE", 1)
    leave(world, *LEAVERS)
    run = world.run()
    assert (run.counts["removed"], run.counts["failed_removals"]) == (5, 0)
    assert world.requests(REMOVAL) == 5
    assert world.on_list() == {"stays@example.com"}


def test_many_leavers_go_in_portions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "LEAVERS_PORTION", 2)
    leave(world, *LEAVERS)
    run = world.run()
    assert [portion.leavers for portion in run.removals] == [2, 2, 1]
    assert run.counts["removed"] == 5
    assert run.progress.done == run.progress.total == 6  # who stays was sent again
    assert world.on_list() == {"stays@example.com"}


def test_a_run_that_ends_between_portions_keeps_the_rest_as_members(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "LEAVERS_PORTION", 2)
    leave(world, *LEAVERS)
    removal_fault(world, status=403, skip=1, times=None)
    run = world.run()
    assert run.state is State.FAILED
    assert [portion.state for portion in run.removals] == [BatchState.COMPLETED, *[BatchState.FAILED] * 2]
    assert {line["code"] for line in world.report(run)} == {"not_removed"}
    assert world.on_list() == set(world.members())
    assert len(world.on_list()) == 4
    world.sim.clear_faults()
    run = world.run()
    assert (run.counts["removed"], run.counts["not_found"]) == (3, 0)
    assert world.on_list() == set(world.members()) == {"stays@example.com"}


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503, "times": 5},
        {"drop": "after", "times": 5},
        {"status": 429, "headers": {"retry-after": "90"}},
    ],
    ids=str,
)
def test_what_time_heals_changes_nothing_in_the_end(world: World, fault: dict[str, Any]) -> None:
    leave(world, *LEAVERS)
    removal_fault(world, **fault)
    run = world.run()
    assert run.state is State.SUCCESSFUL
    assert world.on_list() == set(world.members()) == {"stays@example.com"}


def test_nobody_is_removed_before_the_upserts_have_settled(world: World) -> None:
    leave(world, "leaver@example.com")
    world.land("stays@example.com", "new@example.com")
    world.hurried = False
    world.sim.configure(job_seconds=3600)
    world.start()
    for _ in range(3):
        world.deliver()
    assert world.requests(REMOVAL) == 0
    world.hurried = True
    world.work()
    assert world.on_list() == {"stays@example.com", "new@example.com"}

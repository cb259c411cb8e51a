"""Reconcile: the list is read before it is changed. And what becomes of a membership that is lost."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.contacts.batches import body
from shared.runs.record import Caution, Mode, Phase, RunRecord, State
from shared.sendgrid.client import SendGrid
from tests.integration.runs.test_crashes import die_and_recover
from tests.integration.runs.world import UPSERT, World

EXPORTS = "/v3/marketing/contacts/exports"
ASKED = f"POST {EXPORTS}"
FILES = "/files/exports/*"
FOUR = ("stays@example.com", "missing@example.com", "leaver@example.com", "gone@example.com")


@pytest.fixture(autouse=True)
def _all_may_leave(world: World) -> None:
    world.put_export(max_shrink_percent=100)


def by_hand(world: World) -> SendGrid:
    """SendGrid as others use it, in its web pages."""
    return world.services.sendgrid(world.services.destinations.connection("marketing"), lambda: None)


def put_by_hand(world: World, *addresses: str) -> None:
    by_hand(world).upsert(body(world.list_id, "\n".join(f'{{"email":"{each}"}}' for each in addresses).encode()))
    world.sim.finish_jobs()


def take_off_by_hand(world: World, *addresses: str) -> None:
    sendgrid = by_hand(world)
    sendgrid.remove_from_list(world.list_id, [found.id for found in sendgrid.search_emails(addresses).found.values()])
    world.sim.finish_jobs()


def drifted(world: World) -> None:
    """Of four members one was taken off by hand, one left the segment, one both; a stranger came."""
    world.land(*FOUR)
    world.run()
    drift(world)


def drifted_without_a_run(world: World) -> None:
    """The same in a moment, but that the contacts in the membership are others than the segment's."""
    world.put_on_list(*FOUR)
    drift(world)


def drift(world: World) -> None:
    world.land("stays@example.com", "missing@example.com")
    take_off_by_hand(world, "missing@example.com", "gone@example.com")
    put_by_hand(world, "stranger@example.com")


def assert_reconciled(world: World, run: RunRecord) -> None:
    assert run.state is State.SUCCESSFUL, run.error
    assert world.on_list() == {"stays@example.com", "missing@example.com", "stranger@example.com"}
    assert world.members() == {"stays@example.com": True, "missing@example.com": True}
    counts = run.counts
    assert (counts["listed"], counts["missing_from_list"], counts["gone_elsewhere"], counts["strangers"]) == (
        3,
        1,
        1,
        1,
    )
    assert (counts["unchanged"], counts["accepted"], counts["leavers"], counts["removed"]) == (1, 1, 1, 1)


def test_the_list_becomes_what_it_should_be_and_strangers_stay(world: World) -> None:
    drifted(world)
    run = world.run(mode=Mode.RECONCILE)
    assert_reconciled(world, run)
    assert run.reason == "1 person on the list whom none of its exports put there"
    [line] = world.report(run)
    assert (line["email"], line["stage"], line["code"]) == ("stranger@example.com", "read_list", "stranger")
    assert run.mode is Mode.RECONCILE
    assert world.requests(ASKED) == 1


def test_other_runs_ask_for_no_export_and_have_no_such_counts(world: World) -> None:
    drifted(world)
    run = world.run()
    assert {"listed", "missing_from_list", "gone_elsewhere", "strangers"}.isdisjoint(run.counts)
    assert world.requests(ASKED) == 0
    assert run.listing is None


def test_a_dry_run_says_what_reconciling_would_do(world: World) -> None:
    drifted(world)
    before, members = world.on_list(), world.members()
    run = world.run(mode=Mode.RECONCILE, dry_run=True)
    assert (run.counts["upserts"], run.counts["leavers"], run.counts["strangers"]) == (1, 1, 1)
    assert run.reason == "dry run: nothing was sent, 1 person on the list whom none of its exports put there"
    assert (world.on_list(), world.members()) == (before, members)


def test_people_of_another_export_are_no_strangers(world: World) -> None:
    world.put_export("other", segments=["Others"], mapping={"email": "EMail"})
    world.land("theirs@example.com", name="Others.csv")
    world.run("other")
    world.land("ada@example.com")
    run = world.run(mode=Mode.RECONCILE)
    assert (run.state, run.reason, run.counts["strangers"]) == (State.SUCCESSFUL, None, 0)
    assert world.on_list() == {"ada@example.com", "theirs@example.com"}


def test_an_export_of_several_files_is_read_whole_also_over_several_slices(world: World) -> None:
    drifted(world)
    world.sim.configure(export_megabyte=10)  # bytes: a file a contact
    world.change_settings(run_slice_seconds=0)
    started = world.start(mode=Mode.RECONCILE)
    for _ in range(2):
        world.deliver()
    world.change_settings(run_slice_seconds=240)
    world.work()
    run = world.ended(started.run_id)
    assert_reconciled(world, run)
    assert run.listing is not None
    assert (run.listing.files, run.listing.contacts) == (3, 3)


def test_the_export_is_waited_for_in_the_queue(world: World) -> None:
    drifted(world)
    world.hurried = False
    world.sim.configure(job_seconds=3600)
    started = world.start(mode=Mode.RECONCILE)
    for _ in range(3):
        world.deliver()
    assert world.load(started.run_id).phase is Phase.READ_LIST
    assert world.requests(UPSERT) == 2  # the first run's, and the one by hand
    world.sim.configure(job_seconds=0)
    world.hurried = True
    world.work()
    assert_reconciled(world, world.ended(started.run_id))


def test_an_export_that_never_becomes_ready_ends_the_run_and_changes_nothing(world: World) -> None:
    drifted(world)
    before, members = world.on_list(), world.members()
    world.sim.fault(route=EXPORTS, method="POST", job="never")
    started = world.start(mode=Mode.RECONCILE)
    world.work_for_hours(4)
    run = world.ended(started.run_id)
    assert run.state is State.FAILED
    assert run.error is not None
    assert (run.error.code, run.reason) == ("list_export_overdue", run.error.message)
    assert run.error.advice
    assert (world.on_list(), world.members()) == (before, members)
    assert world.run().state is State.SUCCESSFUL


DEAD: list[dict[str, Any]] = [
    {"route": FILES, "status": 403},
    {"route": FILES, "status": 404},
    {"route": FILES, "status": 200, "body": "<html>", "content_type": "text/html"},
    {"route": FILES, "status": 200, "body": ""},
    {"route": EXPORTS, "method": "POST", "job": "failed"},
]


@pytest.mark.parametrize("fault", DEAD, ids=str)
def test_for_an_export_that_is_dead_another_is_asked_for(world: World, fault: dict[str, Any]) -> None:
    drifted(world)
    world.sim.fault(**fault, times=2)
    run = world.run(mode=Mode.RECONCILE)
    assert_reconciled(world, run)
    assert world.requests(ASKED) == 3


@pytest.mark.parametrize("fault", DEAD, ids=str)
def test_exports_that_are_always_dead_end_the_run(world: World, fault: dict[str, Any]) -> None:
    drifted(world)
    before, members = world.on_list(), world.members()
    world.sim.fault(**fault, times=None)
    run = world.run(mode=Mode.RECONCILE)
    assert run.state is State.FAILED
    assert run.error is not None
    assert run.error.code == "list_unreadable"
    assert "?" not in run.error.message  # no URL, which is a key
    assert world.requests(ASKED) == 3
    assert (world.on_list(), world.members()) == (before, members)


def test_files_that_lack_contacts_are_not_taken_for_the_list(world: World) -> None:
    drifted(world)
    world.sim.configure(export_megabyte=10)
    world.sim.fault(route=FILES, status=200, body="", times=1, skip=1)
    assert_reconciled(world, world.run(mode=Mode.RECONCILE))
    assert world.requests(ASKED) == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"route": FILES, "status": 503},
        {"route": FILES, "drop": "after"},
        {"route": EXPORTS, "method": "POST", "drop": "after"},
        {"route": f"{EXPORTS}/*", "status": 503, "times": 5},
        {"route": f"{EXPORTS}/*", "status": 404},
    ],
    ids=str,
)
def test_what_time_heals_changes_nothing_in_the_end(world: World, fault: dict[str, Any]) -> None:
    drifted(world)
    world.sim.fault(**fault)
    assert_reconciled(world, world.run(mode=Mode.RECONCILE))


@pytest.mark.parametrize("first", range(1, 5))
def test_an_instance_may_die_at_any_write_until_the_plan_is_stored(
    world: World, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    """What comes after that is no other than in any run (test_crashes.py)."""
    for last in range(first, 80, 4):
        world.begin_anew()
        world.put_export(max_shrink_percent=100)
        drifted_without_a_run(world)
        started = world.start(mode=Mode.RECONCILE)
        die_and_recover(world, monkeypatch, last)
        was_planned = world.load(started.run_id).planned
        world.work()
        run = world.ended(started.run_id)  # by its messages alone: nobody had to find out that it was stuck
        counts = run.counts
        assert world.on_list() == {"stays@example.com", "missing@example.com", "stranger@example.com"}, last
        assert set(world.members()) == {"stays@example.com", "missing@example.com"}, last
        assert (counts["strangers"], counts["gone_elsewhere"], counts["missing_from_list"]) == (1, 1, 1), last
        if was_planned:
            return
    pytest.fail("the run has more writes than these")


def test_a_change_of_the_list_while_it_is_read_stops_the_run(world: World) -> None:
    drifted(world)
    started = world.start(mode=Mode.RECONCILE)
    world.hurried = False
    world.sim.configure(job_seconds=3600)
    world.deliver()
    world.put_export(list_id=world.sim.create_list("Another"))
    world.work()
    assert world.ended(started.run_id).state is State.CANCELED
    assert world.requests(UPSERT) == 2


# Drift


def test_people_who_are_missing_from_the_list_are_noted(world: World) -> None:
    world.land("ada@example.com", "grace@example.com", "hedy@example.com")
    world.run()
    take_off_by_hand(world, "ada@example.com", "grace@example.com")
    run = world.run()
    assert run.state is State.SUCCESSFUL  # it is a hint: SendGrid's count lags
    assert run.drift is not None
    assert (run.drift.list_count, run.drift.at_least, run.drift.missing) == (1, 3, 2)
    assert "mode reconcile" in str(run.reason)
    assert world.run(mode=Mode.RECONCILE).counts["missing_from_list"] == 2
    assert world.run().reason is None


def test_a_count_that_lags_behind_what_was_just_sent_is_no_drift(world: World) -> None:
    world.land("ada@example.com", "grace@example.com")
    world.sim.fault(
        route="/v3/marketing/lists/{id}/contacts/count", status=200, body='{"contact_count": 0, "billable_count": 0}'
    )
    run = world.run()
    assert run.drift is not None
    assert (run.drift.list_count, run.drift.missing, run.reason) == (0, 0, None)


@pytest.mark.parametrize("status", [403, 404, 429, 503])
def test_a_list_that_cannot_be_counted_does_not_matter(world: World, status: int) -> None:
    world.land("ada@example.com")
    world.sim.fault(route="/v3/marketing/lists/{id}/contacts/count", status=status, times=None)
    run = world.run()
    assert (run.state, run.reason, run.drift) == (State.SUCCESSFUL, None, None)


# A membership that is lost


def lose(world: World) -> None:
    world.services.storage.state.delete("newsletter/members.parquet")


def cut_off(world: World) -> None:
    state = world.services.storage.state
    state.write("newsletter/members.parquet", state.read("newsletter/members.parquet").content[:-9])


def overwrite(world: World) -> None:
    world.services.storage.state.write("newsletter/members.parquet", b"PAR1 and nothing that follows PAR1")


LOSSES = [
    (lose, Caution.MEMBERSHIP_LOST),
    (cut_off, Caution.MEMBERSHIP_UNREADABLE),
    (overwrite, Caution.MEMBERSHIP_UNREADABLE),
]


@pytest.mark.parametrize(("harm", "caution"), LOSSES, ids=lambda each: getattr(each, "__name__", ""))
def test_without_its_membership_a_run_sends_everything_and_removes_nobody(
    world: World, harm: Callable[[World], None], caution: Caution
) -> None:
    world.land("ada@example.com", "grace@example.com")
    world.run()
    world.land("ada@example.com", "hedy@example.com")
    harm(world)
    run = world.run()
    assert (run.state, run.mode, run.cautions) == (State.COMPLETED_WITH_WARNINGS, Mode.FULL, [caution])
    assert "nobody was taken off the list" in str(run.reason)
    assert (run.counts["accepted"], run.counts["unchanged"], run.counts["leavers"]) == (2, 0, 0)
    assert world.on_list() == {"ada@example.com", "grace@example.com", "hedy@example.com"}

    world.land("ada@example.com")
    run = world.run()
    assert (run.state, run.mode, run.cautions) == (State.SUCCESSFUL, Mode.INCREMENTAL, [])
    assert (run.counts["unchanged"], run.counts["removed"]) == (1, 1)
    assert world.on_list() == {"ada@example.com", "grace@example.com"}


@pytest.mark.parametrize(("harm", "caution"), LOSSES, ids=lambda each: getattr(each, "__name__", ""))
def test_reconciling_without_a_membership_shows_who_was_left_behind(
    world: World, harm: Callable[[World], None], caution: Caution
) -> None:
    drifted(world)
    harm(world)
    run = world.run(mode=Mode.RECONCILE)
    assert (run.state, run.mode, run.cautions) == (State.COMPLETED_WITH_WARNINGS, Mode.RECONCILE, [caution])
    assert {line["email"] for line in world.report(run)} == {"leaver@example.com", "stranger@example.com"}
    assert run.counts["leavers"] == 0
    assert "missing@example.com" in world.on_list()
    assert world.run(mode=Mode.RECONCILE).state is State.SUCCESSFUL


@pytest.mark.parametrize("harm", [lose, cut_off], ids=lambda each: each.__name__)
def test_a_membership_lost_in_the_middle_of_a_run_is_told_and_takes_nobody_along(
    world: World, harm: Callable[[World], None]
) -> None:
    world.land("ada@example.com", "grace@example.com")
    world.run()
    world.land("ada@example.com", "grace@example.com", "hedy@example.com")
    world.hurried = False
    world.sim.configure(job_seconds=3600)
    started = world.start()
    world.deliver()
    harm(world)
    world.sim.configure(job_seconds=0)
    world.hurried = True
    world.work()
    run = world.ended(started.run_id)
    assert run.state is State.COMPLETED_WITH_WARNINGS
    assert run.counts["accepted"] == 1
    run = world.run()
    assert (run.state, run.counts["accepted"], run.counts["removed"]) == (State.SUCCESSFUL, 2, 0)
    assert set(world.members()) == world.on_list() == {"ada@example.com", "grace@example.com", "hedy@example.com"}


@pytest.mark.parametrize("harm", [lose, cut_off], ids=lambda each: each.__name__)
def test_while_another_exports_membership_is_unknown_nobody_is_taken_off_their_list(
    world: World, harm: Callable[[World], None]
) -> None:
    world.land("ada@example.com", "grace@example.com")
    world.run()
    harm(world)
    world.put_export("other", segments=["Others"], mapping={"email": "EMail"}, max_shrink_percent=100)
    world.land("grace@example.com", "hedy@example.com", name="Others.csv")
    world.run("other")
    world.land("hedy@example.com", name="Others.csv")
    run = world.run("other")
    assert (run.state, run.cautions) == (State.COMPLETED_WITH_WARNINGS, [Caution.OTHER_MEMBERSHIP_UNKNOWN])
    assert (run.counts["leavers"], run.counts["unchanged"]) == (0, 1)
    assert "grace@example.com" in world.on_list()
    world.run()
    run = world.run("other")
    assert (run.state, run.counts["kept_by_other_export"]) == (State.SUCCESSFUL, 1)
    assert world.on_list() == {"ada@example.com", "grace@example.com", "hedy@example.com"}


def test_an_export_that_has_never_run_has_lost_nothing(world: World) -> None:
    world.put_export("other", segments=["Others"])
    world.land("ada@example.com")
    run = world.run()
    assert (run.state, run.mode, run.cautions) == (State.SUCCESSFUL, Mode.INCREMENTAL, [])

"""Sending, when SendGrid is not at its best."""

from typing import Any

import pytest

from shared.contacts import batches
from shared.runs.record import BatchState, Phase, State
from shared.runs.send import IN_FLIGHT
from shared.sendgrid.transport import Timeouts
from tests.integration.runs.world import UPSERT, World

REFUSED = "grace@example.c"  # well-formed to us, not to SendGrid
PEOPLE = [f"person{number}@example.com" for number in range(12)]


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MAX_CONTACTS", 2)


def upsert_fault(world: World, **parts: Any) -> None:
    world.sim.fault(route="/v3/marketing/contacts", method="PUT", **parts)


def test_a_400_that_names_rows_drops_only_those_rows(world: World) -> None:
    world.land("ada@example.com", REFUSED, "hedy@example.com")
    run = world.run()
    assert run.state is State.COMPLETED_WITH_WARNINGS
    assert run.reason == "1 contact refused by SendGrid"
    assert world.on_list() == set(world.members()) == {"ada@example.com", "hedy@example.com"}
    [line] = world.report(run)
    assert (line["row"], line["customer_id"], line["email"]) == ("2", "C2", REFUSED)
    assert (line["stage"], line["code"]) == ("send", "refused_by_sendgrid")
    assert "not valid" in line["message"]


def test_a_batch_of_refused_rows_only_needs_no_job(world: World) -> None:
    world.land(REFUSED, "hedy@example.c", "ada@example.com")
    run = world.run()
    assert run.counts["rejected_by_sendgrid"] == 2
    assert {batch.job_id for batch in run.batches} >= {None}
    assert all(batch.state is BatchState.COMPLETED for batch in run.batches)
    assert world.on_list() == {"ada@example.com"}


def test_a_batch_that_is_refused_as_a_whole_ends_the_run(world: World) -> None:
    world.land(*PEOPLE[:8])
    upsert_fault(world, status=400, message="something else", skip=1)
    run = world.run()
    assert (run.state, run.phase) == (State.FAILED, Phase.FINISH)
    assert run.error is not None
    assert run.error.code == "request_refused"
    assert 0 < run.counts["accepted"] < 8
    assert set(world.members()) == world.on_list()
    assert {line["code"] for line in world.report(run)} == {"not_sent"}
    again = world.run()
    assert again.counts["upserts"] == run.counts["unconfirmed"]
    assert world.on_list() == set(PEOPLE[:8])


@pytest.mark.parametrize(("status", "code"), [(403, "key_forbidden"), (404, "list_not_found")])
def test_what_was_accepted_before_the_end_is_in_the_membership(world: World, status: int, code: str) -> None:
    world.land(*PEOPLE)
    upsert_fault(world, status=status, skip=2, times=None)
    run = world.run()
    assert run.state is State.FAILED
    assert run.error is not None
    assert run.error.code == code
    assert run.counts["accepted"] == 4
    assert len(world.members()) == 4
    assert set(world.members()) == world.on_list()


def test_batches_in_flight_beside_one_that_fails_are_recorded(world: World) -> None:
    world.land(*PEOPLE[:8])
    upsert_fault(world, status=400, message="something else")
    upsert_fault(world, latency=1.0, times=3)  # they end after the one that fails
    run = world.run()
    assert run.state is State.FAILED
    assert run.counts["accepted"] == 2 * (IN_FLIGHT - 1)
    assert world.requests(UPSERT) == IN_FLIGHT


def test_a_long_pause_ends_the_slice_which_comes_back_when_it_is_over(world: World) -> None:
    world.land(*PEOPLE[:4])
    upsert_fault(world, status=429, headers={"retry-after": "120"})
    started = world.start()
    began = world.now
    world.deliver()
    run = world.load(started.run_id)
    assert (run.state, run.phase, run.slice, run.attempts) == (State.PROCESSING, Phase.SEND, 1, 0)
    world.deliver()
    assert (world.now - began).total_seconds() == pytest.approx(120, abs=2)
    world.work()
    assert world.ended(started.run_id).state is State.SUCCESSFUL
    assert world.on_list() == set(PEOPLE[:4])


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 503, "body": "<html>", "content_type": "text/html"},
        {"drop": "before"},
        {"drop": "after"},
        {"latency": 1.0},
    ],
    ids=str,
)
@pytest.mark.parametrize("times", [1, 4])
def test_what_time_heals_changes_nothing_in_the_end(world: World, fault: dict[str, Any], times: int) -> None:
    world.timeouts = Timeouts(connect=5.0, read=0.4)
    world.land("ada@example.com", REFUSED)
    upsert_fault(world, times=times, **fault)
    run = world.run()
    assert run.state is State.COMPLETED_WITH_WARNINGS
    assert (run.counts["accepted"], run.counts["rejected_by_sendgrid"]) == (1, 1)
    assert world.on_list() == set(world.members()) == {"ada@example.com"}


def test_a_slice_that_is_over_goes_on_at_the_next_batch(world: World) -> None:
    world.change_settings(run_slice_seconds=1)
    world.land(*PEOPLE)
    upsert_fault(world, latency=1.2, times=4)
    started = world.start()
    while not (run := world.load(started.run_id)).progress.done:  # the first slice may be over when the plan is made
        assert world.deliver()
    sent = [batch.state for batch in run.batches].count(BatchState.SENT)
    assert 1 <= sent <= 4
    assert (run.phase, run.progress.done, run.progress.total) == (Phase.SEND, 2 * sent, 12)
    world.work()
    run = world.ended(started.run_id)
    assert run.state is State.SUCCESSFUL
    assert world.requests(UPSERT) == 6
    assert world.on_list() == set(PEOPLE)


def test_failures_between_which_something_is_achieved_do_not_add_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.runs.worker.PATIENCE", 3)
    monkeypatch.setattr("shared.runs.send.IN_FLIGHT", 1)
    world.land(*PEOPLE)
    for skip in range(5):
        upsert_fault(world, status=503, times=4, skip=skip + 1)
    run = world.run()
    assert run.state is State.SUCCESSFUL
    assert run.slice >= 3
    assert world.on_list() == set(PEOPLE)

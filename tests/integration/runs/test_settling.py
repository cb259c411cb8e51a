"""Settling: what SendGrid's jobs say in the end, and who is in the membership because of it."""

from datetime import timedelta

import pytest

from shared.contacts import batches
from shared.runs.record import BatchState, Phase, RunRecord, State
from shared.runs.settle import JOB_LIMIT
from tests.integration.runs.world import UPSERT, World

PEOPLE = {"ada@example.com", "grace@example.com", "hedy@example.com"}


def land(world: World) -> None:
    world.land(*sorted(PEOPLE))


def job_fault(world: World, fate: str) -> None:
    world.sim.fault(route="/v3/marketing/contacts", method="PUT", job=fate)


def test_errored_rows_are_joined_to_their_rows(world: World) -> None:
    land(world)
    world.sim.fail_rows({"grace@example.com": "=error storing contact"})
    run = world.run()
    assert run.state is State.COMPLETED_WITH_WARNINGS
    assert [batch.state for batch in run.batches] == [BatchState.ERRORED]
    assert (run.counts["accepted"], run.counts["rejected_by_sendgrid"]) == (2, 1)
    assert set(world.members()) == world.on_list() == PEOPLE - {"grace@example.com"}
    [line] = world.report(run)
    assert line == {
        "file": "People.csv",
        "row": "2",
        "customer_id": "C2",
        "email": "grace@example.com",
        "stage": "settle",
        "code": "refused_by_sendgrid",
        "message": "'=error storing contact",
    }
    world.sim.fail_rows([])
    assert world.run().counts["upserts"] == 1
    assert world.on_list() == PEOPLE


def test_a_job_that_refuses_every_row_by_name_is_errored(world: World) -> None:
    land(world)
    world.sim.fail_rows(sorted(PEOPLE))
    run = world.run()
    assert [batch.state for batch in run.batches] == [BatchState.ERRORED]
    assert run.counts["rejected_by_sendgrid"] == 3
    assert world.members() == {}


def test_a_failed_job_refuses_its_whole_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MAX_CONTACTS", 2)
    land(world)
    job_fault(world, "failed")
    run = world.run()
    assert run.state is State.COMPLETED_WITH_WARNINGS
    assert sorted(batch.state for batch in run.batches) == [BatchState.COMPLETED, BatchState.FAILED]
    assert {line["code"] for line in world.report(run)} == {"job_failed"}
    assert set(world.members()) == world.on_list()
    assert world.run().counts["upserts"] == run.counts["rejected_by_sendgrid"]
    assert world.on_list() == PEOPLE


def test_a_job_that_never_ends_is_unconfirmed_and_sent_again_next_time(world: World) -> None:
    land(world)
    job_fault(world, "never")
    started = world.start()
    world.deliver()
    world.deliver()
    assert world.load(started.run_id).phase is Phase.SETTLE
    world.now += JOB_LIMIT
    world.work()
    run = world.ended(started.run_id)
    assert (run.state, run.counts["unconfirmed"]) == (State.COMPLETED_WITH_WARNINGS, 3)
    assert world.members() == dict.fromkeys(PEOPLE, False)  # they may be on the list
    assert {line["code"] for line in world.report(run)} == {"unconfirmed"}
    assert world.run().counts["accepted"] == 3
    assert world.members() == dict.fromkeys(PEOPLE, True)


@pytest.mark.parametrize("fate", ["errors_missing", "errors_gone", "errors_garbled"])
def test_errors_that_cannot_be_read_leave_the_batch_unconfirmed(world: World, fate: str) -> None:
    land(world)
    world.sim.fail_rows(["grace@example.com"])
    job_fault(world, fate)
    run = world.run()
    assert [batch.state for batch in run.batches] == [BatchState.UNCONFIRMED]
    assert (run.state, run.counts["unconfirmed"]) == (State.COMPLETED_WITH_WARNINGS, 3)
    world.sim.fail_rows([])
    assert world.run().counts["accepted"] == 3
    assert world.on_list() == PEOPLE


def test_a_file_of_errors_that_is_unreachable_is_asked_for_again(world: World) -> None:
    land(world)
    world.sim.fail_rows(["grace@example.com"])
    world.sim.fault(route="/files/errors/{id}.csv", status=503, times=2)
    run = world.run()
    assert run.counts["rejected_by_sendgrid"] == 1
    assert run.attempts == 0


def test_polling_begins_soon_and_becomes_rarer(world: World) -> None:
    land(world)
    world.hurried = False
    world.sim.configure(job_seconds=3600)
    started = world.start()
    times = []
    for _ in range(12):
        before = world.now
        world.deliver()
        times.append((world.now - before).total_seconds())
    pauses = times[1:]
    assert pauses[0] == pauses[1] == 2
    assert pauses == sorted(pauses)
    assert max(pauses) <= 30
    assert sum(pauses) > 30
    world.hurried = True
    world.work()
    assert world.ended(started.run_id).state is State.SUCCESSFUL


def pending(world: World) -> RunRecord:
    """A run whose one batch was sent and whose job is pending."""
    land(world)
    world.hurried = False
    world.sim.configure(job_seconds=3600)
    started = world.start()
    world.deliver()
    run = world.load(started.run_id)
    assert run.batches[0].state is BatchState.SENT
    world.hurried = True
    return run


def test_a_job_that_sendgrid_does_not_know_yet_is_waited_for(world: World) -> None:
    run = pending(world)
    world.sim.fault(route="/v3/marketing/contacts/imports/{id}", status=404, message="not found", times=3)
    world.work()
    assert world.ended(run.run_id).state is State.SUCCESSFUL


def test_a_settling_run_whose_connection_is_removed_fails_and_keeps_them_as_unconfirmed(world: World) -> None:
    run = pending(world)
    world.services.storage.config.delete("connections/marketing.json")
    world.work()
    run = world.ended(run.run_id)
    assert run.state is State.FAILED
    assert [batch.state for batch in run.batches] == [BatchState.UNCONFIRMED]
    assert world.members() == dict.fromkeys(PEOPLE, False)
    world.put_connection()
    assert world.run().counts["accepted"] == 3


def test_leavers_who_were_never_confirmed_leave_like_any_other(world: World) -> None:
    land(world)
    job_fault(world, "errors_missing")
    world.sim.fail_rows(["ada@example.com"])
    world.run()
    assert not any(world.members().values())
    world.sim.fail_rows([])
    world.land("ada@example.com", "hedy@example.com")
    run = world.run()
    assert run.counts["leavers"] == 1
    assert world.on_list() == {"ada@example.com", "hedy@example.com"}


def test_time_between_slices_does_not_touch_what_is_settled(world: World) -> None:
    run = pending(world)
    world.now += timedelta(hours=1)
    world.work()
    assert world.ended(run.run_id).counts["accepted"] == 3
    assert world.requests(UPSERT) == 1

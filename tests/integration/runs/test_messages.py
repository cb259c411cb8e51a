"""Messages that come twice, late or not at all, and instances that are in each other's way."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from shared.contacts import batches
from shared.contacts.plan import PlanCounts, Planner
from shared.errors import Conflict, LeaseLost
from shared.runs import lease, worker
from shared.runs.lease import held
from shared.runs.messages import Message
from shared.runs.record import Mode, Phase, RunRecord, State
from shared.runs.store import batch_name
from shared.runs.sweep import ORPHAN_AFTER, sweep
from tests.integration.runs.world import UPSERT, World

PEOPLE = ("ada@example.com", "grace@example.com")


@pytest.fixture(autouse=True)
def _landed(world: World) -> None:
    world.land(*PEOPLE)


def waiting_for_jobs(world: World) -> RunRecord:
    """A run that has sent its batch, and whose next message is in the queue."""
    started = world.start()
    world.hurried = False
    world.sim.configure(job_seconds=3600)
    world.deliver()
    world.hurried = True
    run = world.load(started.run_id)
    assert (run.phase, run.slice) == (Phase.SETTLE, 1)
    return run


def message_of(run: RunRecord, *, at: int = 0) -> Message:
    return Message(run_id=run.run_id, export_id=run.export_id, slice=at)


def test_a_message_that_comes_again_after_its_slice_is_dropped(world: World) -> None:
    run = waiting_for_jobs(world)
    before = world.document(run)
    worker.process(world.services, message_of(run, at=0))
    assert world.document(run) == before
    assert [(each.run_id, each.slice) for each in world.messages()] == [(run.run_id, 1)]
    world.work()
    assert world.ended(run.run_id).state is State.SUCCESSFUL
    assert world.requests(UPSERT) == 1


def test_a_message_that_comes_again_after_the_end_changes_nothing(world: World) -> None:
    run = world.run()
    before = world.document(run)
    worker.process(world.services, message_of(run, at=0))
    worker.process(world.services, message_of(run, at=99))
    assert world.document(run) == before
    assert world.messages() == []


def test_two_messages_of_one_slice_become_one_again(world: World) -> None:
    run = waiting_for_jobs(world)
    for _ in range(3):
        world.queue.send(message_of(run, at=1).model_dump_json())
    world.work()
    assert world.ended(run.run_id).counts["accepted"] == 2
    assert world.requests(UPSERT) == 1


def test_the_message_of_a_busy_export_comes_back(world: World) -> None:
    started = world.start()
    with held(world.services.storage.state, "newsletter"):
        world.deliver()
        assert world.load(started.run_id).state is State.QUEUED
    [message] = world.messages()
    assert message == message_of(started).model_copy(update={"delay": worker.BUSY_SECONDS})
    assert world.queue.delays[message.model_dump_json()] == worker.BUSY_SECONDS
    world.work()
    assert world.ended(started.run_id).state is State.SUCCESSFUL


def test_a_lost_lease_is_noticed_by_its_holder(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.02)
    renewed = threading.Event()
    with held(world.services.storage.state, "newsletter") as mine:
        mine.check()
        world.break_lease()
        for _ in range(500):
            try:
                mine.check()
            except LeaseLost:
                break
            renewed.wait(0.02)
        with pytest.raises(LeaseLost):
            mine.check()


def test_an_instance_that_has_lost_its_lease_stops_and_writes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MAX_CONTACTS", 1)
    monkeypatch.setattr("shared.runs.send.IN_FLIGHT", 1)
    started = world.start()
    records: list[object] = []

    def lose(self: lease.Lease) -> None:
        if world.requests(UPSERT):  # from the first batch on
            records.append(world.document(started))
            raise LeaseLost

    with monkeypatch.context() as patch:
        patch.setattr(lease.Lease, "check", lose)
        world.deliver()
    assert world.requests(UPSERT) == 1
    assert world.document(started) == records[0]
    assert world.members() == {}
    world.work()  # its message has come back: nobody else may be there
    assert world.ended(started.run_id).state is State.SUCCESSFUL
    assert world.on_list() == set(PEOPLE)


def test_an_instance_that_loses_its_lease_while_it_plans_leaves_its_successors_plan_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = world.start()
    plan = world.services.runs.plan(started)
    decide = Planner.decide

    def lose(self: lease.Lease) -> None:
        raise LeaseLost

    with monkeypatch.context() as patch:

        def for_too_long(self: Planner, **how: Any) -> PlanCounts:
            counts = decide(self, **how)
            plan.put(batch_name(1), b"the successor's")
            patch.setattr(lease.Lease, "check", lose)
            return counts

        patch.setattr(Planner, "decide", for_too_long)
        world.deliver()
    assert plan.get(batch_name(1)) == b"the successor's"
    world.work()
    assert world.ended(started.run_id).state is State.SUCCESSFUL


def test_an_instance_that_loses_its_lease_while_it_closes_the_books_leaves_the_membership_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = world.start()

    def lose(self: lease.Lease) -> None:
        if world.load(started.run_id).phase is Phase.FINISH:
            raise LeaseLost

    with monkeypatch.context() as patch:
        patch.setattr(lease.Lease, "check", lose)
        world.deliver()
    assert world.load(started.run_id).phase is Phase.FINISH
    assert world.members() == {}
    world.work()
    assert world.ended(started.run_id).state is State.SUCCESSFUL
    assert world.members() == dict.fromkeys(PEOPLE, True)


def test_an_instance_that_was_overtaken_cannot_write_the_record(world: World) -> None:
    run = waiting_for_jobs(world)
    stale, etag = world.services.runs.load(run.run_id)
    world.work()
    with pytest.raises(Conflict):
        world.services.runs.save(stale, etag)
    assert world.ended(run.run_id).state is State.SUCCESSFUL


def test_an_instance_that_meets_a_newer_record_leaves_it_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run = waiting_for_jobs(world)
    real = world.services.runs.load

    def overtaken(run_id: str) -> tuple[RunRecord, str]:
        record, etag = real(run_id)
        world.services.runs.save(record, etag)  # somebody else's checkpoint
        return record, etag

    with monkeypatch.context() as patch:
        patch.setattr(world.services.runs, "load", overtaken)
        world.deliver()
    assert world.load(run.run_id).slice == 1
    assert world.messages()
    world.work()
    assert world.ended(run.run_id).counts["accepted"] == 2


def test_runs_of_one_export_go_one_after_the_other(world: World) -> None:
    first = waiting_for_jobs(world)
    second = world.start(mode=Mode.FULL)
    world.hurried = False
    worker.process(world.services, message_of(second))
    assert world.load(second.run_id).state is State.QUEUED
    world.hurried = True
    world.work()
    done, follower = world.ended(first.run_id), world.ended(second.run_id)
    assert done.ended_at is not None
    assert follower.started_at is not None
    assert done.ended_at <= follower.started_at
    assert follower.counts["updated"] == 2


def test_like_requests_become_one_while_they_wait(world: World) -> None:
    first = world.start()
    assert world.start().run_id == first.run_id
    others = [world.start(mode=Mode.FULL), world.start(dry_run=True), world.start(force=True)]
    assert len({first.run_id, *(run.run_id for run in others)}) == 4
    world.work()
    for run in (first, *others):
        assert world.ended(run.run_id).state in {State.SUCCESSFUL, State.COMPLETED_WITH_WARNINGS}


def test_a_request_like_the_one_under_way_is_not_lost_in_it(world: World) -> None:
    run = waiting_for_jobs(world)
    assert world.start().run_id != run.run_id


def test_a_run_without_a_record_gets_one(world: World) -> None:
    started = world.start()
    world.services.storage.runs.delete(f"newsletter/{started.run_id}/run.json")  # its starter had died before
    world.work()
    assert world.ended(started.run_id).submitted_by == "tester"


def drain(world: World) -> None:
    world.queue.client.clear_messages()


def test_the_sweep_wakes_a_run_that_lost_its_message(world: World) -> None:
    run = waiting_for_jobs(world)
    drain(world)
    sweep(world.services)
    assert world.messages() == []  # it may well be at work
    world.now += ORPHAN_AFTER + timedelta(minutes=1)
    sweep(world.services)
    assert world.messages() == [message_of(run, at=1)]
    world.work()
    assert world.ended(run.run_id).counts["accepted"] == 2


def test_the_sweep_wakes_a_run_whose_starter_died_before_its_message(world: World) -> None:
    started = world.start()
    drain(world)
    world.services.storage.runs.delete(f"newsletter/{started.run_id}/run.json")
    world.now += ORPHAN_AFTER + timedelta(minutes=1)
    sweep(world.services)
    world.work()
    assert world.ended(started.run_id).state is State.SUCCESSFUL


@pytest.mark.parametrize("content", [None, b"{}"], ids=["deleted", "unreadable"])
def test_an_active_run_whose_record_is_gone_does_not_block_its_export(world: World, content: bytes | None) -> None:
    run = waiting_for_jobs(world)
    drain(world)
    name = f"newsletter/{run.run_id}/run.json"
    if content is None:
        world.services.storage.runs.delete(name)
    else:
        world.services.storage.runs.write(name, content)
    following = world.start()
    drain(world)
    sweep(world.services)
    world.work()
    assert world.ended(following.run_id).state is State.SUCCESSFUL


def test_one_export_that_cannot_be_looked_at_does_not_keep_the_sweep_from_the_others(world: World) -> None:
    run = waiting_for_jobs(world)
    drain(world)
    world.services.storage.state.write("broken/turn.json", b"no JSON")
    world.now += ORPHAN_AFTER + timedelta(minutes=1)
    sweep(world.services)
    assert world.messages() == [message_of(run, at=1)]


def test_a_message_for_a_run_that_nobody_asked_for_is_dropped(world: World) -> None:
    worker.process(world.services, Message(run_id="newsletter-20260101T000000Z-abcdef", export_id="newsletter"))
    assert list(world.records()) == []
    assert world.messages() == []

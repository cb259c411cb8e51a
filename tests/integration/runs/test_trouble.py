"""Failures that last, and faults of the app itself: every run ends, and the next one gets its turn."""

import traceback
from collections.abc import Callable
from typing import Any

import pytest

from shared.errors import RunFailed, ServiceUnavailable
from shared.runs import finish, send, worker
from shared.runs.messages import Message
from shared.runs.record import Mode, Phase, RunRecord, State
from shared.runs.services import Services
from shared.runs.slice import Slice
from tests.integration.runs.world import UPSERT, World

SECRET = "ada@example.com is in the text of this error"


@pytest.fixture(autouse=True)
def _landed(world: World) -> None:
    world.put_export(max_shrink_percent=100)
    world.put_on_list("stays@example.com", "leaver@example.com")
    world.land("stays@example.com", "new@example.com")


def fails_in(monkeypatch: pytest.MonkeyPatch, phase: Phase, error: Exception) -> None:
    def fail(_services: Services, _here: Slice) -> None:
        raise error

    monkeypatch.setitem(worker._PHASES, phase, fail)


def start_both(world: World) -> tuple[RunRecord, RunRecord]:
    return world.start(mode=Mode.RECONCILE), world.start(force=True)


def test_patience_is_measured_in_hours(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fails_in(monkeypatch, Phase.PREPARE, ServiceUnavailable("storage is down", code="down", retry_after=1))
    began = world.now
    run = world.run()
    assert run.error is not None
    assert (run.state, run.error.code) == (State.FAILED, "down")
    assert 1 < (world.now - began).total_seconds() / 3600 < 3


@pytest.mark.parametrize("phase", list(Phase))
def test_a_fault_of_the_app_is_tried_again_and_then_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch, phase: Phase
) -> None:
    monkeypatch.setattr(worker, "PATIENCE", 3)
    with monkeypatch.context() as patch:
        fails_in(patch, phase, ValueError(SECRET))
        run = world.run(mode=Mode.RECONCILE)  # which goes through every phase
    assert run.state is State.FAILED
    assert run.error is not None
    assert run.error.code == "internal_error"
    assert run.error.message.startswith("internal error: ValueError at test_trouble.py:")
    assert run.slice >= 2
    assert world.run().state is State.SUCCESSFUL
    assert world.on_list() == set(world.members()) == {"stays@example.com", "new@example.com"}


@pytest.mark.parametrize("phase", list(Phase))
def test_a_fault_that_goes_away_leaves_no_trace(world: World, monkeypatch: pytest.MonkeyPatch, phase: Phase) -> None:
    real = worker._PHASES[phase]
    left = [ValueError(SECRET), ServiceUnavailable("x", code="x", retry_after=5)]

    def fail(services: Services, here: Slice) -> None:
        if left:
            raise left.pop()
        real(services, here)

    monkeypatch.setitem(worker._PHASES, phase, fail)
    run = world.run(mode=Mode.RECONCILE)
    assert (run.state, run.error, run.attempts) == (State.SUCCESSFUL, None, 0)
    assert world.on_list() == set(world.members()) == {"stays@example.com", "new@example.com"}


@pytest.mark.parametrize("phase", list(Phase))
def test_an_error_in_any_phase_ends_the_run_and_lets_the_next_in(
    world: World, monkeypatch: pytest.MonkeyPatch, phase: Phase
) -> None:
    first, second = start_both(world)
    with monkeypatch.context() as patch:
        fails_in(patch, phase, RunFailed("no use", code="no_use", advice="Leave it."))
        while not world.load(first.run_id).state.ended:
            world.deliver()
    run = world.ended(first.run_id)
    assert run.error is not None
    assert (run.state, run.error.code, run.reason) == (State.FAILED, "no_use", "no use")
    world.work()
    assert world.ended(second.run_id).state is State.SUCCESSFUL
    assert world.on_list() == set(world.members()) == {"stays@example.com", "new@example.com"}


def test_a_fault_in_one_batch_leaves_the_others_recorded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.contacts.batches.MAX_CONTACTS", 1)
    world.land("stays@example.com", *(f"new{number}@example.com" for number in range(4)))
    before = world.requests(UPSERT)
    real: Callable[..., Any] = send._send_batch
    faults = [ValueError(SECRET)]

    def fail_once(sendgrid: Any, shelf: Any, list_id: str, number: int, request: bytes) -> Any:
        if number == 1 and faults:
            raise faults.pop()
        return real(sendgrid, shelf, list_id, number, request)

    monkeypatch.setattr(send, "_send_batch", fail_once)
    assert world.run().state is State.SUCCESSFUL
    assert world.requests(UPSERT) - before == 5  # one each, none twice


def test_the_first_error_is_the_one_that_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    started = world.start()
    with monkeypatch.context() as patch:
        fails_in(patch, Phase.SEND, RunFailed("first", code="first"))
        fails_in(patch, Phase.FINISH, RunFailed("second", code="second"))
        while not world.load(started.run_id).state.ended:
            world.deliver()
    run = world.ended(started.run_id)
    assert run.error is not None
    assert (run.error.code, run.state) == ("first", State.FAILED)


def test_a_plan_that_has_gone_ends_the_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    started = world.start()
    world.hurried = False
    world.sim.configure(job_seconds=3600)
    world.deliver()
    world.services.runs.plan(started).clear()
    world.hurried = True
    world.work()
    run = world.ended(started.run_id)
    assert run.state is State.FAILED
    assert run.error is not None
    assert run.error.code == "not_found"
    assert world.run().state is State.SUCCESSFUL


def test_an_instance_that_dies_between_the_end_and_the_next_run_holds_nobody_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = start_both(world)
    with monkeypatch.context() as patch:
        patch.setattr(finish, "let_next_in", lambda *_: None)
        while not world.load(first.run_id).state.ended:
            world.deliver()
    assert world.services.turns.load("newsletter").active == first.run_id
    world.queue.client.clear_messages()
    message = Message(run_id=first.run_id, export_id="newsletter", slice=99)
    worker.process(world.services, message)
    world.work()
    assert world.ended(first.run_id).state is State.SUCCESSFUL
    assert world.ended(second.run_id).state is State.SUCCESSFUL


CAUSES = [ValueError(SECRET), RunFailed("unreadable", code="unreadable")]


@pytest.mark.parametrize("cause", CAUSES, ids=["a fault of ours", "the data"])
def test_what_a_failing_slice_raises_does_not_quote_a_row(
    world: World, monkeypatch: pytest.MonkeyPatch, cause: Exception
) -> None:
    cause.__cause__ = ValueError(SECRET)
    started = world.start()
    fails_in(monkeypatch, Phase.PREPARE, cause)

    def down(*_: object, **__: object) -> None:
        raise ServiceUnavailable("storage is down", code="down", retry_after=1)

    with monkeypatch.context() as patch:
        patch.setattr(world.queue, "send", down)
        patch.setattr(finish, "let_next_in", down)
        with pytest.raises(ServiceUnavailable) as raised:
            world.deliver()
    assert SECRET not in "".join(traceback.format_exception(raised.value))
    assert world.load(started.run_id).phase in {Phase.PREPARE, Phase.FINISH}

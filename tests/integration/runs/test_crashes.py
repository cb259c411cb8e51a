"""An instance dies right after its k-th write, for every k: the run is taken up, and ends as if nothing had been."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import pytest
import requests
from azure.storage.queue import QueueMessage

from shared.contacts import batches, parts
from shared.contacts.plan import Planner
from shared.errors import RunFailed
from shared.runs import worker
from shared.runs.record import Mode, Phase, State
from shared.runs.services import Services
from shared.runs.slice import Slice
from tests.integration.runs.world import World

_READS = frozenset({"GET", "HEAD"})


class Death(BaseException):
    """The process is gone."""


class Mortal:
    """While it acts, every HTTP request after the `last`-th write of this process fails, as it would from the grave."""

    def __init__(self, last: int) -> None:
        self._left = last
        self._lock = threading.Lock()
        self.dead = False

    @contextmanager
    def acting(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        real = requests.Session.request

        def request(session: requests.Session, method: str, *arguments: Any, **options: Any) -> requests.Response:
            with self._lock:
                if self.dead:
                    raise Death
            response = real(session, method, *arguments, **options)
            with self._lock:
                self._left -= method not in _READS
                if self._left <= 0 and method not in _READS:
                    self.dead = True
                    response.close()  # as the death of a process would; it may not have been read
                    raise Death
            return response

        with monkeypatch.context() as patch:
            patch.setattr(requests.Session, "request", request)
            yield


def run_that_has_everything(world: World, monkeypatch: pytest.MonkeyPatch, delivery: str) -> str:
    """A run about to begin: batches to send, a row that is refused at once and one later, leavers, rejects."""
    world.put_export(max_shrink_percent=100, delivery=delivery)
    world.put_on_list("stays@example.com", "leaver@example.com")
    monkeypatch.setattr(batches, "MAX_CONTACTS", 2)
    monkeypatch.setattr(parts, "MAX_CONTACTS", 3)
    world.land("stays@example.com", "new@example.com", "odd@example.c", "bad@example.com", "other@example.com", "x")
    world.sim.fail_rows(["bad@example.com"])
    world.sim.configure(job_seconds=3600)  # until it is hurried, so that the run takes several slices
    return world.start().run_id


def survives(world: World, received: QueueMessage, acting: AbstractContextManager[None] | None = None) -> bool:
    """Whether an instance lives through its work on a message. If not, lease and message come free again."""
    try:
        with acting or nullcontext():
            world.process(received)
    except Death:
        world.break_lease()
        world.queue.client.update_message(received.id, received.pop_receipt, visibility_timeout=0)
        return False
    world.queue.client.delete_message(received)
    return True


def die_and_recover(world: World, monkeypatch: pytest.MonkeyPatch, last: int) -> bool:
    """Let the instance die after `last` writes; the queue delivers its message again. False if it ended before."""
    mortal = Mortal(last)
    while True:
        received = world.queue.client.receive_message(visibility_timeout=300)
        if received is None:
            return False
        world.sim.finish_jobs()
        if not survives(world, received, mortal.acting(monkeypatch)):
            return True


WRITES = 96  # more than the run has
MOST_DEATHS = 40


@pytest.mark.parametrize("delivery", ["upsert", "import"])
@pytest.mark.parametrize("first", range(1, 9))
def test_a_run_whose_instance_dies_ends_as_if_nothing_had_been(
    world: World, monkeypatch: pytest.MonkeyPatch, first: int, delivery: str
) -> None:
    for last in range(first, WRITES, 8):
        world.begin_anew()
        run_id = run_that_has_everything(world, monkeypatch, delivery)
        died = die_and_recover(world, monkeypatch, last)
        settled = world.load(run_id).phase in {Phase.REMOVE, Phase.FINISH}
        world.work()
        run = world.ended(run_id)  # by its messages alone: nobody had to find out that it was stuck
        assert run.state is State.COMPLETED_WITH_WARNINGS, (last, run.error)
        assert world.on_list() == {"stays@example.com", "new@example.com", "other@example.com"}, last
        members = world.members()
        assert {who for who, confirmed in members.items() if confirmed} == world.on_list(), last
        # Nobody knows what became of a refused contact when it was first sent, if the answer was lost with the plan.
        assert {who for who, confirmed in members.items() if not confirmed} <= {"odd@example.c", "bad@example.com"}, (
            last
        )
        counts = run.counts
        assert (counts["accepted"], counts["rejected_by_sendgrid"], counts["unconfirmed"]) == (3, 2, 0), last
        assert (counts["removed"] + counts["not_found"], counts["failed_removals"]) == (1, 0), last
        assert {line["code"] for line in world.report(run)} == {"refused_by_sendgrid", "invalid_email"}
        assert run.delivery == delivery
        if not died or (delivery == "import" and settled):  # from there on all is as with upserts
            return
    pytest.fail("the run has more writes than these")


def test_whom_an_interrupted_plan_was_sent_for_leaves_with_the_plan_that_takes_its_place(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches go out while the plan is being made; the segment may be another by the time it is made again."""
    world.put_export(max_shrink_percent=100)
    world.land("stays@example.com", "gone@example.com")
    run_id = world.start().run_id
    received = world.queue.client.receive_message(visibility_timeout=300)
    assert received
    with monkeypatch.context() as patch:
        patch.setattr(Planner, "write_rows", _die)  # after the batches, before the plan is whole
        with pytest.raises(Death):
            world.process(received)
    world.sim.finish_jobs()
    assert world.on_list() == {"stays@example.com", "gone@example.com"}
    world.land("stays@example.com")
    world.break_lease()
    world.queue.client.update_message(received.id, received.pop_receipt, visibility_timeout=0)
    world.work()
    run = world.ended(run_id)
    assert (run.state, run.counts["leavers"], run.counts["removed"]) == (State.SUCCESSFUL, 1, 1)
    assert world.on_list() == {"stays@example.com"}
    assert world.members() == {"stays@example.com": True}


def test_whom_a_plan_that_never_came_about_was_sent_for_are_members(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.land("new@example.com")
    run_id = world.start().run_id

    def fail(*_: object) -> None:
        raise RunFailed("no use", code="no_use")

    with monkeypatch.context() as patch:
        patch.setattr(Planner, "write_rows", fail)
        world.work()
    run = world.ended(run_id)
    assert run.state is State.FAILED
    assert world.on_list() == {"new@example.com"}
    assert world.members() == {"new@example.com": False}


def deaths_until(world: World, ended: Callable[[], bool]) -> int:
    """Deliver messages until it has ended; gives how many instances died of them."""
    deaths = 0
    while not ended():
        received = world.queue.client.receive_message(visibility_timeout=300)
        assert received
        world.sim.finish_jobs()
        deaths += not survives(world, received)
        assert deaths < MOST_DEATHS, "it does not end"
    return deaths


@pytest.mark.parametrize("phase", list(Phase))
def test_a_run_that_every_instance_dies_of_fails_and_lets_the_next_in(
    world: World, monkeypatch: pytest.MonkeyPatch, phase: Phase
) -> None:
    world.put_export(max_shrink_percent=100)
    world.put_on_list("stays@example.com", "leaver@example.com")
    world.land("stays@example.com", "new@example.com")
    first, second = world.start(mode=Mode.RECONCILE), world.start()
    with monkeypatch.context() as patch:
        patch.setitem(worker._PHASES, phase, _die)
        deaths = deaths_until(world, lambda: world.load(first.run_id).state.ended)
    run = world.ended(first.run_id)
    assert run.error is not None
    assert (run.state, run.error.code, deaths) == (State.FAILED, "process_died", worker.LIVES)
    assert f"phase {phase}" in run.error.message
    world.work()
    assert world.ended(second.run_id).state is State.SUCCESSFUL
    assert world.on_list() == set(world.members()) == {"stays@example.com", "new@example.com"}


def test_batches_that_go_out_before_each_death_do_not_keep_a_run_alive(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.land("new@example.com")
    run_id = world.start().run_id
    with monkeypatch.context() as patch:
        patch.setattr(Planner, "write_rows", _die)  # after the batches, before the plan is whole
        assert deaths_until(world, lambda: world.load(run_id).state.ended) == worker.LIVES
    run = world.ended(run_id)
    assert run.error is not None
    assert (run.state, run.error.code) == (State.FAILED, "process_died")
    assert world.on_list() == {"new@example.com"}
    assert world.members() == {"new@example.com": False}


def test_a_run_that_gets_on_between_deaths_is_not_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put_export(max_shrink_percent=100)
    world.put_on_list("leaver@example.com")
    world.land("new@example.com")
    run_id = world.start(mode=Mode.RECONCILE).run_id
    left = dict.fromkeys(Phase, worker.LIVES - 1)
    real = dict(worker._PHASES)

    def die_or(phase: Phase, services: Services, here: Slice) -> None:
        if left[phase]:
            left[phase] -= 1
            raise Death
        real[phase](services, here)

    for phase in Phase:
        monkeypatch.setitem(worker._PHASES, phase, partial(die_or, phase))
    assert deaths_until(world, lambda: world.load(run_id).state.ended) == len(Phase) * (worker.LIVES - 1)
    run = world.ended(run_id)
    assert (run.state, run.error, run.unfinished) == (State.SUCCESSFUL, None, 0)
    assert world.on_list() == set(world.members()) == {"new@example.com"}


def _die(*_: object) -> None:
    raise Death

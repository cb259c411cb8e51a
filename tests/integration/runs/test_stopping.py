"""Runs that are stopped: by a person, by the platform, by a request that is too large."""

import pytest

from shared.contacts import batches
from shared.runs import send, stopping
from shared.runs.record import RunRecord, State
from shared.runs.store import RunStore
from tests.integration.runs.world import UPSERT, World

PEOPLE = [f"person{number}@example.com" for number in range(4)]


def too_large(world: World, times: int) -> None:
    world.sim.fault(route="/v3/marketing/contacts", method="PUT", status=413, times=times)


def test_a_batch_that_sendgrid_finds_too_large_is_halved_until_it_passes(world: World) -> None:
    too_large(world, 2)
    world.land(*PEOPLE)
    run = world.run()
    assert run.state is State.SUCCESSFUL
    assert sorted(batch.contacts for batch in run.batches) == [1, 1, 2]
    assert world.on_list() == set(world.members()) == set(PEOPLE)
    assert world.requests(UPSERT) == 5


def test_a_single_contact_that_is_too_large_ends_the_run(world: World) -> None:
    too_large(world, 1)
    world.land(PEOPLE[0])
    run = world.run()
    assert run.state is State.FAILED
    assert run.error is not None
    assert world.on_list() == set()


def test_a_run_canceled_before_it_begins_sends_nothing(world: World) -> None:
    world.land(*PEOPLE)
    queued = world.start()
    world.services.runs.cancel(queued.run_id, "an administrator")
    world.work()
    run = world.ended(queued.run_id)
    assert (run.state, run.reason) == (State.CANCELED, "the run was canceled by an administrator")
    assert world.requests(UPSERT) == 0


class _Impatient(RunStore):
    """Somebody cancels the run as soon as the job ids of two of its batches are in the record."""

    def save(self, run: RunRecord, etag: str) -> str:
        saved = super().save(run, etag)
        if sum(batch.job_id is not None for batch in run.batches) == 2:
            self.cancel(run.run_id, "an administrator")
        return saved


def test_a_run_canceled_between_batches_stops_and_keeps_what_was_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MAX_CONTACTS", 1)
    monkeypatch.setattr(send, "IN_FLIGHT", 1)
    monkeypatch.setattr(world.services.runs, "save", _Impatient(world.services.storage).save)
    world.land(*PEOPLE)
    run = world.run()
    assert run.state is State.CANCELED
    # With the end of the second batch is saved that the third begins, and that one goes out.
    assert (run.counts["accepted"], run.counts["unconfirmed"]) == (3, 1)
    assert world.on_list() == set(world.members())
    assert len(world.on_list()) == 3


def test_a_canceled_run_removes_nobody_any_more(world: World) -> None:
    world.put_export(max_shrink_percent=100)
    world.put_on_list("leaver@example.com")
    world.land(*PEOPLE)
    world.sim.configure(job_seconds=3600)  # until it is hurried
    queued = world.start()
    world.deliver()
    world.services.runs.cancel(queued.run_id, "an administrator")
    world.work()
    run = world.ended(queued.run_id)
    assert run.state is State.CANCELED
    assert (run.counts["accepted"], run.counts["removed"], run.counts["failed_removals"]) == (4, 0, 1)
    assert world.on_list() == set(world.members()) == {*PEOPLE, "leaver@example.com"}


def test_a_removal_under_way_is_followed_before_another_export_has_the_list(world: World) -> None:
    world.put_export(max_shrink_percent=100)
    world.put_export("other", segments=["Other"])
    world.put_on_list("moves@example.com", PEOPLE[0])
    world.land(PEOPLE[0])
    world.land("moves@example.com", name="Other.csv")
    first = world.start()
    world.sim.configure(job_seconds=3600)  # until it is hurried
    while not any(portion.job_ids for portion in world.load(first.run_id).removals):
        world.deliver()
    world.hurried = False
    world.services.runs.cancel(first.run_id, "an administrator")
    second = world.start("other")
    for _ in range(4):
        world.deliver()
    assert not world.load(second.run_id).planned
    world.hurried = True
    world.work()
    run = world.ended(first.run_id)
    assert (run.state, run.counts["removed"]) == (State.CANCELED, 1)
    assert world.ended(second.run_id).state is State.SUCCESSFUL
    assert world.on_list() == {PEOPLE[0], "moves@example.com"}


def test_an_instance_that_is_going_away_hands_its_run_on_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.land(*PEOPLE)
    queued = world.start()
    with monkeypatch.context() as going:
        going.setattr(stopping, "asked", lambda: True)
        world.deliver()
        handed_on = world.load(queued.run_id)
        assert (handed_on.state, handed_on.slice) == (State.PROCESSING, 1)
        world.services.storage.state.lease("newsletter/lock", 15).release()  # nobody holds it any more
        assert [message.slice for message in world.messages()] == [1]
        assert world.requests(UPSERT) == 0
    world.work()
    assert world.ended(queued.run_id).state is State.SUCCESSFUL
    assert world.on_list() == set(PEOPLE)


def test_a_removal_that_does_nothing_is_noticed_and_tried_again_next_time(world: World) -> None:
    world.put_export(max_shrink_percent=100)
    world.put_on_list("stays@example.com", "leaver@example.com")
    world.land("stays@example.com")
    world.sim.fault(route="/v3/marketing/lists/{id}/contacts", method="DELETE", job="nothing")
    run = world.run()
    assert run.state is State.COMPLETED_WITH_WARNINGS
    assert (run.counts["removed"], run.counts["failed_removals"]) == (0, 1)
    assert [(line["stage"], line["code"]) for line in world.report(run)] == [("remove", "still_on_list")]
    assert "leaver@example.com" in world.members()
    again = world.run()
    assert again.counts["removed"] == 1
    assert world.on_list() == set(world.members()) == {"stays@example.com"}

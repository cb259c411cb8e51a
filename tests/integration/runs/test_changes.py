"""Documents that change while a run is under way: what was sent is settled, nothing more is sent."""

from collections.abc import Callable

import pytest

from shared.contacts import batches
from shared.runs.record import Phase, RunRecord, State
from tests.integration.runs.world import REMOVAL, UPSERT, World

PEOPLE = [f"person{number}@example.com" for number in range(8)]
LIST_OF_SOMEBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MAX_CONTACTS", 2)
    monkeypatch.setattr("shared.runs.send.IN_FLIGHT", 1)


def half_sent(world: World) -> RunRecord:
    """A run that has sent two batches of four and has to wait for SendGrid."""
    world.land(*PEOPLE)
    world.sim.fault(route="/v3/marketing/contacts", method="PUT", status=429, headers={"retry-after": "60"}, skip=2)
    started = world.start()
    world.deliver()
    run = world.load(started.run_id)
    assert (run.phase, world.requests(UPSERT)) == (Phase.SEND, 3)
    return run


CHANGES: dict[str, Callable[[World], None]] = {
    "consent withdrawn": lambda world: world.put_connection(consent=None),
    "list changed": lambda world: world.put_export(list_id=LIST_OF_SOMEBODY),
    "connection removed": lambda world: world.services.storage.config.delete("connections/marketing.json"),
    "export disabled": lambda world: world.put_export(enabled=False),
    "export removed": lambda world: world.services.storage.config.delete("exports/newsletter.json"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_run_that_is_no_longer_wanted_stops_and_keeps_its_books(world: World, change: str) -> None:
    run = half_sent(world)
    CHANGES[change](world)
    world.work()
    run = world.ended(run.run_id)
    assert run.state is State.CANCELED
    assert run.error is not None
    assert run.error.code == "destination_changed"
    assert run.reason == run.error.message
    assert run.reason.startswith("the run was stopped: ")
    assert world.requests(UPSERT) == 3
    assert len(world.on_list()) == 4
    assert set(world.members()) == world.on_list()
    if change == "connection removed":  # nobody could be asked what became of them
        assert not any(world.members().values())
    else:
        assert run.counts["accepted"] == 4


def test_a_document_that_becomes_invalid_ends_the_run(world: World) -> None:
    run = half_sent(world)
    world.services.storage.config.write("exports/newsletter.json", b"{")
    world.work()
    run = world.ended(run.run_id)
    assert (run.state, run.counts["accepted"]) == (State.FAILED, 4)


def test_a_mapping_that_changes_counts_from_the_next_run_on(world: World) -> None:
    run = half_sent(world)
    world.put_export(mapping={"email": "EMail", "last_name": "FirstName"})
    world.work()
    assert world.ended(run.run_id).state is State.SUCCESSFUL
    assert world.run().counts["upserts"] == 8


def test_consent_that_is_withdrawn_before_the_removal_stops_it(world: World) -> None:
    world.put_export(max_shrink_percent=100)
    world.put_on_list(*PEOPLE)
    world.land("new@example.com")
    world.hurried = False
    world.sim.configure(job_seconds=3600)
    started = world.start()
    world.deliver()
    assert world.load(started.run_id).phase is Phase.SETTLE
    world.put_connection(consent=None)
    world.hurried = True
    world.work()
    run = world.ended(started.run_id)
    assert run.state is State.CANCELED
    assert (run.counts["accepted"], run.counts["failed_removals"]) == (1, 8)
    assert world.requests(REMOVAL) == 0
    assert set(world.members()) == {"new@example.com", *PEOPLE}


def test_the_landing_of_a_canceled_run_is_news_again(world: World) -> None:
    run = half_sent(world)
    assert world.services.turns.load("newsletter").planned
    world.put_export(enabled=False)
    world.work()
    world.ended(run.run_id)
    assert not world.services.turns.load("newsletter").planned

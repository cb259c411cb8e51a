"""Consent that is withdrawn stops whatever could still send somebody's data, wherever it is by then."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from shared.contacts import batches
from shared.runs import start
from shared.runs.record import Mode, Phase, RunRecord, State
from shared.runs.sweep import sweep
from tests.integration.runs.world import REMOVAL, UPSERT, World

PEOPLE = [f"person{number}@example.com" for number in range(6)]
UPLOAD = "PUT /v3/marketing/contacts/imports"


def on_demand(world: World, mode: Mode = Mode.INCREMENTAL, *, dry_run: bool = False) -> RunRecord:
    return world.start(mode=mode, dry_run=dry_run)


def scheduled(world: World) -> RunRecord:
    world.put_export(schedule="*/15 * * * *")
    world.now = datetime(2030, 5, 6, 12, 1, tzinfo=UTC)
    sweep(world.services)
    world.now += timedelta(minutes=15)
    [run] = sweep(world.services)
    return run


def landed(world: World) -> RunRecord:
    [run] = start.segment_landed(world.services, "People.csv")
    return run


WAYS: dict[str, Callable[[World], RunRecord]] = {
    "on demand": on_demand,
    "full": lambda world: on_demand(world, Mode.FULL),
    "reconcile": lambda world: on_demand(world, Mode.RECONCILE),
    "dry run": lambda world: on_demand(world, dry_run=True),
    "scheduled": scheduled,
    "landed": landed,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("queued_before", [True, False], ids=["queued before", "asked for after"])
def test_no_run_of_any_kind_asks_sendgrid_for_anything(world: World, way: str, queued_before: bool) -> None:
    world.land(*PEOPLE)
    if not queued_before:
        world.put_connection(consent=None)
    run = WAYS[way](world)
    world.put_connection(consent=None)
    world.work()
    run = world.ended(run.run_id)
    assert run.state is State.SKIPPED
    assert run.error
    assert run.error.code == "consent_missing"
    assert world.sim.stats()["requests"] == {}


def test_a_run_whose_plan_is_being_made_sends_no_further_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches go out while the rest is being prepared; each is asked about before it goes."""
    monkeypatch.setattr(batches, "MAX_CONTACTS", 1)
    monkeypatch.setattr("shared.runs.send.IN_FLIGHT", 1)
    world.land(*PEOPLE)
    real = world.services.runs.save
    seen: list[int] = []

    def save_and_withdraw(run: RunRecord, etag: str) -> str:
        if not run.planned and sum(batch.begun for batch in run.batches) == 2:
            world.put_connection(consent=None)
            seen.append(run.slice)
        return real(run, etag)

    monkeypatch.setattr(world.services.runs, "save", save_and_withdraw)
    run = world.run()
    assert seen
    assert (run.state, world.requests(UPSERT)) == (State.CANCELED, 2)
    assert len(world.on_list()) == 2
    assert set(world.members()) == world.on_list()


def test_an_import_that_has_not_been_uploaded_stays_here(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.contacts.parts.MAX_CONTACTS", 3)
    monkeypatch.setattr("shared.runs.send.IN_FLIGHT", 1)
    world.put_export(delivery="import")
    world.land(*PEOPLE)
    world.sim.fault(
        route="/v3/marketing/contacts/imports", method="PUT", status=429, headers={"retry-after": "60"}, skip=1
    )
    run_id = world.start().run_id
    world.deliver()
    world.put_connection(consent=None)
    asked = world.requests(UPLOAD)
    world.work()
    run = world.ended(run_id)
    assert run.state is State.CANCELED
    assert world.requests(UPLOAD) == asked
    assert len(world.on_list()) == 3


def test_a_list_that_is_being_read_is_read_no_further(world: World) -> None:
    world.put_on_list(*PEOPLE)
    world.land(*PEOPLE)
    world.hurried = False
    world.sim.configure(job_seconds=3600)
    run_id = world.start(mode=Mode.RECONCILE).run_id
    world.deliver()
    assert world.load(run_id).phase is Phase.READ_LIST
    world.put_connection(consent=None)
    before = world.sim.stats()["requests"]
    world.hurried = True
    world.work()
    run = world.ended(run_id)
    assert (run.state, world.sim.stats()["requests"]) == (State.CANCELED, before)
    assert world.requests(REMOVAL) == 0


def test_given_again_the_next_run_does_what_was_left(world: World) -> None:
    world.land(*PEOPLE)
    world.put_connection(consent=None)
    assert world.run().state is State.SKIPPED
    world.put_connection()
    assert world.run().counts["accepted"] == 6

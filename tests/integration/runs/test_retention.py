"""What is kept, where, and what is left when its time is over: nothing that names anybody outlives its purpose here."""

import os
import tempfile
from datetime import timedelta
from pathlib import Path

from shared.erasures import triggers
from shared.runs import history
from shared.runs.forgetting import KEPT
from shared.runs.lease import held
from shared.runs.record import State
from tests.integration.runs.world import World

ADA, BOB = "ada@example.com", "bob@example.com"


def names_of(world: World, address: str) -> set[str]:
    """The kinds of blobs that hold the address, as text."""
    storage = world.services.storage
    return {
        item.name.rsplit("/", 1)[-1]
        for container in (storage.runs, storage.state, storage.config)
        for item in container.list()
        if address.encode() in container.read(item.name).content
    }


def test_after_a_run_people_are_in_the_membership_and_in_the_report_and_nowhere_else(world: World) -> None:
    world.land(ADA, BOB, ADA)
    run = world.run()
    kept = {item.name for item in world.services.storage.runs.list()}
    assert kept == {f"newsletter/{run.run_id}/run.json", f"newsletter/{run.run_id}/report.csv"}
    state = {item.name for item in world.services.storage.state.list()}
    assert state == {
        "newsletter/lock",
        "newsletter/members.parquet",
        "newsletter/turn.json",
        f"list-{world.list_id}.json",
    }
    assert names_of(world, ADA) - {"members.parquet"} == {"report.csv"}
    assert names_of(world, BOB) - {"members.parquet"} == set()
    assert not list(Path(tempfile.gettempdir()).glob(f"segment-export-{os.getpid()}-*"))


def test_a_run_that_is_skipped_or_canceled_keeps_no_plan_either(world: World) -> None:
    world.land()
    assert world.run().state is State.SKIPPED
    world.land(ADA)
    started = world.start()
    world.services.runs.cancel(started.run_id, "tester")
    world.work()
    assert world.ended(started.run_id).state is State.CANCELED
    assert names_of(world, ADA) == set()


def test_the_app_does_without_what_the_storage_account_has_deleted_for_its_age(world: World) -> None:
    """A lifecycle rule deletes from container runs; who is on the list is known from state alone."""
    world.land(ADA, BOB, ADA)
    old = world.run()
    world.services.storage.runs.delete_all("newsletter/")
    assert names_of(world, ADA) - {"members.parquet"} == set()
    assert history.newest(world.services, count=5) == []
    [standing] = history.standings(world.services, world.services.destinations.exports()[0])
    assert (standing.active, standing.members) == (None, 2)
    run = world.run()
    assert run.run_id != old.run_id
    assert (run.counts["unchanged"], run.counts["upserts"], run.cautions) == (2, 0, [])


def test_who_has_left_the_list_is_forgotten(world: World) -> None:
    world.put_export(max_shrink_percent=100)
    world.land(ADA, BOB)
    world.run()
    world.land(BOB)
    world.run()
    assert world.members() == {BOB: True}
    assert names_of(world, ADA) == set()


def remove_export(world: World) -> None:
    """Its document goes; who is on the list stays there."""
    world.services.storage.config.delete("exports/newsletter.json")


def test_the_membership_of_an_export_that_was_removed_is_forgotten_after_a_while(world: World) -> None:
    world.put_on_list(ADA, BOB)
    triggers.sweep(world.services)
    remove_export(world)
    triggers.sweep(world.services)
    world.now += KEPT - timedelta(hours=1)
    triggers.sweep(world.services)
    assert world.members().keys() == {ADA, BOB}
    world.now += timedelta(hours=2)
    triggers.sweep(world.services)
    assert world.members() == {}
    triggers.sweep(world.services)  # and there is nothing left to forget
    state = {item.name for item in world.services.storage.state.list("newsletter/")}
    assert state <= {"newsletter/lock"}
    assert world.on_list() == {ADA, BOB}


def test_an_export_that_is_made_again_in_time_goes_on_where_it_was(world: World) -> None:
    world.land(ADA, BOB)
    world.run()
    remove_export(world)
    triggers.sweep(world.services)
    world.now += KEPT - timedelta(hours=1)
    world.put_export()
    triggers.sweep(world.services)
    world.now += timedelta(days=2)
    triggers.sweep(world.services)
    assert world.run().counts["unchanged"] == 2
    remove_export(world)  # a second time counts anew
    triggers.sweep(world.services)
    assert world.members().keys() == {ADA, BOB}


def test_an_export_whose_document_is_broken_or_that_rests_is_not_forgotten(world: World) -> None:
    world.put_on_list(ADA)
    world.services.storage.config.write("exports/newsletter.json", b"{")
    for _ in range(2):
        triggers.sweep(world.services)
        world.now += 2 * KEPT
    assert world.members().keys() == {ADA}


def test_a_membership_is_not_forgotten_while_somebody_works_on_it(world: World) -> None:
    world.put_on_list(ADA)
    remove_export(world)
    triggers.sweep(world.services)
    world.now += 2 * KEPT
    with held(world.services.storage.state, "newsletter"):
        triggers.sweep(world.services)
        assert world.members().keys() == {ADA}
    triggers.sweep(world.services)
    assert world.members() == {}

"""The way of a run, from a landed segment to a list that equals it."""

from tests.integration.runs.world import UPSERT, World
from shared.runs.record import State


def test_a_list_follows_its_segment(world: World) -> None:
    world.land("ada@example.com", "grace@example.com")
    run = world.run()
    assert run.state is State.SUCCESSFUL, run.error
    assert world.on_list() == {"ada@example.com", "grace@example.com"}
    world.land("ada@example.com", "hedy@example.com")
    run = world.run()
    assert run.state is State.SUCCESSFUL
    assert world.on_list() == {"ada@example.com", "hedy@example.com"}
    assert run.counts["removed"] == 1

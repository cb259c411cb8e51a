"""An export is given another list: whom it put on the old one says nothing about the new one."""

from shared.runs.record import State
from tests.integration.runs.world import World


def test_everybody_is_sent_to_the_new_list_and_stays_on_the_old_one(world: World) -> None:
    world.land("a@example.com", "b@example.com")
    world.run()
    old, new = world.list_id, world.sim.create_list("Another")
    world.put_export(list_id=new)
    world.land("b@example.com", "c@example.com")
    run = world.run()
    assert (run.state, run.counts["accepted"], run.counts["leavers"]) == (State.SUCCESSFUL, 2, 0)
    world.sim.finish_jobs()
    assert world.sim.addresses(new) == {"b@example.com", "c@example.com"} == set(world.members())
    assert world.sim.addresses(old) == {"a@example.com", "b@example.com"}


def test_from_then_on_the_new_list_is_kept_as_any_other(world: World) -> None:
    world.land("a@example.com")
    world.run()
    new = world.sim.create_list("Another")
    world.put_export(list_id=new, max_shrink_percent=100)
    world.land("a@example.com", "b@example.com")
    world.run()
    world.land("b@example.com")
    run = world.run()
    assert (run.counts["unchanged"], run.counts["removed"]) == (1, 1)
    world.sim.finish_jobs()
    assert world.sim.addresses(new) == {"b@example.com"}


def test_an_export_that_moved_away_holds_nobody_on_the_list_it_left(world: World) -> None:
    world.put_export("other", segments=["Others"], mapping={"email": "EMail"})
    world.land("a@example.com", name="Others.csv")
    world.run("other")
    new = world.sim.create_list("Another")
    world.put_export("other", segments=["Others"], mapping={"email": "EMail"}, list_id=new)
    world.put_export(max_shrink_percent=100)
    world.put_on_list("a@example.com", "b@example.com")
    world.land("b@example.com")
    run = world.run()
    assert (run.counts["removed"], run.counts["kept_by_other_export"]) == (1, 0)
    assert world.on_list() == {"b@example.com"}

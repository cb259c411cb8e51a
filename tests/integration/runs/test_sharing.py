"""Two exports fill one list: they take turns, and nobody falls between them."""

from shared.runs.record import Phase, State
from tests.integration.runs.world import World


def two_at_once(world: World, first: list[str], second: list[str]) -> None:
    """Both exports have work to do at the same time: the other begins while the jobs of the one are pending."""
    world.services.storage.config.delete("exports/newsletter.json")  # the third of the list, in other tests
    world.put_export("one", segments=["One"], max_shrink_percent=100)
    world.put_export("two", segments=["Two"], max_shrink_percent=100)
    world.land(*first, name="One.csv")
    world.land(*second, name="Two.csv")
    world.hurried = False
    world.sim.configure(job_seconds=600)
    one, two = world.start("one"), world.start("two")
    world.deliver()
    world.deliver()
    assert world.load(one.run_id).phase is Phase.SETTLE
    assert not world.load(two.run_id).planned
    world.hurried = True
    world.work()
    assert world.ended(one.run_id).state is world.ended(two.run_id).state is State.SUCCESSFUL


def test_somebody_who_leaves_both_at_once_leaves_the_list(world: World) -> None:
    world.put_on_list("leaver@example.com", "stays@example.com")
    for export_id in ("one", "two"):
        world.add_members("leaver@example.com", "stays@example.com", export_id=export_id)
    two_at_once(world, ["stays@example.com", "a@example.com"], ["stays@example.com", "b@example.com"])
    assert world.on_list() == {"stays@example.com", "a@example.com", "b@example.com"}


def test_somebody_who_goes_from_one_to_the_other_stays_on_the_list(world: World) -> None:
    world.put_on_list("moves@example.com")
    world.add_members("moves@example.com", export_id="one")
    two_at_once(world, ["a@example.com"], ["moves@example.com"])
    world.run("one")
    world.run("two")
    assert world.on_list() == {"a@example.com", "moves@example.com"}
    assert set(world.members("two")) == {"moves@example.com"}


def test_a_run_that_died_holds_the_list_no_longer_than_its_turn(world: World) -> None:
    world.put_export("one", segments=["One"])
    world.put_export("two", segments=["Two"])
    world.land("a@example.com", name="One.csv")
    world.land("b@example.com", name="Two.csv")
    world.sim.fault(status=401, times=None)
    assert world.run("one").state is State.FAILED
    world.sim.clear_faults()
    assert world.run("two").state is State.SUCCESSFUL


def test_a_claim_that_cannot_be_read_is_nobodys(world: World) -> None:
    world.services.storage.state.write(f"list-{world.list_id}.json", b"garbled")
    world.land("a@example.com")
    assert world.run().state is State.SUCCESSFUL
    assert world.on_list() == {"a@example.com"}

"""Two exports fill one list: they take turns, and nobody falls between them."""

import pytest

from shared.runs.record import Caution, Phase, State
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


def one_whose_people_another_has_no_longer(world: World) -> None:
    """Two exports have put the same person on the list; the segment of the one is about to have somebody else."""
    world.put_export("other", segments=["Others"])
    world.land("both@example.com", name="Others.csv")
    world.land("both@example.com")
    world.run("other")
    world.run()
    world.put_export(max_shrink_percent=100)
    world.land("new@example.com")


def test_a_document_that_cannot_be_used_still_keeps_its_people_on_the_list(world: World) -> None:
    one_whose_people_another_has_no_longer(world)
    world.put_export("other", segments=[])
    run = world.run()
    assert (run.state, run.counts["leavers"], run.counts["kept_by_other_export"]) == (State.SUCCESSFUL, 1, 1)
    assert world.on_list() == {"both@example.com", "new@example.com"}


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"list_id": "x"}', b"[]" + b" " * 300_000], ids=len)
def test_while_nobody_knows_which_list_a_document_means_nobody_is_taken_off(world: World, content: bytes) -> None:
    one_whose_people_another_has_no_longer(world)
    world.services.storage.config.write("exports/other.json", content)
    world.services.storage.config.write("exports/never-ran.json", content)
    run = world.run()
    assert (run.state, run.cautions) == (State.COMPLETED_WITH_WARNINGS, [Caution.OTHER_MEMBERSHIP_UNKNOWN])
    assert world.on_list() == set(world.members()) == {"both@example.com", "new@example.com"}
    world.put_export("other", segments=["Others"])
    assert world.run().counts["kept_by_other_export"] == 1


def test_a_document_that_cannot_be_used_and_has_put_nobody_anywhere_keeps_nobody(world: World) -> None:
    one_whose_people_another_has_no_longer(world)
    world.services.storage.config.delete("exports/other.json")
    world.services.storage.config.write("exports/never-ran.json", b"{")
    assert world.run().state is State.SUCCESSFUL
    assert world.on_list() == {"new@example.com"}

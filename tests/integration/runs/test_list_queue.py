"""Many exports fill one list at once: who asked first is served first, and nobody waits for a run that is no more."""

from shared.runs import claim, messages
from shared.runs.messages import Message
from shared.runs.record import RunRecord, State
from tests.integration.runs.world import World

NAMES = ("one", "two", "three", "four")


def queue_up(world: World) -> list[RunRecord]:
    """Four exports of the list, a run each: the first holds the list, and the others have asked for it, in order."""
    world.services.storage.config.delete("exports/newsletter.json")
    for name in NAMES:
        world.put_export(name, segments=[name.title()])
        world.land(f"{name}@example.com", name=f"{name.title()}.csv")
    world.hurried = False
    world.sim.configure(job_seconds=600)
    runs = [world.start(name) for name in NAMES]
    for _ in runs:
        world.deliver()
    assert [world.load(run.run_id).planned for run in runs] == [True, False, False, False]
    world.hurried = True
    world.sim.configure(job_seconds=0)
    return runs


def see_through(world: World, runs: list[RunRecord]) -> list[str]:
    """Work until no message is left. Gives the exports whose runs were successful, in the order of their ends."""
    ended: list[str] = []
    while world.deliver():
        states = {run.export_id: world.load(run.run_id).state for run in runs}
        ended += [name for name, state in states.items() if state is State.SUCCESSFUL and name not in ended]
    return ended


def wake_only(world: World, run: RunRecord) -> None:
    """Of all messages only one for this run is left: the others have to be woken up."""
    world.queue.client.clear_messages()
    at = world.load(run.run_id).slice
    messages.send(world.queue, Message(run_id=run.run_id, export_id=run.export_id, slice=at))


def test_the_list_is_handed_on_in_the_order_of_asking(world: World) -> None:
    runs = queue_up(world)
    wake_only(world, runs[0])
    assert see_through(world, runs) == list(NAMES)
    assert world.on_list() == {f"{name}@example.com" for name in NAMES}


def test_somebody_who_has_just_come_does_not_overtake(world: World) -> None:
    runs = queue_up(world)
    wake_only(world, runs[0])
    world.put_export("five", segments=["One"])
    runs.append(world.start("five"))
    assert see_through(world, runs) == [*NAMES, "five"]


def test_a_run_that_was_canceled_while_it_waited_keeps_nobody_waiting(world: World) -> None:
    runs = queue_up(world)
    world.services.runs.cancel(runs[1].run_id, "somebody")
    assert set(see_through(world, runs)) == {"one", "three", "four"}
    assert world.ended(runs[1].run_id).state is State.CANCELED


def test_a_list_that_nobody_handed_on_is_handed_on_by_whoever_asks(world: World) -> None:
    runs = queue_up(world)
    turns = world.services.turns
    turns.change("one", lambda turn: setattr(turn, "active", None))  # its instance died right after this
    wake_only(world, runs[3])
    assert see_through(world, runs) == ["two", "three", "four"]


def test_an_export_that_waits_for_its_list_has_sent_nothing(world: World) -> None:
    runs = queue_up(world)
    assert world.sim.stats()["contacts"] == 1
    for run in runs[1:]:
        record = world.load(run.run_id)
        assert (record.attempts, record.batches, record.error) == (0, [], None)
    claim.hand_on(world.services, world.list_id)  # changes nothing while the first is at work
    see_through(world, runs)
    assert world.on_list() == {f"{name}@example.com" for name in NAMES}

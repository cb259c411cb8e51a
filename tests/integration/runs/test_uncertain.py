"""SendGrid may have taken a batch whose answer nobody has seen: its people are known, whatever becomes of the run."""

import pytest

from shared.runs.record import State
from tests.integration.runs.world import World

UPSERT = {"route": "/v3/marketing/contacts", "method": "PUT"}


def cancel_after_one_slice(world: World) -> str:
    world.land("taken@example.com", "also@example.com")
    run_id = world.start().run_id
    world.deliver()
    world.services.runs.cancel(run_id, "a person")
    world.sim.clear_faults()
    world.work()
    assert world.ended(run_id).state is State.CANCELED
    return run_id


def test_a_batch_whose_answer_was_lost_counts_as_unconfirmed_when_the_run_is_canceled(world: World) -> None:
    world.sim.fault(**UPSERT, drop="after", times=None)
    run_id = cancel_after_one_slice(world)
    assert world.load(run_id).counts["unconfirmed"] == 2
    assert {line["code"] for line in world.report(world.load(run_id))} == {"unconfirmed"}
    assert world.members() == dict.fromkeys(world.on_list(), False) != {}
    world.land("other@example.com")
    world.run(force=True)
    assert world.on_list() == set(world.members()) == {"other@example.com"}


@pytest.mark.parametrize("fault", [{"status": 429, "headers": {"retry-after": "60"}}, {"drop": "before"}])
def test_a_batch_that_was_refused_for_now_may_be_told_from_one_that_was_lost(
    world: World, fault: dict[str, object]
) -> None:
    world.sim.fault(**UPSERT, **fault, times=None)
    run_id = cancel_after_one_slice(world)
    certain = "status" in fault
    assert {line["code"] for line in world.report(world.load(run_id))} == {"not_sent" if certain else "unconfirmed"}
    assert set(world.members()) == (set() if certain else {"taken@example.com", "also@example.com"})
    assert not world.on_list()

"""Many exports and runs at once, on one account with SendGrid's limits on: nobody starves, and nothing is lost."""

import bisect

from tests.system.load import Load, Outcome, measure

UPSERT = "PUT /v3/marketing/contacts"


def assert_all_is_well(outcome: Outcome, load: Load) -> None:
    assert set(outcome.states) == {"successful"}, str(outcome)
    assert (outcome.missing, outcome.strangers) == (0, 0), str(outcome)
    assert len(outcome.runs) >= load.runs


def test_an_instance_alone_never_meets_a_429() -> None:
    load = Load(exports=4, shared=2, runs=12, hosts=1, people=10, window=6.0, upserts=2, others=30, patience=300)
    outcome = measure(load)
    assert_all_is_well(outcome, load)
    assert outcome.refused == 0
    assert outcome.held_back > 0


def test_instances_that_share_an_account_heed_the_429s_that_each_causes_the_other() -> None:
    load = Load(exports=6, shared=3, runs=18, hosts=2, people=10, window=4.0, upserts=3, others=30, patience=300)
    outcome = measure(load)
    assert_all_is_well(outcome, load)
    assert outcome.requests[UPSERT]["202"] >= load.exports
    for times in outcome.refused_at.values():
        # Each instance may be surprised once a window; a span as long as a window touches two of them.
        most = max(bisect.bisect(times, at + load.window) - place for place, at in enumerate(times))
        assert most <= 2 * load.hosts, str(outcome)

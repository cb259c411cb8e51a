"""One person is erased: from memberships and reports, at SendGrid if asked for, whatever else goes on at the time."""

import json
from collections.abc import Callable
from itertools import count
from types import SimpleNamespace

import pytest
import requests

from shared.erasures import triggers, worker
from shared.erasures.record import Erasure, ErasureState, ErasureStore, Found
from shared.erasures.start import ErasureMessage, start
from shared.runs.record import Phase, State
from shared.runs.sweep import ORPHAN_AFTER
from shared.runs.worker import LIVES
from tests.integration.runs.test_crashes import Death, deaths_until, die_and_recover
from tests.integration.runs.world import KEY, UPSERT, World

ADA, BOB, EVE = "ada@example.com", "bob@example.com", "eve@example.com"
DELETION = "DELETE /v3/marketing/contacts"


@pytest.fixture
def store(world: World) -> ErasureStore:
    return ErasureStore(world.services.storage.state)


def erase(world: World, address: str = ADA, *, delete_contact: bool = False) -> Erasure:
    """Ask for it, see it through, and look at what it leaves."""
    erasure_id = start(world.services, address, by="tester", delete_contact=delete_contact).erasure_id
    world.work()
    return ended(world, erasure_id)


def ended(world: World, erasure_id: str) -> Erasure:
    """The record of an erasure that has ended and that left nothing behind which names anybody."""
    store = ErasureStore(world.services.storage.state)
    erasure = store.load(erasure_id)[0]
    assert erasure.state.ended
    assert erasure.ended_at
    assert not list(store.open())
    for item in world.services.storage.state.list():
        if item.name.endswith(".json"):
            assert "@" not in world.services.storage.state.read(item.name).content.decode()
    return erasure


def remaining(erasure: Erasure) -> list[str]:
    return [each.code for each in erasure.remaining]


def everything_about(world: World, address: str = ADA) -> list[str]:
    """Where the address is in what the app keeps."""
    storage = world.services.storage
    found = [
        item.name
        for container in (storage.runs, storage.state)
        for item in container.list()
        if address.encode() in container.read(item.name).content
    ]
    return found + (["membership"] if address in world.members() else [])


def test_a_person_is_taken_out_of_the_membership_and_of_the_reports(world: World) -> None:
    world.land(ADA, BOB, ADA.upper(), "x")
    runs = [world.run(), world.run(mode="full")]
    world.land(BOB)
    world.put_export(removal="none")  # so that it is the erasure that takes her out, not a run
    erasure = erase(world)
    assert erasure.state is ErasureState.COMPLETED_WITH_WARNINGS
    assert remaining(erasure) == ["still_at_sendgrid"]
    [part] = erasure.exports
    assert (part.export_id, part.was_member, part.lines) == ("newsletter", True, 2)
    assert part.runs == sorted(run.run_id for run in runs)
    assert everything_about(world) == []
    assert world.members() == {BOB: True}
    for run in runs:
        assert [line["email"] for line in world.report(run)] == ["x"]
    assert world.on_list() == {ADA, BOB}


def test_at_sendgrid_the_contact_goes_and_no_other(world: World) -> None:
    world.land(ADA, BOB)
    world.run()
    world.land(BOB)
    erasure = erase(world, " Ada@Example.com ", delete_contact=True)
    assert (erasure.state, remaining(erasure)) == (ErasureState.COMPLETED, [])
    [part] = erasure.accounts
    assert (part.connection_id, part.found, part.deleted) == ("marketing", Found.PERSON, True)
    assert world.on_list() == {BOB}
    assert world.requests(DELETION) == 1
    assert world.run().counts["leavers"] == 0


def test_whom_a_segment_still_holds_the_next_run_would_bring_back_and_the_record_says_so(world: World) -> None:
    world.put_export("other", segments=["Other"], only_where={"FirstName": ["nobody"]})
    world.land(ADA, BOB)
    world.land(ADA, name="Other.csv")
    world.run()
    erasure = erase(world, delete_contact=True)
    assert remaining(erasure) == ["still_in_segment"]
    assert "segment People" in erasure.remaining[0].message
    assert "export newsletter" in erasure.remaining[0].message
    assert [(part.segment, part.found) for part in erasure.segments] == [
        ("People", Found.PERSON),
        ("Other", Found.NOTHING),  # no row of it passes, so no run brings her back from there
    ]
    world.run()
    assert world.on_list() == {ADA, BOB}


def test_a_segment_that_cannot_be_read_may_hold_the_person(world: World) -> None:
    world.land_bytes("People.parquet", b"PAR1 nothing")
    assert remaining(erase(world)) == ["segment_unreadable"]


def test_who_is_nowhere_is_erased_all_the_same(world: World) -> None:
    erasure = erase(world, delete_contact=True)
    assert (erasure.state, erasure.exports) == (ErasureState.COMPLETED, [])
    assert [(part.found, part.deleted) for part in erasure.accounts] == [(Found.NOTHING, False)]
    assert world.requests(DELETION) == 0


def test_a_run_under_way_is_waited_for_and_loses_nothing(world: World, store: ErasureStore) -> None:
    world.land(ADA, BOB, ADA)
    world.hurried = False
    world.sim.configure(job_seconds=3600)
    run_id = world.start().run_id
    world.deliver()
    assert world.load(run_id).phase is Phase.SETTLE
    world.land(BOB)
    erasure_id = start(world.services, ADA, by="tester", delete_contact=True).erasure_id
    for _ in range(4):
        world.deliver()
    waiting = store.load(erasure_id)[0]
    assert (waiting.state, waiting.exports[0].waits_for) == (ErasureState.PROCESSING, run_id)
    assert world.requests(DELETION) == 0
    world.hurried = True
    world.work()
    run = world.load(run_id)
    assert (run.state, run.counts["accepted"]) == (State.SUCCESSFUL, 2)
    assert ended(world, erasure_id).state is ErasureState.COMPLETED
    assert everything_about(world) == []
    assert world.members() == {BOB: True}
    assert world.on_list() == {BOB}


def test_an_export_that_another_instance_works_on_is_waited_for(world: World) -> None:
    from shared.runs.lease import held

    world.put_on_list(ADA, BOB)
    erasure_id = start(world.services, ADA, by="tester").erasure_id
    with held(world.services.storage.state, "newsletter"):
        world.deliver()
        assert ADA in world.members()
    world.work()
    assert ended(world, erasure_id).exports[0].was_member


@pytest.mark.parametrize("first", range(1, 5))
def test_an_instance_may_die_after_any_write(world: World, monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    world.sim.configure(job_seconds=3600)
    world.land(BOB)
    for last in count(first, 4):
        world.begin_anew()
        world.put_on_list(ADA, BOB)
        put_report(world)
        erasure_id = start(world.services, ADA, by="tester", delete_contact=True).erasure_id
        died = die_and_recover(world, monkeypatch, last)
        world.work()
        assert ended(world, erasure_id).state is ErasureState.COMPLETED, last
        assert everything_about(world) == [], last
        assert (world.members(), world.on_list()) == ({BOB: True}, {BOB}), last
        if not died:
            return


def test_an_erasure_that_every_instance_dies_of_fails_and_forgets_whom_it_was_about(
    world: World, store: ErasureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put_on_list(ADA, BOB)
    world.land(BOB)
    erasure_id = start(world.services, ADA, by="tester").erasure_id

    def die(*_: object) -> None:
        raise Death

    monkeypatch.setattr("shared.erasures.segments.look", die)
    deaths = deaths_until(world, lambda: store.load(erasure_id)[0].state.ended)
    erasure = ended(world, erasure_id)
    assert erasure.error is not None
    assert (erasure.state, erasure.error.code, deaths) == (ErasureState.FAILED, "process_died", LIVES)
    assert everything_about(world) == []  # what came before is done
    assert "still_at_sendgrid" in remaining(erasure)


def put_report(world: World) -> None:
    """A report that names her, of a run long ago."""
    line = f"People.csv,3,C3,{ADA},prepare,duplicate,twice"
    content = f"file,row,customer_id,email,stage,code,message\n{line}\n".encode()
    world.services.storage.runs.write("newsletter/newsletter-20200101T000000Z-abcdef/report.csv", content)


def test_asked_for_twice_while_it_is_under_way_it_is_the_same(world: World) -> None:
    world.land(ADA)
    world.run()
    first = start(world.services, ADA, by="tester")
    assert start(world.services, " ADA@example.com", by="another").erasure_id == first.erasure_id
    assert start(world.services, BOB, by="tester").erasure_id != first.erasure_id
    assert start(world.services, ADA, by="tester", delete_contact=True).erasure_id != first.erasure_id
    world.work()
    again = erase(world)
    assert again.erasure_id != first.erasure_id
    assert not again.exports[0].was_member


def test_messages_may_come_twice_and_late(world: World, store: ErasureStore) -> None:
    world.put_on_list(ADA, BOB)
    erasure = erase(world, delete_contact=True)
    for number in (0, 1, 7):
        worker.process(world.services, ErasureMessage(erasure_id=erasure.erasure_id, slice=number))
    assert store.load(erasure.erasure_id)[0] == erasure
    assert world.requests(DELETION) == 1


def test_without_consent_nothing_is_exported_and_people_can_still_be_deleted(world: World) -> None:
    world.put_on_list(ADA, BOB)
    world.put_connection(consent=None)
    sent = world.requests(UPSERT)
    world.land(BOB)
    erasure = erase(world, delete_contact=True)
    assert erasure.state is ErasureState.COMPLETED
    assert world.run().state is State.SKIPPED
    assert world.on_list() == {BOB}
    assert world.requests(UPSERT) == sent


FAULTS: dict[str, tuple[Callable[[World], object], str]] = {
    "the key may not": (
        lambda world: world.sim.fault(route="/v3/marketing/contacts/search/emails", method="POST", status=403),
        "key_forbidden",
    ),
    "the job fails": (
        lambda world: world.sim.fault(route="/v3/marketing/contacts", method="DELETE", job="failed"),
        "deletion_failed",
    ),
    "the job does nothing": (
        lambda world: world.sim.fault(route="/v3/marketing/contacts", method="DELETE", job="nothing"),
        "still_there",
    ),
    "the document is broken": (
        lambda world: world.services.storage.config.write("connections/marketing.json", b"{"),
        "invalid_document",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_deleted_is_named_and_stops_nothing_else(world: World, fault: str) -> None:
    world.put_on_list(ADA, BOB)
    world.land(BOB)
    make, code = FAULTS[fault]
    make(world)
    erasure = erase(world, delete_contact=True)
    assert erasure.state is ErasureState.COMPLETED_WITH_WARNINGS
    assert remaining(erasure) == [code]
    assert erasure.remaining[0].advice
    assert not erasure.accounts[0].deleted
    assert everything_about(world) == []


def test_a_deletion_that_never_ends_is_given_up(world: World) -> None:
    world.put_on_list(ADA, BOB)
    world.land(BOB)
    world.sim.fault(route="/v3/marketing/contacts", method="DELETE", job="never")
    erasure_id = start(world.services, ADA, by="tester", delete_contact=True).erasure_id
    world.work_for_hours(3)
    assert remaining(ended(world, erasure_id)) == ["deletion_failed"]


def test_a_contact_that_only_has_the_address_beside_its_own_is_left_to_people(world: World) -> None:
    contact = {"email": EVE, "alternate_emails": [ADA]}
    answer = requests.put(
        f"{world.sim.url}/v3/marketing/contacts",
        json={"contacts": [contact]},
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=30,
    )
    answer.raise_for_status()
    world.sim.finish_jobs()
    erasure = erase(world, delete_contact=True)
    assert remaining(erasure) == ["alternate_address"]
    assert world.requests(DELETION) == 0


def test_sendgrid_may_be_down_for_a_while(world: World) -> None:
    world.put_on_list(ADA, BOB)
    world.land(BOB)
    world.sim.fault(route="/v3/marketing/contacts", method="DELETE", times=12, status=503)
    assert erase(world, delete_contact=True).state is ErasureState.COMPLETED
    assert world.on_list() == {BOB}


def test_an_erasure_that_meets_too_many_failures_ends_and_forgets_whom_it_was_about(world: World) -> None:
    world.land(ADA)
    world.run()
    world.sim.fault(route="/v3/marketing/contacts/search/emails", method="POST", times=None, status=503)
    erasure = erase(world, delete_contact=True)
    assert erasure.state is ErasureState.FAILED
    assert erasure.error
    assert erasure.error.code == "sendgrid_unavailable"
    assert erasure.exports[0].was_member
    assert everything_about(world) == []


def test_a_damaged_membership_is_named(world: World) -> None:
    world.land(ADA, BOB)
    world.run()
    world.services.storage.state.write("newsletter/members.parquet", b"PAR1 nothing")
    assert "membership_unreadable" in remaining(erase(world))


def test_a_state_that_cannot_be_read_is_named(world: World) -> None:
    world.land(ADA, BOB)
    world.run()
    world.services.storage.state.write("newsletter/turn.json", b"{")
    assert "invalid_state" in remaining(erase(world))


def test_many_reports_take_several_slices_and_none_is_passed_over(
    world: World, monkeypatch: pytest.MonkeyPatch, store: ErasureStore
) -> None:
    world.land(ADA, BOB, ADA)
    for _ in range(3):
        world.run(mode="full")
    ticks = count(step=90)  # so that a slice has time for one report
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    erasure_id = start(world.services, ADA, by="tester").erasure_id
    world.deliver()
    part = store.load(erasure_id)[0].exports[0]
    assert 0 < len(part.runs) < 3
    put_report(world)  # of a run that was queued before the others, and ends only now
    world.work()
    part = ended(world, erasure_id).exports[0]
    assert (len(part.runs), part.lines) == (4, 4)
    assert everything_about(world) == []


def test_a_plan_that_was_left_behind_goes(world: World) -> None:
    world.land(ADA, BOB)
    run = world.run()
    name = f"newsletter/{run.run_id}/plan/upserts/00001.ndjson"
    world.services.storage.runs.write(name, json.dumps({"email": ADA}).encode())
    erase(world)
    assert everything_about(world) == []


def test_an_erasure_that_lost_its_message_is_woken_up(world: World, store: ErasureStore) -> None:
    world.put_on_list(ADA, BOB)
    erasure_id = start(world.services, ADA, by="tester").erasure_id
    world.queue.client.clear_messages()
    triggers.sweep(world.services)
    assert world.deliver() is None
    world.now += 2 * ORPHAN_AFTER
    triggers.sweep(world.services)
    world.work()
    assert ended(world, erasure_id).exports[0].was_member


def test_a_subject_without_a_record_is_forgotten(world: World, store: ErasureStore) -> None:
    erasure_id = start(world.services, ADA, by="tester").erasure_id
    world.services.storage.state.delete(f"erasure-{erasure_id}.json")
    world.work()
    assert list(store.open())
    world.now += 2 * ORPHAN_AFTER
    triggers.sweep(world.services)
    assert not list(store.open())


def test_the_membership_keeps_its_list_and_counts_anew(world: World) -> None:
    world.land(ADA, BOB)
    world.run()
    erase(world)
    assert world.services.runs.count_members("newsletter", world.list_id) == 1
    world.land(BOB)
    assert world.run().counts["unchanged"] == 1

"""Imports: the same people and values on the list as upserts bring, and the same accounting."""

import json
from typing import Any

import pytest

from local.sendgrid.control import SimulatedSendGrid
from shared.contacts import parts
from shared.runs import delivery
from shared.runs.record import BatchKind, BatchState, Mode, Phase, RunRecord, State
from shared.runs.settle import JOB_LIMIT
from tests.integration.runs.world import KEY, UPSERT, World

IMPORT = "PUT /v3/marketing/contacts/imports"
UPLOAD = "PUT /files/uploads/{id}"
PEOPLE = {"ada@example.com", "grace@example.com", "hedy@example.com"}


@pytest.fixture
def importing(world: World) -> World:
    """A world whose export wants imports."""
    world.put_export(delivery="import")
    return world


def land(world: World) -> None:
    world.land(*sorted(PEOPLE))


def plain(members: dict[str, Any]) -> dict[str, Any]:
    """What people would see of contacts: no ids, no times."""
    own = ("first_name", "last_name", "country", "city", "custom_fields")
    return {address: {name: contact.get(name) for name in own} for address, contact in members.items()}


HOSTILE = (
    ("Plain", "5", "2024-01-02"),
    (" Ňe\u200bat\u00a0", "0.25", "2024-12-31"),
    ("Comma, Inc.", "10", "1999-02-28"),
    ("='formula", "7.1", "2024-01-02T00:00:00Z"),
    ("x" * 60, "1234567", "2024-01-02T02:00:00+02:00"),
    ('quo"te', "1", "2024-01-02"),
    ("back\\slash", "1", "2024-01-02"),
    ("line\nbreak", "1", "2024-01-02"),
    ("", "1", "2024-01-02"),
    ("Negative", "-5", "2024-01-02"),
    ("Precise", "1.005", "2024-01-02"),
    ("Huge", "1e30", "2024-01-02"),
    ("Not a number", "five", "2024-01-02"),
    ("Time", "1", "2024-01-02T10:30:00Z"),
    ("Day first", "1", "31/12/2024"),
    ("Early", "1", "0099-01-02"),
    ("NULL", "1", "2024-01-02"),
)


def land_hostile(world: World, first_name: str = "") -> None:
    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    rows = [
        [f"P{i}", f"p{i}@example.com", first_name or name, number, date]
        for i, (name, number, date) in enumerate(HOSTILE)
    ]
    text = "\n".join(
        ",".join(map(cell, row)) for row in [["CustomerId", "EMail", "FirstName", "Points", "Born"], *rows]
    )
    world.land_bytes("People.csv", text.encode())


def export_hostile(world: World, **more: Any) -> tuple[RunRecord, dict[str, Any]]:
    fields = {"points": "Points", "born": "Born"}
    world.put_export(mapping={"email": "EMail", "first_name": "FirstName", "custom_fields": fields}, **more)
    land_hostile(world)
    run = world.run()
    world.sim.finish_jobs()
    return run, plain(world.sim.members(world.list_id))


@pytest.mark.parametrize("clear_empty", [False, True])
def test_an_import_delivers_what_upserts_deliver(world: World, sim: SimulatedSendGrid, clear_empty: bool) -> None:
    sim.define_field("points", "Number")
    sim.define_field("born", "Date")
    by_upsert, upserted = export_hostile(world, delivery="upsert", clear_empty=clear_empty)
    sim.reset()
    sim.add_key(KEY)
    sim.define_field("points", "Number")
    sim.define_field("born", "Date")
    world.begin_anew()
    by_import, imported = export_hostile(world, delivery="import", clear_empty=clear_empty)
    assert imported == upserted
    assert len(imported) == len(HOSTILE)
    assert by_import.counts == by_upsert.counts
    assert by_import.warnings == by_upsert.warnings
    assert {batch.kind: batch.contacts for batch in by_import.batches} == {BatchKind.IMPORT: 6, BatchKind.UPSERT: 11}
    assert by_import.not_importable == {"empty_value": 3, "number": 3, "date": 2, "text": 3}
    assert (by_upsert.delivery, by_import.delivery) == (BatchKind.UPSERT, BatchKind.IMPORT)


def test_a_file_is_one_job_on_the_list_and_leaves_the_other_fields_alone(importing: World) -> None:
    land(importing)
    run = importing.run()
    [batch] = run.batches
    assert (batch.kind, batch.state, batch.contacts) == (BatchKind.IMPORT, BatchState.COMPLETED, 3)
    assert (batch.created, batch.updated, run.counts["accepted"]) == (3, 0, 3)
    assert (importing.requests(IMPORT), importing.requests(UPLOAD), importing.requests(UPSERT)) == (1, 1, 0)
    assert importing.on_list() == PEOPLE
    assert importing.members() == dict.fromkeys(PEOPLE, True)
    assert (run.delivery, run.delivery_reason) == (BatchKind.IMPORT, "configured")
    assert run.upload_hosts == ["127.0.0.1"]
    assert importing.run().counts["upserts"] == 0


def test_many_contacts_are_several_jobs(importing: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MAX_CONTACTS", 2)
    land(importing)
    run = importing.run()
    assert sorted(batch.contacts for batch in run.batches) == [1, 2]
    assert run.upload_hosts == ["127.0.0.1"]
    assert importing.on_list() == PEOPLE


def test_auto_imports_what_is_large(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "AUTO_ABOVE", 2)
    land(world)
    run = world.run()
    assert (run.delivery, run.delivery_reason) == (BatchKind.IMPORT, "many_contacts")
    world.land(*sorted(PEOPLE), "more@example.com")
    run = world.run()
    assert (run.delivery, run.delivery_reason) == (BatchKind.UPSERT, "few_contacts")
    assert world.run().delivery is None  # there is nothing to send
    world.put_connection(region="eu")
    run = world.run(mode=Mode.FULL)
    assert (run.delivery, run.delivery_reason) == (BatchKind.UPSERT, "eu_region")
    assert world.requests(IMPORT) == 1


def test_contacts_that_csv_cannot_carry_go_by_upserts(importing: World) -> None:
    importing.land(*sorted(PEOPLE), first_name="")
    run = importing.run()
    assert (run.delivery, run.delivery_reason) == (BatchKind.UPSERT, "not_importable")
    assert run.not_importable == {"empty_value": 3}
    assert (importing.requests(IMPORT), importing.requests(UPSERT)) == (0, 1)
    assert importing.on_list() == PEOPLE


def test_a_dry_run_tells_the_way_and_sends_nothing(importing: World) -> None:
    land(importing)
    run = importing.run(dry_run=True)
    assert run.delivery is BatchKind.IMPORT
    assert importing.requests(IMPORT, UPLOAD, UPSERT) == 0


def test_refused_rows_are_joined_to_their_rows(importing: World) -> None:
    land(importing)
    importing.sim.fail_rows(["grace@example.com", "stranger@example.com"])
    run = importing.run()
    assert [batch.state for batch in run.batches] == [BatchState.ERRORED]
    assert (run.counts["accepted"], run.counts["rejected_by_sendgrid"]) == (2, 1)
    [line] = importing.report(run)
    assert (line["row"], line["customer_id"], line["code"]) == ("2", "C2", "refused_by_sendgrid")
    assert set(importing.members()) == importing.on_list() == PEOPLE - {"grace@example.com"}


def test_an_import_that_fails_as_a_whole_refuses_everybody(importing: World) -> None:
    land(importing)
    importing.sim.fault(route="/v3/marketing/contacts/imports", method="PUT", job="failed")
    run = importing.run()
    assert [batch.state for batch in run.batches] == [BatchState.FAILED]
    assert {line["code"] for line in importing.report(run)} == {"job_failed"}
    assert importing.members() == {}
    assert importing.run().counts["accepted"] == 3


@pytest.mark.parametrize("fate", ["errors_missing", "errors_gone", "errors_garbled"])
def test_errors_that_cannot_be_read_leave_the_import_unconfirmed(importing: World, fate: str) -> None:
    land(importing)
    importing.sim.fail_rows(["grace@example.com"])
    importing.sim.fault(route="/v3/marketing/contacts/imports", method="PUT", job=fate)
    run = importing.run()
    assert [batch.state for batch in run.batches] == [BatchState.UNCONFIRMED]
    assert importing.members() == dict.fromkeys(PEOPLE, False)


def test_an_import_that_never_ends_is_unconfirmed(importing: World) -> None:
    land(importing)
    importing.sim.fault(route="/v3/marketing/contacts/imports", method="PUT", job="never")
    started = importing.start()
    importing.deliver()
    importing.deliver()
    assert importing.load(started.run_id).phase is Phase.SETTLE
    importing.now += JOB_LIMIT
    importing.work()
    run = importing.ended(started.run_id)
    assert (run.state, run.counts["unconfirmed"]) == (State.COMPLETED_WITH_WARNINGS, 3)
    assert importing.members() == dict.fromkeys(PEOPLE, False)
    assert importing.run().counts["accepted"] == 3


def test_rows_that_sendgrid_passes_over_in_silence_leave_the_import_unconfirmed(importing: World) -> None:
    land(importing)
    counted = {"id": "x", "status": "completed", "results": {"requested_count": 2, "created_count": 2}}
    status = "/v3/marketing/contacts/imports/{id}"
    importing.sim.fault(route=status, method="GET", status=200, body=json.dumps(counted), times=None)
    run = importing.run()
    assert [batch.state for batch in run.batches] == [BatchState.UNCONFIRMED]
    assert importing.members() == dict.fromkeys(PEOPLE, False)


@pytest.mark.parametrize(
    ("fault", "attempts"),
    [
        ({"route": "/v3/marketing/contacts/imports", "method": "PUT", "status": 503}, 1),
        ({"route": "/v3/marketing/contacts/imports", "method": "PUT", "status": 200, "body": "{}"}, 1),
        ({"route": "/v3/marketing/contacts/imports", "method": "PUT", "drop": "after"}, 1),
        ({"route": "/files/uploads/{id}", "status": 503}, 2),
        ({"route": "/files/uploads/{id}", "drop": "before"}, 2),
        ({"route": "/files/uploads/{id}", "drop": "after"}, 2),
    ],
)
def test_what_heals_by_itself_is_tried_again(importing: World, fault: dict[str, Any], attempts: int) -> None:
    land(importing)
    importing.sim.fault(**fault)
    run = importing.run()
    assert run.state is State.SUCCESSFUL
    assert importing.on_list() == PEOPLE
    assert importing.requests(UPLOAD) == attempts


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"route": "/v3/marketing/contacts/imports", "method": "PUT", "status": 404}, "list_not_found"),
        ({"route": "/v3/marketing/contacts/imports", "method": "PUT", "status": 413}, "payload_too_large"),
        ({"route": "/files/uploads/{id}", "status": 403}, "upload_refused"),
        ({"route": "/files/uploads/{id}", "status": 413}, "upload_refused"),
        ({"route": "/files/uploads/{id}", "status": 307, "headers": {"location": "/elsewhere"}}, "upload_refused"),
    ],
)
def test_what_does_not_heal_ends_the_run_and_nobody_counts_as_sent(
    importing: World, fault: dict[str, Any], code: str
) -> None:
    land(importing)
    importing.sim.fault(**fault, times=None)
    run = importing.run()
    assert run.error is not None
    assert (run.state, run.error.code) == (State.FAILED, code)
    assert {line["code"] for line in importing.report(run)} == {"not_sent"}
    assert importing.members() == {}
    importing.sim.clear_faults()
    assert importing.run().counts["accepted"] == 3
    assert importing.on_list() == PEOPLE


def announced(url: str) -> dict[str, Any]:
    answer = {"job_id": "a-job", "upload_uri": url, "upload_headers": []}
    return {"route": "/v3/marketing/contacts/imports", "method": "PUT", "status": 200, "body": json.dumps(answer)}


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/x", "http://example.com/x", "https://169.254.169.254/x", "file:///x"]
)
def test_an_upload_goes_to_public_https_servers_only(importing: World, url: str) -> None:
    land(importing)
    importing.sim.fault(**announced(url), times=None)
    run = importing.run()
    assert run.error is not None
    assert (run.state, run.error.code) == (State.FAILED, "url_untrusted")
    assert "upsert" in run.error.advice
    assert importing.members() == {}


def test_a_run_that_is_canceled_between_two_imports_keeps_what_was_taken(
    importing: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "MAX_CONTACTS", 1)
    land(importing)
    pause = {"status": 429, "headers": {"retry-after": "60"}}
    importing.sim.fault(route="/v3/marketing/contacts/imports", method="PUT", skip=1, times=None, **pause)
    run_id = importing.start().run_id
    importing.deliver()
    importing.services.runs.cancel(run_id, "a person")
    importing.work()
    run = importing.ended(run_id)
    assert (run.state, run.counts["accepted"], run.counts["unconfirmed"]) == (State.CANCELED, 1, 2)
    assert {line["code"] for line in importing.report(run)} == {"not_sent"}
    assert set(importing.members()) == importing.on_list()
    assert len(importing.on_list()) == 1


def test_an_import_whose_answer_was_lost_counts_as_unconfirmed_when_the_run_is_canceled(importing: World) -> None:
    land(importing)
    importing.sim.fault(route="/files/uploads/{id}", drop="after", times=None)
    run_id = importing.start().run_id
    importing.deliver()
    importing.services.runs.cancel(run_id, "a person")
    importing.work()
    run = importing.ended(run_id)
    assert (run.state, run.counts["unconfirmed"]) == (State.CANCELED, 3)
    assert importing.members() == dict.fromkeys(importing.on_list(), False) == dict.fromkeys(PEOPLE, False)


def test_whoever_was_in_an_import_of_an_interrupted_plan_stays_known(
    importing: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planned and sent, then planned anew of another snapshot: who is in that no longer leaves the list."""
    importing.put_export(delivery="import", max_shrink_percent=100)
    land(importing)
    run_id = importing.start().run_id
    with monkeypatch.context() as patch:
        patch.setattr("shared.contacts.plan.Planner.write_rejects", _broken)
        importing.deliver()
    assert [batch.begun for batch in importing.load(run_id).unplanned] == [True]
    importing.land("ada@example.com", "new@example.com")
    importing.work()
    run = importing.ended(run_id)
    assert run.state is State.SUCCESSFUL, run.error
    assert importing.on_list() == set(importing.members()) == {"ada@example.com", "new@example.com"}
    assert run.counts["leavers"] == 2


def _broken(*_: object) -> None:
    raise OSError

"""What operations can see of runs without looking into a record: log lines, spans, metrics; and whom they never see."""

import json
import logging
from collections import Counter
from contextlib import suppress
from datetime import timedelta

import pytest
from azure.core.exceptions import ResourceExistsError

from shared.cloud.storage import BLOB_POISON, RUN_POISON, Storage, _queue
from shared.runs import worker
from shared.runs.record import Phase, RunRecord, State
from shared.runs.sweep import ORPHAN_AFTER, sweep
from shared.settings import Settings
from shared.telemetry import OUTCOMES, Event, Metric, Span
from tests.integration.runs.world import KEY, World
from tests.telling import Telling, lines

STAY, GONE, ERRORED, NAMED, QUOTED = (
    f"{word}.zwart@private-person.example" for word in ("stay", "gone", "errored", "named", "quoted")
)
FIRST_NAME, LAST_NAME = "Wilhelmina", "Zwartkruis"
# Any of these, in any case, in anything that is told or kept is a person told of.
PERSONAL = ("zwart", "private-person", FIRST_NAME.lower(), "leopoldstraat", "c-0815")
HEADER = "CustomerId,EMail,FirstName,LastName,Street\n"


def people(*addresses: str) -> str:
    return HEADER + "".join(
        f"C-0815-{number},{address},{FIRST_NAME},{LAST_NAME},Leopoldstraat {number}\n"
        for number, address in enumerate(addresses, 1)
    )


def traced(telling: Telling, name: str) -> list[dict[str, object]]:
    return [dict(span.attributes or {}) for span in telling.spans(name)]


def events(caplog: pytest.LogCaptureFixture, event: Event) -> list[dict[str, object]]:
    return [line for line in lines(caplog.records) if line["event"] == event]


def test_a_whole_run_with_personal_data_tells_of_nobody(
    world: World, telling: Telling, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dirty rows, rows that SendGrid refuses at once and later, people removed, errors that quote rows, a fault."""
    sim = world.sim
    mapping = {"email": "EMail", "first_name": "FirstName", "last_name": "LastName"}
    world.put_export(mapping=mapping, max_shrink_percent=100)
    world.land_bytes("People.csv", people(STAY, GONE).encode())
    assert world.run().state is State.SUCCESSFUL

    dirty = people(STAY, ERRORED, NAMED, f"{LAST_NAME} at home", STAY, "", QUOTED)
    dirty += f'C-0815-9,"{FIRST_NAME}"{LAST_NAME}@"broken,{FIRST_NAME}\n'
    world.land_bytes("People.csv", dirty.encode())
    sim.fail_rows(dict.fromkeys((STAY, ERRORED), f"{ERRORED} of {FIRST_NAME} {LAST_NAME} refused"))
    named = {"errors": [{"field": "", "message": f"email '{NAMED}' is not valid"}]}
    sim.fault(route="/v3/marketing/contacts", method="PUT", times=1, status=400, body=json.dumps(named))
    sim.fault(route="/v3/marketing/contacts", method="PUT", times=1, status=503, body=f"{QUOTED} cannot be stored")
    run = world.run(mode="full")
    assert run.state is State.COMPLETED_WITH_WARNINGS
    assert min(run.counts[name] for name in ("invalid_email", "no_email", "duplicate", "malformed")) >= 1
    assert (run.counts["rejected_by_sendgrid"], run.counts["removed"]) == (3, 1)

    said = {"errors": [{"field": "", "message": f"{QUOTED} may not be stored with key {KEY}"}]}
    fault = sim.fault(route="/v3/marketing/contacts", method="PUT", times=None, status=400, body=json.dumps(said))
    assert world.run(mode="full").state is State.FAILED
    sim.clear_faults(fault)

    def fail(*_: object) -> None:
        raise ValueError(f"{QUOTED},{FIRST_NAME},{LAST_NAME}")

    monkeypatch.setattr(worker, "PATIENCE", 2)
    monkeypatch.setitem(worker._PHASES, Phase.SETTLE, fail)
    assert world.run(mode="full").state is State.FAILED
    sweep(world.services)

    state = world.services.storage.state
    kept = [item.name for item in state.list() if item.name.endswith(".json")]
    told = {
        "log": "\n".join(f"{record.getMessage()} {record.exc_info} {record.args}" for record in caplog.records),
        "log as shown": caplog.text,
        "spans and metrics": telling.text(),
        "queue": "".join(message.model_dump_json() for message in world.messages()),
        "records": b"\n".join(world.records()).decode(),
        **{name: state.read(name).content.decode() for name in kept},
    }
    # All of it has been at work, or there would be nothing to find.
    assert {line["event"] for line in lines(caplog.records)} >= {"run_ended", "run_ending", "request_retried"}
    assert {span.name for span in telling.spans()} >= {"run", "slice", "phase remove", "PUT /v3/marketing/contacts"}
    for where, text in told.items():
        found = [word for word in (*PERSONAL, KEY.lower()) if word in text.lower()]
        assert not found, f"{where}: {found}"


def test_spans_and_metrics_of_a_run_agree_with_its_record(
    world: World, telling: Telling, caplog: pytest.LogCaptureFixture
) -> None:
    world.put_export(max_shrink_percent=100)
    world.put_on_list("stays@example.com", "leaver@example.com")
    world.land("stays@example.com", "new@example.com", "nobody", "new@example.com")
    run = world.run()
    assert run.state is State.COMPLETED_WITH_WARNINGS

    [line] = events(caplog, Event.RUN_ENDED)
    assert (line["run_id"], line["export_id"], line["state"]) == (run.run_id, "newsletter", run.state)
    assert line["counts"] == run.counts
    assert line["rejects_share"] == 0.25  # of four rows one; a duplicate is no reject
    assert line["slices"] == run.slice + 1
    [level] = [record.levelname for record in caplog.records if '"run_ended"' in record.getMessage()]
    assert level == "WARNING"

    outcomes = telling.counted(Metric.CONTACTS, "outcome")
    assert outcomes == Counter({name: run.counts[name] for name in OUTCOMES if run.counts.get(name)})
    leavers = sum(outcomes[name] for name in ("removed", "not_found", "kept_by_other_export", "failed_removals"))
    assert (outcomes.total() - leavers, leavers) == (run.counts["rows"], run.counts["leavers"])

    [whole] = telling.spans(Span.RUN)
    assert whole.attributes is not None
    assert (whole.attributes["state"], whole.attributes["run_id"]) == (run.state, run.run_id)
    assert run.started_at
    assert whole.start_time == round(run.started_at.timestamp() * 1e9)
    slices = telling.spans(Span.SLICE)
    assert len(slices) == run.slice + 1
    ids = {span.context.span_id for span in slices if span.context}
    for phase in ("prepare", "send", "settle", "remove", "finish"):
        found = telling.spans(f"phase {phase}")
        assert found, phase
        assert {span.parent.span_id for span in found if span.parent} <= ids
    [upsert] = telling.spans("PUT /v3/marketing/contacts")
    assert upsert.attributes is not None
    assert (upsert.attributes["run_id"], upsert.attributes["status"]) == (run.run_id, 202)
    removal = traced(telling, "DELETE /v3/marketing/lists/{id}/contacts")
    assert [span["url.full"] for span in removal] == [f"{world.sim.url}/v3/marketing/lists/{{id}}/contacts"]
    assert world.list_id not in telling.text()


def test_a_message_is_as_old_as_it_is_late(world: World, telling: Telling) -> None:
    run = world.start()
    [message] = world.messages()
    due = world.now - timedelta(seconds=40)
    worker.process(world.services, message.model_copy(update={"delay": 30.0}), inserted=due)
    [point] = telling.points(Metric.QUEUE_AGE)
    assert (point.attributes, getattr(point, "sum", None)) == ({"queue": "export-runs"}, 10.0)
    world.queue.client.clear_messages()
    assert world.load(run.run_id).state is not State.QUEUED


def test_the_sweep_says_what_it_found(
    world: World, storage: Storage, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    stuck = world.start()
    world.queue.client.clear_messages()
    world.services.storage.config.write("exports/broken.json", b"{")
    world.now += ORPHAN_AFTER + timedelta(minutes=1)
    for name in (RUN_POISON, BLOB_POISON):
        with _queue(settings.host_storage, settings, name) as queue:
            with suppress(ResourceExistsError):  # the host makes it, too
                queue.create_queue()
            queue.clear_messages()
            queue.send_message("ada@example.com was in a message")
    try:
        sweep(world.services)
    finally:
        for name in (RUN_POISON, BLOB_POISON):
            with _queue(settings.host_storage, settings, name) as queue:
                queue.delete_queue()
    assert [line["run_id"] for line in events(caplog, Event.RUN_STUCK)] == [stuck.run_id]
    assert {line["queue"]: line["messages"] for line in events(caplog, Event.POISON_MESSAGES)} == {
        RUN_POISON: 1,
        BLOB_POISON: 1,
    }
    [ended] = events(caplog, Event.SWEEP_ENDED)
    assert {name: ended[name] for name in ("exports", "invalid", "queued", "stuck", "poison")} == {
        "exports": 1,
        "invalid": 1,
        "queued": 0,
        "stuck": 1,
        "poison": 2,
    }
    world.services.storage.config.delete("exports/broken.json")


def test_every_end_has_its_level(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Failed runs are errors, so that an alert needs no list of states."""
    ends: dict[State, RunRecord] = {}
    world.land("ada@example.com")
    for change in ({}, {"max_profiles": 1}, {"list_id": "00000000-0000-4000-8000-000000000000"}):
        world.put_export(**change)
        world.land("ada@example.com", "grace@example.com")
        run = world.run(mode="full")
        ends[run.state] = run
    assert set(ends) == {State.SUCCESSFUL, State.SKIPPED, State.FAILED}
    levels = {
        json.loads(record.getMessage())["state"]: record.levelno
        for record in caplog.records
        if '"run_ended"' in record.getMessage()
    }
    assert levels == {"successful": logging.INFO, "skipped": logging.WARNING, "failed": logging.ERROR}

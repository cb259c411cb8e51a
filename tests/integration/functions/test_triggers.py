"""The triggers that nobody calls by hand: blob, timer, queue; each with what its binding really gets."""

import base64
import datetime as dt
import json
import time
import uuid
from typing import Any

import pytest

from local.stack import ENDED, Stack
from tests.integration.functions.conftest import Runtime

PATIENCE = 60  # seconds

Document = dict[str, Any]


class Names:
    """An export of its own for one test."""

    def __init__(self, stack: Stack) -> None:
        mark = uuid.uuid4().hex[:8]
        self.export, self.segment = f"export-{mark}", f"Segment{mark}"
        self.list_id = stack.sendgrid.create_list(self.export)

    def put(self, stack: Stack, **more: Any) -> None:
        stack.put_export(self.export, list_id=self.list_id, segments=[self.segment], mapping={"email": "EMail"}, **more)


@pytest.fixture
def names(stack: Stack) -> Names:
    stack.storage.export_runs.client.clear_messages()
    return Names(stack)


def take(stack: Stack) -> str:
    """The queue's next message, which is then gone; decoded as host.json tells the host to."""
    queue = stack.storage.export_runs.client
    deadline = time.monotonic() + PATIENCE
    while (message := queue.receive_message()) is None:
        assert time.monotonic() < deadline, "no message came"
        time.sleep(0.1)
    queue.delete_message(message)
    return base64.b64decode(message.content, validate=True).decode()


def work_off(stack: Stack, runtime: Runtime, names: Names) -> Document:
    """Give process_run one message after the other until the export's run has ended."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert runtime.queue("process_run", take(stack)), runtime.log()
        [run] = stack.runs(names.export)
        if run["state"] in ENDED:
            return run
    raise TimeoutError(runtime.log())


def test_a_landed_segment_goes_the_whole_way_to_the_list(stack: Stack, runtime: Runtime, names: Names) -> None:
    names.put(stack)
    blob = f"{names.segment}.csv"
    stack.land(blob, b"EMail\nada@example.com\ngrace@example.com\n")
    assert runtime.blob("segment_landed", stack.segments.name, blob), runtime.log()
    [queued] = stack.runs(names.export)
    assert (queued["state"], queued["kind"]) == ("queued", "segment_landed")

    run = work_off(stack, runtime, names)
    assert run["state"] == "successful"
    assert stack.sendgrid.addresses(names.list_id) == {"ada@example.com", "grace@example.com"}


def test_a_blob_that_completes_nothing_starts_nothing(stack: Stack, runtime: Runtime, names: Names) -> None:
    names.put(stack)
    part = f"{names.segment}/2026/11/21/0300/{names.segment}_1.csv"
    stack.land(part, b"ada@example.com\n")
    assert runtime.blob("segment_landed", stack.segments.name, part), runtime.log()
    assert stack.runs(names.export) == []
    assert stack.storage.export_runs.client.peek_messages() == []


def test_a_blob_that_has_gone_before_its_event_is_no_failure(stack: Stack, runtime: Runtime, names: Names) -> None:
    names.put(stack)
    assert runtime.blob("segment_landed", stack.segments.name, f"{names.segment}.csv"), runtime.log()
    assert stack.runs(names.export) == []


def test_the_timer_queues_what_has_come_due_since_it_last_ticked(stack: Stack, runtime: Runtime, names: Names) -> None:
    names.put(stack, schedule="* * * * *", run_on_landing=False)
    resting = Names(stack)
    resting.put(stack, schedule="off")
    before = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=2)
    stack.storage.state.write("sweep.json", json.dumps({"swept_at": before.isoformat()}).encode())
    assert runtime.timer("scheduled_refresh"), runtime.log()
    [run] = stack.runs(names.export)
    assert (run["state"], run["kind"], run["submitted_by"]) == ("queued", "scheduled", "schedule")
    assert stack.runs(resting.export) == []
    assert json.loads(take(stack)) == {"run_id": run["run_id"], "export_id": names.export, "slice": 0, "delay": 0}


def test_a_message_that_is_none_fails_so_that_the_host_can_put_it_aside(stack: Stack, runtime: Runtime) -> None:
    assert not runtime.queue("process_run", "not a message")


def test_a_message_of_an_old_slice_changes_nothing(stack: Stack, runtime: Runtime, names: Names) -> None:
    names.put(stack)
    blob = f"{names.segment}.csv"
    stack.land(blob, b"EMail\nada@example.com\n")
    assert runtime.blob("segment_landed", stack.segments.name, blob), runtime.log()
    message = take(stack)
    assert runtime.queue("process_run", message), runtime.log()
    [before] = stack.runs(names.export)
    sent = stack.sendgrid.stats()["requests"]
    assert runtime.queue("process_run", message), runtime.log()
    assert stack.runs(names.export) == [before]
    assert stack.sendgrid.stats()["requests"] == sent

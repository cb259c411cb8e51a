"""The host goes down and comes back, in the middle of a run: the run ends as if nothing had happened."""

import datetime as dt
import json
import time
from collections.abc import Callable, Iterator

import pytest
from azure.storage.blob import BlobLeaseClient

from local.stack import Stack
from tests.system.scene import PATIENCE, Scene

UPSERT = "PUT /v3/marketing/contacts"
HOURS = 7200.0  # an answer that nobody lives to see


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack of our own, its host still down; it sweeps every other second, and a dead host's message is soon back."""
    settings = {"LANDING_SETTLE_SECONDS": "0", "REFRESH_SCHEDULE": "*/2 * * * * *"}
    with Stack(settings=settings, hidden_seconds=5, start_host=False) as stack:
        stack.sendgrid.configure(job_seconds=0)
        yield stack


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def kill_host(scene: Scene) -> None:
    """SIGKILL. The lease would end by itself within a minute; here it is ended at once, so that nobody waits for it."""
    scene.stack.kill_host()
    lock = scene.stack.storage.state.client.get_blob_client(f"{scene.export_id}/lock")
    BlobLeaseClient(lock).break_lease(lease_break_period=0)
    scene.stack.sendgrid.clear_faults()


def test_what_came_due_while_the_app_was_down_is_done_by_the_timer_once(stack: Stack, scene: Scene) -> None:
    scene.connect()
    now = dt.datetime.now(dt.UTC)
    due, down_since = now - dt.timedelta(minutes=10), now - dt.timedelta(minutes=59)
    scene.export(schedule=f"{due.minute} * * * *", run_on_landing=False)
    scene.land_people({"ada@example.com": "Ada"})
    stack.storage.state.write("sweep.json", json.dumps({"swept_at": down_since.isoformat()}).encode())
    stack.start_host()
    run = scene.wait()
    assert (run["kind"], run["state"], run["submitted_by"]) == ("scheduled", "successful", "schedule")
    assert scene.members.keys() == {"ada@example.com"}
    swept = stack.storage.state.read("sweep.json").etag
    wait_until(lambda: stack.storage.state.read("sweep.json").etag != swept)
    assert len(stack.runs(scene.export_id)) == 1


def test_sigterm_lets_the_request_in_hand_end(stack: Stack, scene: Scene) -> None:
    stack.start_host()
    scene.connect()
    scene.export()
    stack.sendgrid.configure(job_seconds=1)
    stack.sendgrid.fault(route="/v3/marketing/contacts", method="PUT", latency=3.0)
    scene.land_people({"ada@example.com": "Ada"})
    wait_until(lambda: scene.writes() == {UPSERT: 1})  # it is in hand: the answer takes three seconds
    stack.stop_host()
    [run] = stack.runs(scene.export_id)
    assert [batch["state"] for batch in run["batches"]] in (["sent"], ["completed"])
    stack.start_host()
    assert scene.wait()["state"] == "successful"
    stack.sendgrid.configure(job_seconds=0)
    assert scene.writes() == {UPSERT: 1}


def test_a_run_whose_host_is_killed_while_it_sends_knows_what_was_sent(stack: Stack, scene: Scene) -> None:
    stack.start_host()
    people = {f"person{number}@example.com": "P" for number in range(31_000)}  # two batches
    scene.connect()
    scene.export()
    stack.sendgrid.fault(route="/v3/marketing/contacts", method="PUT", skip=1, times=None, latency=HOURS)
    scene.land_people(people)

    def first_batch_is_noted() -> bool:
        return any(batch["state"] != "planned" for run in stack.runs(scene.export_id) for batch in run["batches"])

    wait_until(first_batch_is_noted)
    kill_host(scene)
    [before] = stack.runs(scene.export_id)
    [noted] = [batch for batch in before["batches"] if batch["state"] != "planned"]
    assert len(before["batches"]) > 1

    stack.start_host()
    run = scene.wait()
    assert run["state"] == "successful"
    assert run["run_id"] == before["run_id"]
    # Killed before the plan was whole: it is made anew, and the job that had begun is still followed to its end.
    assert noted["job_id"] in [batch["job_id"] for batch in (*run["batches"], *run["earlier"])]
    assert run["counts"]["accepted"] == len(people)
    assert stack.sendgrid.addresses(scene.list_id) == people.keys()


def test_a_host_killed_while_it_removes_leaves_nobody_on_the_list(stack: Stack, scene: Scene) -> None:
    stack.start_host()
    people = {f"someone{number}@example.com": "S" for number in range(250)}
    staying = dict(list(people.items())[:150])
    scene.connect()
    scene.export()
    scene.land_people(people)
    assert scene.wait()["state"] == "successful"
    stack.sendgrid.fault(route="/v3/marketing/lists/{id}/contacts", method="DELETE", times=None, latency=HOURS)
    scene.land_people(staying)
    wait_until(lambda: stack.sendgrid.addresses(scene.list_id) == staying.keys())  # done, and nobody knows it yet
    kill_host(scene)

    stack.start_host()
    run = scene.wait()
    assert run["state"] == "successful"
    assert run["counts"]["removed"] + run["counts"]["not_found"] == run["counts"]["leavers"] == 100
    assert stack.sendgrid.addresses(scene.list_id) == staying.keys()
    again = scene.start()
    assert (again["counts"]["upserts"], again["counts"]["leavers"]) == (0, 0)

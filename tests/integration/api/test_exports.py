"""Exports: their documents, how they stand, detaching, and removal with and without their people."""

import base64
import json
import time
import uuid
from datetime import datetime
from typing import Any

import pytest

from local.stack import ENDED, Stack
from tests.integration.api.conftest import ANY, NEW, Api, assert_problem, export_of
from tests.integration.functions.conftest import Answer

PATIENCE = 60  # seconds

Document = dict[str, Any]


@pytest.fixture(scope="module")
def connection(stack: Stack) -> str:
    stack.put_connection("exports-here")
    return "exports-here"


@pytest.fixture
def list_id(stack: Stack, fresh: str) -> str:
    return stack.sendgrid.create_list(fresh)


def work_off(stack: Stack, api: Api, queued: Answer) -> Document:
    """Give process_run the queue's messages until the run that `queued` tells of has ended."""
    path = f"/runs/{queued.json()['run_id']}"
    queue = stack.storage.export_runs.client
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        run = api.get(path)
        if run["state"] in ENDED:
            return run
        if message := queue.receive_message():
            queue.delete_message(message)
            assert api.runtime.queue("process_run", base64.b64decode(message.content).decode()), api.runtime.log()
        else:
            time.sleep(0.1)
    raise TimeoutError(api.runtime.log())


def test_an_export_is_made_read_changed_and_removed_and_does_not_run_by_that(
    api: Api, stack: Stack, connection: str, list_id: str, fresh: str
) -> None:
    path = f"/exports/{fresh}"
    made = api("PUT", path, export_of(connection, list_id), NEW)
    assert made.status == 201
    read = api("GET", path)
    assert read.json() == made.json()
    assert read.headers["etag"] == made.headers["etag"] == f'"{read.json()["etag"]}"'
    never_run = {"members": None, "last_run": None, "active_run": None, "next_run_at": None, "removing": False}
    assert never_run.items() <= read.json().items()
    assert read.json()["max_profiles"] == 100_000  # what the document does not say is there, too

    scheduled = export_of(connection, list_id, schedule="30 6 * * *", timezone="Europe/Athens")
    changed = api("PUT", path, scheduled, {"if-match": read.headers["etag"]})
    assert (changed.status, changed.json()["next_run_at"][11:19]) == (200, "06:30:00")
    assert changed.json() == api.get(path)
    assert not stack.runs(fresh)
    assert api("DELETE", path, headers={"if-match": changed.headers["etag"]}).status == 204
    assert_problem(api("GET", path), 404, code="not_found")


def test_the_list_shows_every_export_as_it_stands_and_what_cannot_be_read(
    api: Api, stack: Stack, connection: str, list_id: str, fresh: str
) -> None:
    api("PUT", f"/exports/{fresh}", export_of(connection, list_id), NEW)
    stack.put_config(f"exports/broken-{fresh}.json", {"display_name": "Broken"})
    listed = api.get("/exports")
    assert api.get(f"/exports/{fresh}") in listed["exports"]
    broken = {each["name"]: each["problems"] for each in listed["invalid"]}[f"exports/broken-{fresh}.json"]
    assert any(problem.startswith("list_id: is missing") for problem in broken)
    assert api("DELETE", f"/exports/broken-{fresh}", headers=ANY).status == 204


def test_nobody_overwrites_an_export_that_they_have_not_seen(
    api: Api, connection: str, list_id: str, fresh: str
) -> None:
    path, document = f"/exports/{fresh}", export_of(connection, list_id)
    assert_problem(api("PUT", path, document), 428, code="condition_missing")
    assert_problem(api("PUT", path, document, {"if-match": '"0x1"'}), 412, code="condition_failed")
    first = api("PUT", path, document, NEW).headers["etag"]
    assert_problem(api("PUT", path, document, NEW), 412, code="condition_failed")
    api("PUT", path, document | {"display_name": "Second"}, {"if-match": first})
    assert_problem(api("PUT", path, document, {"if-match": first}), 412, code="condition_failed")
    assert_problem(api("DELETE", path, headers={"if-match": first}), 412, code="condition_failed")
    assert_problem(api("DELETE", path), 428, code="condition_missing")
    assert api.get(path)["display_name"] == "Second"


def test_who_changed_an_export_is_shown_also_to_the_one_who_comes_second(
    api: Api, administrator: Api, viewer: Api, stack: Stack, fresh: str
) -> None:
    path, document = f"/exports/{fresh}", export_of(None, str(uuid.uuid4()))
    first = api("PUT", path, document, NEW)
    assert first.json()["updated_by"] == "function key"
    changed = administrator("PUT", path, document | {"display_name": "Theirs"}, {"if-match": first.headers["etag"]})
    who = {"updated_by": "admin@contoso.example", "updated_at": changed.json()["updated_at"]}
    assert who.items() <= changed.json().items()
    assert who.items() <= viewer.get(path).items()
    assert who.items() <= next(each for each in viewer.get("/exports")["exports"] if each["id"] == fresh).items()
    second = api("PUT", path, document, {"if-match": first.headers["etag"]})
    assert_problem(second, 412, code="condition_failed", updated_by=who["updated_by"])
    assert datetime.fromisoformat(second.json()["updated_at"]) == datetime.fromisoformat(who["updated_at"])
    stack.put_config(f"exports/{fresh}.json", document)  # by other means: nobody knows by whom
    assert api.get(path)["updated_by"] is None


def test_every_fault_is_named_by_its_field(api: Api, connection: str, fresh: str) -> None:
    document = export_of(connection, "abc", segments=["A", "A"], mapping={"custom_fields": {"city": "City"}})
    answer = api("PUT", f"/exports/{fresh}", document | {"schedule": "every day", "enable": False}, NEW)
    assert_problem(answer, 400, code="invalid_document")
    fields = {error["field"] for error in answer.json()["errors"]}
    assert fields == {"list_id", "segments", "mapping.email", "mapping.custom_fields", "schedule", "enable"}
    answer = api("PUT", f"/exports/{fresh}", export_of("no-such-connection", str(uuid.uuid4())), NEW)
    assert_problem(answer, 400, field="connection")
    assert_problem(api("PUT", "/exports/No%20Slug", export_of(None, str(uuid.uuid4())), NEW), 400)


def test_a_detached_export_keeps_its_settings_and_does_not_run(
    api: Api, stack: Stack, connection: str, list_id: str, fresh: str
) -> None:
    path = f"/exports/{fresh}"
    api("PUT", path, export_of(connection, list_id, schedule="* * * * *"), NEW)
    detached = api("PUT", path, export_of(None, list_id, schedule="* * * * *"), ANY).json()
    assert (detached["connection"], detached["next_run_at"], detached["list_id"]) == (None, None, list_id)
    assert fresh not in {run["export_id"] for run in api("POST", "/runs").json()["runs"]}
    run = work_off(stack, api, api("POST", f"{path}/runs"))
    assert (run["state"], run["error"]["code"]) == ("skipped", "detached")
    assert "is detached" in run["reason"]


def test_removing_keeps_the_people_unless_told_otherwise(
    api: Api, stack: Stack, connection: str, list_id: str, fresh: str
) -> None:
    stack.land(f"S{fresh}.csv", b"EMail\na@example.com\nb@example.com\n")
    api("PUT", f"/exports/{fresh}", export_of(connection, list_id, segments=[f"S{fresh}"]), NEW)
    assert work_off(stack, api, api("POST", f"/exports/{fresh}/runs"))["state"] == "successful"
    assert api.get(f"/exports/{fresh}")["members"] == 2
    assert_problem(api("DELETE", f"/exports/{fresh}?members=some", headers=ANY), 400, field="members")
    assert api("DELETE", f"/exports/{fresh}", headers=ANY).status == 204
    assert stack.sendgrid.addresses(list_id) == {"a@example.com", "b@example.com"}
    assert len(api.get(f"/exports/{fresh}/runs")["runs"]) == 1  # its history stays


def test_removing_with_its_people_takes_off_whom_it_put_there_and_nobody_else(
    api: Api, stack: Stack, connection: str, list_id: str, fresh: str
) -> None:
    stack.land(f"S{fresh}.csv", b"EMail\nmine@example.com\nshared@example.com\n")
    stack.land(f"T{fresh}.csv", b"EMail\nshared@example.com\ntheirs@example.com\n")
    for export_id, segment in ((fresh, f"S{fresh}"), (f"other-{fresh}", f"T{fresh}")):
        document = export_of(connection, list_id, segments=[segment], removal="none")
        api("PUT", f"/exports/{export_id}", document, NEW)
        assert work_off(stack, api, api("POST", f"/exports/{export_id}/runs"))["state"] == "successful"
    paused = export_of(connection, list_id, segments=[f"S{fresh}"], removal="none", enabled=False)
    api("PUT", f"/exports/{fresh}", paused, ANY)

    accepted = api("DELETE", f"/exports/{fresh}?members=remove", headers=ANY)
    assert accepted.status == 202
    assert accepted.headers["location"] == f"/api/runs/{accepted.json()['run_id']}"
    assert api.get(f"/exports/{fresh}")["removing"] is True
    again = api("DELETE", f"/exports/{fresh}?members=remove", headers=ANY)
    assert again.json()["run_id"] == accepted.json()["run_id"]
    assert_problem(api("POST", f"/exports/{fresh}/runs"), 409, code="being_removed")
    assert_problem(api("PUT", f"/exports/{fresh}", paused, ANY), 409, code="being_removed")

    run = work_off(stack, api, accepted)
    assert (run["state"], run["counts"]["removed"], run["counts"]["kept_by_other_export"]) == ("successful", 1, 1)
    assert stack.sendgrid.addresses(list_id) == {"shared@example.com", "theirs@example.com"}
    assert_problem(api("GET", f"/exports/{fresh}"), 404)
    assert not [item.name for item in stack.storage.state.list(f"{fresh}/") if not item.name.endswith("/lock")]
    api("PUT", f"/exports/{fresh}", paused | {"enabled": True}, NEW)  # and it can be made anew
    assert work_off(stack, api, api("POST", f"/exports/{fresh}/runs"))["counts"]["accepted"] == 2


def test_an_export_stays_when_its_people_could_not_be_taken_off(
    api: Api, stack: Stack, connection: str, list_id: str, fresh: str
) -> None:
    stack.land(f"S{fresh}.csv", b"EMail\na@example.com\n")
    api("PUT", f"/exports/{fresh}", export_of(connection, list_id, segments=[f"S{fresh}"]), NEW)
    work_off(stack, api, api("POST", f"/exports/{fresh}/runs"))
    removal = api("DELETE", f"/exports/{fresh}?members=remove", headers=ANY)
    assert api("POST", f"/runs/{removal.json()['run_id']}/cancel").status == 202
    assert work_off(stack, api, removal)["state"] == "canceled"
    kept = api.get(f"/exports/{fresh}")
    assert (kept["removing"], kept["members"]) == (False, 1)
    assert stack.sendgrid.addresses(list_id) == {"a@example.com"}
    assert api("POST", f"/exports/{fresh}/runs").status == 202


def test_a_detached_export_is_not_removed_with_its_people(api: Api, list_id: str, fresh: str) -> None:
    api("PUT", f"/exports/{fresh}", export_of(None, list_id), NEW)
    assert_problem(api("DELETE", f"/exports/{fresh}?members=remove", headers=ANY), 409, code="detached")
    assert api("DELETE", f"/exports/{fresh}", headers=ANY).status == 204


def test_run_all_starts_what_has_an_active_schedule(api: Api, connection: str, list_id: str, fresh: str) -> None:
    wanted: dict[str, Document] = {f"a-{fresh}": {"schedule": "default"}, f"b-{fresh}": {"schedule": "off"}}
    wanted[f"c-{fresh}"] = {"schedule": "default", "enabled": False}
    for export_id, more in wanted.items():
        api("PUT", f"/exports/{export_id}", export_of(connection, list_id, **more), NEW)
    started = api("POST", "/runs")
    assert started.status == 202
    assert {run["export_id"] for run in started.json()["runs"]} & wanted.keys() == {f"a-{fresh}"}
    assert api.get(f"/exports/a-{fresh}")["active_run"]["state"] == "queued"


def test_a_document_is_stored_as_it_was_given(
    api: Api, stack: Stack, connection: str, list_id: str, fresh: str
) -> None:
    document = {
        "$schema": "../export.schema.json",
        "id": fresh,
        **export_of(connection, list_id, only_where={"Ω": ["ja"]}),
    }
    assert api("PUT", f"/exports/{fresh}", document, NEW).status == 201
    del document["id"]
    assert json.loads(stack.storage.config.read(f"exports/{fresh}.json").content) == document

"""The HTTP functions, as the runtime library calls them: answers, headers, and problems that name what is wrong."""

import uuid
from typing import Any

import pytest

from local.stack import Stack
from shared import __version__
from tests.integration.functions.conftest import Answer, Runtime

Document = dict[str, Any]


@pytest.fixture(scope="module")
def export(stack: Stack) -> str:
    """An export whose runs nobody works on: they stay queued."""
    export_id = f"export-{uuid.uuid4().hex[:8]}"
    list_id = stack.sendgrid.create_list(export_id)
    stack.put_export(export_id, list_id=list_id, segments=["Nothing"], mapping={"email": "EMail"})
    return export_id


def start(runtime: Runtime, export: str, body: bytes = b"") -> Answer:
    return runtime.http("start_run", "POST", f"/api/exports/{export}/runs", params={"export_id": export}, body=body)


def get_run(runtime: Runtime, run_id: str) -> Answer:
    return runtime.http("get_run", "GET", f"/api/runs/{run_id}", params={"run_id": run_id})


def list_runs(runtime: Runtime, export: str, query: str = "") -> Answer:
    return runtime.http("list_runs", "GET", f"/api/exports/{export}/runs{query}", params={"export_id": export})


def assert_problem(answer: Answer, status: int, **members: Any) -> None:
    """RFC 9457, with the members given."""
    assert answer.status == status
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert {name: problem.get(name) for name in members} == members


def test_health_says_that_the_app_is_up_and_which_one(runtime: Runtime) -> None:
    answer = runtime.http("health", "GET", "/api/health")
    assert answer.status == 200
    assert answer.json() == {"status": "ok", "version": __version__}


def test_a_start_is_accepted_with_a_place_and_a_time_to_look(runtime: Runtime, export: str) -> None:
    answer = start(runtime, export, b'{"mode": "full", "dry_run": true, "force": true}')
    assert answer.status == 202
    assert int(answer.headers["retry-after"]) > 0
    run = answer.json()
    assert answer.headers["location"] == f"/api/runs/{run['run_id']}"
    assert {name: run[name] for name in ("export_id", "kind", "mode", "dry_run", "force", "state")} == {
        "export_id": export,
        "kind": "on_demand",
        "mode": "full",
        "dry_run": True,
        "force": True,
        "state": "queued",
    }


def test_two_like_starts_are_one_run_while_it_waits(runtime: Runtime, export: str) -> None:
    assert start(runtime, export).json()["run_id"] == start(runtime, export, b"{}").json()["run_id"]


def test_a_run_that_goes_on_is_read_with_etag_and_a_time_to_look_again(runtime: Runtime, export: str) -> None:
    run = start(runtime, export).json()
    answer = get_run(runtime, run["run_id"])
    assert answer.status == 200
    assert answer.json() == run
    assert answer.headers["etag"].startswith('"')
    assert answer.headers["etag"].endswith('"')
    assert int(answer.headers["retry-after"]) > 0


def test_runs_are_listed_newest_first_a_page_at_a_time(runtime: Runtime, stack: Stack) -> None:
    export_id = f"pages-{uuid.uuid4().hex[:8]}"
    stack.put_export(export_id, list_id=str(uuid.uuid4()), segments=["Nothing"], mapping={"email": "EMail"})
    wishes = (b"{}", b'{"mode": "full"}', b'{"dry_run": true}')
    started = sorted((start(runtime, export_id, wish).json()["run_id"] for wish in wishes), reverse=True)

    first = list_runs(runtime, export_id, "?limit=2").json()
    assert [run["run_id"] for run in first["runs"]] == started[:2]
    second = list_runs(runtime, export_id, f"?limit=2&before={first['next']}").json()
    assert [run["run_id"] for run in second["runs"]] == started[2:]
    assert second["next"] is None


@pytest.mark.parametrize("function", ["start_run", "list_runs"])
@pytest.mark.parametrize("export_id", ["nobody", "No such name", "..", "a/b"])
def test_an_unknown_export_is_a_404(runtime: Runtime, function: str, export_id: str) -> None:
    answer = runtime.http(function, "POST", "/api/exports/x/runs", params={"export_id": export_id})
    assert_problem(answer, 404, code="not_found")


@pytest.mark.parametrize("run_id", ["newsletter-20261121T100000Z-abcdef", "x", "..", "a/b-1-2", "-1-2"])
def test_an_unknown_run_is_a_404(runtime: Runtime, run_id: str) -> None:
    assert_problem(get_run(runtime, run_id), 404, code="not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", "body"),
        (b"[]", "body"),
        (b'"full"', "body"),
        (b"\xff\xfe", "body"),
        (b'{"mode": "everything"}', "mode"),
        (b'{"mode": ["full"]}', "mode"),
        (b'{"mode": null}', "mode"),
        (b'{"dry_run": "yes"}', "dry_run"),
        (b'{"force": 1}', "force"),
        (b'{"modus": "full"}', "modus"),
    ],
)
def test_a_bad_body_is_a_400_that_names_the_field(runtime: Runtime, export: str, body: bytes, field: str) -> None:
    assert_problem(start(runtime, export, body), 400, code="bad_request", field=field)


@pytest.mark.parametrize("limit", ["0", "101", "-1", "ten", "1.5", "\u00b2"])
def test_a_bad_page_size_is_a_400_that_names_the_field(runtime: Runtime, export: str, limit: str) -> None:
    assert_problem(list_runs(runtime, export, f"?limit={limit}"), 400, code="bad_request", field="limit")


def test_a_document_that_cannot_be_used_is_a_problem_that_names_it(runtime: Runtime, stack: Stack) -> None:
    export_id = f"broken-{uuid.uuid4().hex[:8]}"
    stack.put_config(f"exports/{export_id}.json", {"display_name": "Broken"})
    answer = start(runtime, export_id)
    assert_problem(answer, 409, code="invalid_document")
    assert f"exports/{export_id}.json" in answer.json()["detail"]
    assert "list_id" in answer.json()["detail"]

"""Runs of all exports: their history, their report, and why rows did not get where they should."""

import csv
import io
from typing import Any

import pytest

from local.stack import Stack
from tests.integration.api.conftest import NEW, Api, assert_problem, export_of
from tests.integration.api.test_exports import work_off

Document = dict[str, Any]

ROWS = b"""CustomerId,EMail
C1,ada@example.com
C2,ADA@example.com
C3,=cmd@nowhere
C4,
C5,refused@example.com
C6,bob@example.com
"""


@pytest.fixture(scope="module")
def run(stack: Stack, api: Api) -> Document:
    """A run with some of everything in its report."""
    stack.put_connection("reports")
    list_id = stack.sendgrid.create_list("Reports")
    stack.sendgrid.fail_rows(["refused@example.com"])
    stack.land("Reported.csv", ROWS)
    api("PUT", "/exports/reported", export_of("reports", list_id, segments=["Reported"]), NEW)
    return work_off(stack, api, api("POST", "/exports/reported/runs"))


def test_the_report_is_a_download_of_every_row_that_went_astray(api: Api, run: Document) -> None:
    answer = api("GET", f"/runs/{run['run_id']}/report")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == f'attachment; filename="{run["run_id"]}.csv"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    lines = list(csv.DictReader(io.StringIO(answer.body)))
    assert [line["customer_id"] for line in lines] == ["C2", "C3", "C4", "C5"]
    assert lines[1]["email"].startswith("'=")


def test_reasons_are_counted_and_explained_without_naming_anybody(api: Api, run: Document) -> None:
    answer = api("GET", f"/runs/{run['run_id']}/reasons")
    found = {(each["stage"], each["code"]): each for each in answer.json()["reasons"]}
    assert {key: each["count"] for key, each in found.items()} == {
        ("prepare", "duplicate"): 1,
        ("prepare", "invalid_email"): 1,
        ("prepare", "no_email"): 1,
        ("settle", "refused_by_sendgrid"): 1,
    }
    assert all(len(each["meaning"]) > 10 for each in found.values())
    assert "@example" not in answer.body


def test_a_run_without_a_report_has_no_reasons_yet(api: Api, stack: Stack, fresh: str) -> None:
    stack.put_connection(f"c-{fresh}")
    api("PUT", f"/exports/{fresh}", export_of(f"c-{fresh}", stack.sendgrid.create_list(fresh)), NEW)
    run_id = api("POST", f"/exports/{fresh}/runs").json()["run_id"]
    assert api.get(f"/runs/{run_id}/reasons") == {"reasons": []}
    assert_problem(api("GET", f"/runs/{run_id}/report"), 404, code="not_found")


def test_a_report_that_is_too_large_says_where_it_lies(api: Api, stack: Stack, run: Document, fresh: str) -> None:
    run_id = f"reported-20200101T000000Z-{fresh[-6:]}"
    record = stack.storage.runs.read(f"reported/{run['run_id']}/run.json").content
    stack.storage.runs.write(f"reported/{run_id}/run.json", record.replace(run["run_id"].encode(), run_id.encode()))
    stack.storage.runs.write(f"reported/{run_id}/report.csv", b"x" * (64 * 1024 * 1024 + 1))
    answer = api("GET", f"/runs/{run_id}/report")
    assert_problem(answer, 409, code="report_too_large")
    assert f"reported/{run_id}/report.csv" in answer.json()["advice"]


def test_the_history_shows_runs_of_all_exports_newest_first_page_by_page(
    api: Api, stack: Stack, run: Document, fresh: str
) -> None:
    times = [f"203001{day:02}T000000Z" for day in range(1, 8)]
    record = stack.storage.runs.read(f"reported/{run['run_id']}/run.json").content
    made: list[str] = []
    for number, time in enumerate(times):
        export_id = f"{'zyx'[number % 3]}-{fresh}"
        run_id = f"{export_id}-{time}-00000{number}"
        content = record.replace(run["run_id"].encode(), run_id.encode())
        stack.storage.runs.write(f"{export_id}/{run_id}/run.json", content)
        made.insert(0, run_id)
    seen: list[str] = []
    before = ""
    while len(seen) < len(made):
        page = api.get(f"/runs?limit=3{before and f'&before={before}'}")
        seen += [each["run_id"] for each in page["runs"]]
        assert len(page["runs"]) == 3
        before = page["next"]
    assert seen[: len(made)] == made
    assert "batches" not in page["runs"][0]


@pytest.mark.parametrize("path", ["/runs?limit=0", "/runs?limit=x", "/exports/reported/runs?limit=101"])
def test_a_page_size_that_is_none_is_a_problem(api: Api, run: Document, path: str) -> None:
    assert_problem(api("GET", path), 400, field="limit")


def test_a_run_that_was_canceled_says_so(api: Api, stack: Stack, fresh: str) -> None:
    stack.put_connection(f"c-{fresh}")
    api("PUT", f"/exports/{fresh}", export_of(f"c-{fresh}", stack.sendgrid.create_list(fresh)), NEW)
    queued = api("POST", f"/exports/{fresh}/runs")
    run_id = queued.json()["run_id"]
    accepted = api("POST", f"/runs/{run_id}/cancel")
    assert (accepted.status, accepted.headers["location"]) == (202, f"/api/runs/{run_id}")
    assert work_off(stack, api, queued)["state"] == "canceled"
    standing = api.get(f"/exports/{fresh}")
    assert (standing["last_run"]["state"], standing["active_run"]) == ("canceled", None)
    assert_problem(api("POST", f"/runs/{fresh}-20200101T000000Z-abcdef/cancel"), 404, code="not_found")


def test_withdrawn_consent_stops_what_is_under_way(api: Api, stack: Stack, fresh: str) -> None:
    stack.put_connection(f"c-{fresh}")
    stack.land(f"S{fresh}.csv", b"EMail\na@example.com\n")
    list_id = stack.sendgrid.create_list(fresh)
    api("PUT", f"/exports/{fresh}", export_of(f"c-{fresh}", list_id, segments=[f"S{fresh}"]), NEW)
    queued = api("POST", f"/exports/{fresh}/runs")
    assert api("DELETE", f"/connections/c-{fresh}/consent", headers={"if-match": "*"}).status == 200
    run = work_off(stack, api, queued)
    assert (run["state"], run["error"]["code"]) == ("skipped", "consent_missing")
    assert stack.sendgrid.addresses(list_id) == set()


@pytest.mark.parametrize(
    "run_id",
    ["a-20200101T000000Z-abcdef%22", "a-..-b", "a-b-..", "%2e%2e-x-y", "a-20200101T000000Z-ABCDEF", "a%5C..-b-c"],
)
def test_what_is_no_run_id_leads_nowhere(api: Api, run_id: str) -> None:
    for path in ("", "/report", "/reasons"):
        assert_problem(api("GET", f"/runs/{run_id}{path}"), 404, code="not_found")
    assert_problem(api("POST", f"/runs/{run_id}/cancel"), 404, code="not_found")

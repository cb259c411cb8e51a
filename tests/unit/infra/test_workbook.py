"""The workbook's queries, and what all queries may speak of."""

import re
from datetime import timedelta
from typing import Any

import pytest

from shared import telemetry
from shared.runs.record import State
from shared.telemetry import OUTCOMES, Event
from tests.unit.infra.logs import Traces
from tests.unit.infra.templates import INFRA, ROOT, evaluate, load, resources, scope
from tests.unit.infra.test_alerts import end, record

QUERIES = {path.relative_to(INFRA).as_posix(): path.read_text() for path in sorted(INFRA.rglob("*.kql"))}
PAGES = evaluate(load("app/workbook.bicep")["variables"]["charts"]["value"], scope("app/workbook.bicep"))
COUNTS = {"rows": 1000, "unchanged": 500, "accepted": 480, "rejected_by_sendgrid": 5, "invalid_email": 15, "removed": 7}


def events(query: str) -> set[str]:
    found = re.findall(r'line\.event\) (?:== |in \()((?:"\w+"(?:, )?)+)', query)
    return {name for names in found for name in re.findall(r"\w+", names)}


def documented() -> dict[str, set[str]]:
    """The fields of each event, as docs/telemetry.md has them."""
    table = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]*) \|", (ROOT / "docs/telemetry.md").read_text(), re.MULTILINE)
    # Lines of a run and of an erasure say which.
    return {
        event: set(re.findall(r"`(\w+)`", fields)) | ({"erasure_id"} if "erasure" in event else {"run_id", "export_id"})
        for event, fields in table
    }


@pytest.fixture(scope="module")
def traces() -> Traces:
    table = Traces()
    end(table, record(State.COMPLETED_WITH_WARNINGS, counts=COUNTS))
    end(table, record(State.FAILED), age=timedelta(days=2))
    end(table, record(dry_run=True, counts=COUNTS))
    with table.listening():
        telemetry.info(Event.RATE_LIMITED, route="PUT /v3/marketing/contacts", seconds=30)
        telemetry.info(Event.REQUEST_RETRIED, route="PUT /v3/marketing/contacts", code="503", attempt=1, seconds=90)
        telemetry.warning(Event.SEGMENT_UNREADABLE, code="bad_model", message="model.json is no JSON")
    table.add("not the app's", level=40)
    return table


def found(traces: Traces, name: str) -> list[dict[str, Any]]:
    (page,) = (page["content"] for page in PAGES if page["name"] == name)
    return traces.find(page["query"])


@pytest.mark.parametrize("name", QUERIES)
def test_events_in_queries_exist_and_have_the_fields_that_are_asked_for(name: str) -> None:
    query = QUERIES[name]
    named, fields = events(query), set(re.findall(r"\bline(?:\.|\[\")(\w+)", query)) - {"event"}
    assert named <= set(Event)
    if not named:
        assert name == "queries/workbook/troubles.kql"
        return
    # Whatever is looked for in the whole text first is the same.
    assert set(re.findall(r'"(\w+)"', re.findall(r"message has.*", query)[0])) == named
    for event in named:
        assert fields <= documented()[event], event


@pytest.mark.parametrize("name", QUERIES)
def test_counts_in_queries_are_words_of_the_accounting(name: str) -> None:
    assert set(re.findall(r"\bcounts\.(\w+)", QUERIES[name])) <= {*OUTCOMES, "rows"}


@pytest.mark.parametrize("name", QUERIES)
def test_queries_read_log_lines_and_nothing_else(name: str) -> None:
    lines = [line for line in QUERIES[name].splitlines() if not line.startswith("//")]
    assert lines[0] == "traces"


def test_runs_are_listed_the_newest_first(traces: Traces) -> None:
    runs = found(traces, "runs")
    assert [(run["state"], run["dry_run"]) for run in runs][-1] == ("failed", False)
    assert len(runs) == 3
    newest = next(run for run in runs if not run["dry_run"])
    assert (newest["export"], newest["rows_read"], newest["accepted"], newest["removed"]) == (
        "newsletter",
        1000,
        480,
        7,
    )
    assert (newest["minutes"], newest["rejects_percent"]) == (2.0, 2.0)


def test_states_are_counted_by_day(traces: Traces) -> None:
    assert sum(row["runs"] for row in found(traces, "states")) == 3
    assert {row["state"] for row in found(traces, "states")} == {"successful", "completed_with_warnings", "failed"}


def test_contacts_are_those_of_real_runs(traces: Traces) -> None:
    days = found(traces, "contacts")
    assert sum(day["accepted"] or 0 for day in days) == 480
    assert set(days[0]) - {"day"} == set(OUTCOMES) - {"not_found", "kept_by_other_export"}


def test_durations_and_rejects_are_by_export(traces: Traces) -> None:
    assert {row["export"] for row in found(traces, "durations")} == {"newsletter"}
    assert max(row["minutes"] for row in found(traces, "durations")) == pytest.approx(2)
    assert max(row["percent"] for row in found(traces, "rejects")) == pytest.approx(2)


def test_waits_are_summed_by_reason(traces: Traces) -> None:
    assert {row["reason"]: row["minutes"] for row in found(traces, "waits")} == {
        "rate_limited": 0.5,
        "request_retried": 1.5,
    }


def test_troubles_are_the_apps_own_warnings_and_errors(traces: Traces) -> None:
    assert [row["event"] for row in found(traces, "troubles")].count("segment_unreadable") == 1
    assert {row["event"] for row in found(traces, "troubles")} == {"segment_unreadable", "run_ended"}


def test_every_page_has_its_query_and_every_query_its_page() -> None:
    text = (INFRA / "app/workbook.bicep").read_text()
    used = re.findall(r"name: '(\w+)'.*queries/workbook/(\w+)\.kql", text)
    assert all(page == query for page, query in used)
    assert sorted(query for _, query in used) == sorted(path.stem for path in (INFRA / "queries/workbook").iterdir())


def test_pages_follow_the_time_that_is_chosen() -> None:
    time = load("app/workbook.bicep")["variables"]["timeRange"]["value"]["content"]["parameters"][0]["name"]
    assert {page["content"]["timeContextFromParameter"] for page in PAGES} == {time}
    assert resources("app/workbook.bicep")["workbook"]["config"]["kind"] == "shared"

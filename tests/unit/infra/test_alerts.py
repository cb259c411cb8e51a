"""The alert rules: their queries are run on lines that the app has really written."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared import telemetry
from shared.cloud.storage import BLOB_POISON, RUN_POISON
from shared.erasures.record import ErasureState
from shared.runs import ended
from shared.runs.record import ErrorRecord, Kind, RunRecord, State
from shared.telemetry import Event
from tests.unit.infra.logs import Traces
from tests.unit.infra.templates import INFRA, ROOT, condition, evaluate, load, modules, passed, scope

MINUTE = timedelta(minutes=1)
FREQUENCIES = {"PT5M": 5 * MINUTE, "PT1H": 60 * MINUTE}
WINDOWS = {"PT15M": 15 * MINUTE, "PT30M": 30 * MINUTE, "P2D": 2880 * MINUTE}  # all are allowed ones


def rules(**given: Any) -> dict[str, dict[str, Any]]:
    """The rules of a deployment, by name."""
    names = scope("app/alerts.bicep", **passed("alerts", **given))
    return {rule["name"]: rule for rule in evaluate(load("app/alerts.bicep")["variables"]["rules"]["value"], names)}


def record(state: State = State.SUCCESSFUL, **more: Any) -> RunRecord:
    now = datetime.now(UTC)
    return RunRecord(
        run_id="newsletter-20261121T030000Z-0a1b2c",
        export_id="newsletter",
        kind=Kind.SCHEDULED,
        submitted_by="schedule",
        submitted_at=now - 3 * MINUTE,
        started_at=now - 2 * MINUTE,
        ended_at=now,
        state=state,
        **more,
    )


def end(traces: Traces, run: RunRecord, *, age: timedelta = MINUTE) -> None:
    with traces.listening(age=age), telemetry.bound(run_id=run.run_id, export_id=run.export_id):
        ended.tell(run)


def fires(traces: Traces, name: str, **given: Any) -> list[dict[str, Any]]:
    rule = rules(**given)[name]
    return traces.find(rule["query"], within=WINDOWS[rule["window"]])


@pytest.fixture
def traces() -> Traces:
    """Lines that the host and other code write, some of which look like the app's."""
    table = Traces()
    table.add("Executed 'Functions.process_run' (Succeeded, Id=1, Duration=240ms)")
    table.add("about run_ended, poison_messages and sweep_ended, but no JSON")
    table.add('{"message": "run_ended"}')
    table.add('["run_ended"]')
    return table


def test_a_run_that_failed_is_told_with_its_export(traces: Traces) -> None:
    end(traces, record())
    assert fires(traces, "run-failed") == []
    end(traces, record(State.FAILED, error=ErrorRecord(code="key_refused", message="SendGrid refused the key")))
    (found,) = fires(traces, "run-failed")
    assert (found["export_id"], found["code"]) == ("newsletter", "key_refused")


@pytest.mark.parametrize("state", [state for state in State if state.ended and state is not State.FAILED])
def test_other_ends_are_not_failures(traces: Traces, state: State) -> None:
    end(traces, record(state))
    assert fires(traces, "run-failed") == []


@pytest.mark.parametrize("queue", [RUN_POISON, BLOB_POISON])
def test_a_poison_message_is_told_with_its_queue(traces: Traces, queue: str) -> None:
    assert fires(traces, "poison-message") == []
    with traces.listening():
        telemetry.error(Event.POISON_MESSAGES, queue=queue, messages=2)
    assert [found["queue"] for found in fires(traces, "poison-message")] == [queue]


def test_a_poison_queue_that_cannot_be_looked_at_is_told_as_well(traces: Traces) -> None:
    with traces.listening():
        telemetry.error(Event.QUEUE_NOT_CHECKED, queue=RUN_POISON, code="storage_forbidden", message="no")
    assert [found["queue"] for found in fires(traces, "poison-message")] == [RUN_POISON]


def test_a_timer_that_has_fallen_silent_is_told(traces: Traces) -> None:
    with traces.listening(age=31 * MINUTE):
        telemetry.info(Event.SWEEP_ENDED, exports=1)
    assert len(fires(traces, "timer-silent")) == 1
    with traces.listening(age=29 * MINUTE):
        telemetry.info(Event.SWEEP_ENDED, exports=1)
    assert fires(traces, "timer-silent") == []


def test_the_timer_beats_several_times_within_the_window() -> None:
    every = re.fullmatch(r"0 \*/(\d+) \* \* \* \*", load("main.bicep")["parameters"]["refreshSchedule"]["default"])
    assert every
    assert 3 * int(every[1]) * MINUTE <= WINDOWS[rules()["timer-silent"]["window"]]


@pytest.mark.parametrize("event", [Event.EXPORT_NOT_QUEUED, Event.EXPORT_NOT_CHECKED])
def test_an_export_that_is_due_and_gets_no_run_is_told(traces: Traces, event: Event) -> None:
    assert fires(traces, "export-not-queued") == []
    with traces.listening():
        telemetry.error(event, export_id="newsletter", code="storage_unavailable", message="no answer")
    assert [found["export_id"] for found in fires(traces, "export-not-queued")] == ["newsletter"]


def test_an_erasure_that_failed_is_told_and_no_other(traces: Traces) -> None:
    for number, state in enumerate(ErasureState):
        with traces.listening(), telemetry.bound(erasure_id=str(number)):
            telemetry.error(Event.ERASURE_ENDED, state=state, code="process_died", remaining=[])
    [found] = fires(traces, "erasure-failed")
    assert (found["erasure_id"], found["code"]) == (str(list(ErasureState).index(ErasureState.FAILED)), "process_died")


def test_no_run_for_longer_than_the_schedule_is_told(traces: Traces) -> None:
    assert len(fires(traces, "no-run")) == 1
    end(traces, record(), age=timedelta(hours=27))
    assert len(fires(traces, "no-run")) == 1
    assert fires(traces, "no-run", alertHoursWithoutRun=28) == []
    end(traces, record(dry_run=True))
    assert len(fires(traces, "no-run")) == 1
    end(traces, record(State.FAILED), age=timedelta(hours=25))
    assert fires(traces, "no-run") == []


def test_the_default_schedule_is_shorter_than_what_is_too_long() -> None:
    parameters = load("main.bicep")["parameters"]
    minute, hour, *days = parameters["defaultSchedule"]["default"].split()
    assert minute.isdecimal()
    assert hour.isdecimal()
    assert days == ["*", "*", "*"]  # once a day
    assert parameters["alertHoursWithoutRun"]["default"] > 24
    longest = next(d["argument"] for d in parameters["alertHoursWithoutRun"]["decorators"] if d["type"] == "max_value")
    assert timedelta(hours=longest) <= WINDOWS[rules()["no-run"]["window"]]


def test_whoever_runs_more_seldom_can_turn_that_off() -> None:
    assert set(rules()) - set(rules(alertHoursWithoutRun=0)) == {"no-run"}


@pytest.mark.parametrize(("invalid", "told"), [(50, []), (51, [5.1])])
def test_rejects_above_the_share_are_told(traces: Traces, invalid: int, told: list[float]) -> None:
    end(traces, record(State.COMPLETED_WITH_WARNINGS, counts={"rows": 1000, "invalid_email": invalid}))
    end(traces, record(dry_run=True, counts={"rows": 1000, "invalid_email": 900}))
    assert [pytest.approx(found["percent"]) for found in fires(traces, "rejects")] == told


def test_how_many_rejects_are_too_many_can_be_chosen(traces: Traces) -> None:
    end(traces, record(State.COMPLETED_WITH_WARNINGS, counts={"rows": 1000, "invalid_email": 51}))
    assert fires(traces, "rejects", alertRejectsPercent=6) == []


def test_a_rule_looks_back_further_than_to_the_last_time_it_looked() -> None:
    """So that a line that arrives late is not missed."""
    for rule in rules().values():
        assert FREQUENCIES[rule["frequency"]] * 3 <= WINDOWS[rule["window"]]
        assert rule["severity"] in range(5)


def test_alerts_are_split_by_columns_that_their_queries_give() -> None:
    for rule in rules().values():
        for dimension in rule["dimensions"]:
            assert f"{dimension['name']} = tostring(line.{dimension['name']})" in rule["query"]


def test_whatever_a_query_finds_is_an_alert_and_goes_to_the_people_who_are_named() -> None:
    params = modules("app/alerts.bicep")["alerts"]["config"]["params"]
    (criterion,) = params["criterias"]["allOf"]
    assert (criterion["timeAggregation"], criterion["operator"], criterion["threshold"]) == ("Count", "GreaterThan", 0)
    assert params["scopes"] == ["insightsResourceId"]
    given = passed("alerts", alertEmails="ada@example.com,bob@example.com")
    receivers = evaluate(
        modules("app/alerts.bicep")["people"]["config"]["params"]["emailReceivers"], scope("app/alerts.bicep", **given)
    )
    assert [receiver["emailAddress"] for receiver in receivers] == ["ada@example.com", "bob@example.com"]
    assert condition("app/alerts.bicep", "people", **given) is True
    assert condition("app/alerts.bicep", "people", **passed("alerts")) is False


def test_every_query_is_used() -> None:
    text = (INFRA / "app/alerts.bicep").read_text()
    used = re.findall(r"loadTextContent\('\.\./queries/(alerts/[\w-]+\.kql)'\)", text)
    assert sorted(used) == sorted(f"alerts/{path.name}" for path in (INFRA / "queries/alerts").iterdir())


def test_every_alert_is_explained() -> None:
    guide = (ROOT / "docs/first-deployment.md").read_text()
    assert re.findall(r"^\| `([a-z-]+)` \|", guide, re.MULTILINE) == list(rules())

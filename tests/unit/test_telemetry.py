"""Log lines, spans and metrics by their names, and what they cost and tell when nobody wants them."""

import json
import logging
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics.export import HistogramDataPoint

from shared import telemetry
from shared.errors import RetryLater, RunFailed, ServiceUnavailable
from shared.telemetry import METRICS, OUTCOMES, Event, Metric, Span
from tests.telling import Telling, lines

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "telemetry.md").read_text(encoding="utf-8")
SOURCES = [path.read_text(encoding="utf-8") for path in (ROOT / "shared").rglob("*.py") if path.name != "telemetry.py"]


def test_a_line_is_one_json_object_with_what_is_bound(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with telemetry.bound(run_id="a-1", export_id="a"):
        telemetry.warning(Event.RUN_TROUBLED, code="broken", message="two\nlines, exämple", attempt=2)
    telemetry.info(Event.SWEEP_OVERTAKEN)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert all("\n" not in message for message in caplog.messages)
    told = {"event": "run_troubled", "run_id": "a-1", "export_id": "a", "code": "broken", "attempt": 2}
    assert lines(caplog.records) == [{**told, "message": "two\nlines, exämple"}, {"event": "sweep_overtaken"}]


def test_what_is_bound_and_the_span_go_to_other_threads(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    def work(number: int) -> None:
        with telemetry.span("inner", {"number": number}):
            telemetry.info(Event.EXPORT_BUSY, number=number)

    with Telling() as telling, ThreadPoolExecutor(2) as pool:
        with telemetry.bound(run_id="a-1"), telemetry.span("outer", {}):
            for future in [pool.submit(telemetry.carried(work), number) for number in range(3)]:
                future.result()
        outer = telling.spans("outer")[0].get_span_context()
        assert outer
        inner = telling.spans("inner")
    assert {span.parent.span_id for span in inner if span.parent} == {outer.span_id}
    assert {(span.attributes or {})["run_id"] for span in inner} == {"a-1"}
    assert [line["run_id"] for line in lines(caplog.records)] == ["a-1"] * 3


@pytest.mark.parametrize(
    ("error", "code", "ok"),
    [
        (ValueError("ada@example.com"), "ValueError", False),
        (RunFailed("of Ada's", code="no_consent"), "no_consent", False),
        (ServiceUnavailable("of Ada's", code="storage_unavailable", retry_after=1), "storage_unavailable", False),
        (RetryLater("of Ada's", code="jobs_pending", retry_after=1), "jobs_pending", True),
    ],
)
def test_an_error_leaves_its_code_on_the_span_and_not_its_text(error: Exception, code: str, ok: bool) -> None:
    with Telling() as telling:
        with pytest.raises(type(error)), telemetry.span("phase send", {"phase": "send"}, metric=Metric.PHASE_DURATION):
            raise error
        [span] = telling.spans()
        [point] = telling.points(Metric.PHASE_DURATION)
        text = telling.text()
    assert span.attributes == {"phase": "send", "code": code}
    assert span.status.is_ok is ok
    assert isinstance(point, HistogramDataPoint)
    assert (point.count, point.attributes) == (1, {"phase": "send", "code": code})
    assert "ada" not in text.lower()


def test_a_metric_takes_no_attribute_that_is_not_its_own() -> None:
    with Telling() as telling, telemetry.bound(run_id="a-1", export_id="a"):
        telemetry.measure(Metric.CONTACTS, 3, {"outcome": "accepted", "address": "ada@example.com"})
        assert [dict(point.attributes or {}) for point in telling.points(Metric.CONTACTS)] == [
            {"export_id": "a", "outcome": "accepted"}
        ]


def test_until_it_is_wanted_opentelemetry_is_not_even_loaded() -> None:
    """In a process of its own: a run's modules are there, spans and metrics are asked for, and errors still pass."""
    code = """if True:
        import contextlib, sys
        from shared import telemetry
        from shared.runs import worker
        from shared.telemetry import Metric
        span = telemetry.span("slice", {}, parent="00-1-2-01", metric=Metric.RUN_DURATION)
        with contextlib.suppress(ValueError), span:
            telemetry.measure(Metric.CONTACTS, 1, {})
            raise ValueError
        telemetry.flush(1)
        print([name for name in sys.modules if "opentelemetry" in name or "monitor" in name])
    """
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.strip() == "[]"


def test_sdks_say_nothing_but_what_is_wrong(caplog: pytest.LogCaptureFixture) -> None:
    names = ("azure", "msal", "msrest", "opentelemetry", "urllib3")
    before = {name: logging.getLogger(name).level for name in names}
    caplog.set_level(logging.INFO)
    try:
        telemetry.quiet()
        logging.getLogger("azure.core.pipeline.policies.http_logging_policy").info("Request URL")
        logging.getLogger("urllib3.connectionpool").warning("Failed to parse headers (url=https://a/b?sig=secret)")
        assert caplog.text == ""
        logging.getLogger("azure.identity").warning("no credential")
        assert "no credential" in caplog.text
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def test_the_page_has_every_name_and_no_other() -> None:
    tables = {title: re.findall(r"^\| `([^`]+)`", text, re.MULTILINE) for title, text in sections().items()}
    assert sorted(tables["Log lines"]) == sorted(Event)
    assert sorted(tables["Metrics"]) == sorted(Metric)
    assert {name.split()[0] for name in tables["Spans"]} >= set(Span)
    for metric, (_, attributes, _) in METRICS.items():
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{metric}`"))
        named = set(re.findall(r"`(\w+)`", row.split("|")[3])) - {"process", "queue"} | ({"queue"} & attributes)
        assert named == attributes
    assert all(f"`{outcome}`" in PAGE for outcome in OUTCOMES)


def sections() -> dict[str, str]:
    parts = re.split(r"^## (.*)$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("name", [f"{type(each).__name__}.{each.name}" for each in (*Event, *Metric, *Span)])
def test_every_name_is_used(name: str) -> None:
    assert any(re.search(rf"\b{re.escape(name)}\b", source) for source in SOURCES)


def test_the_example_on_the_page_is_a_line() -> None:
    example = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert example
    assert json.loads(example[1])["event"] == Event.RUN_ENDED


def test_nothing_else_writes_to_the_log() -> None:
    """One voice: a line that is no event has no ids, and nobody has looked at what it may hold."""
    for path in [ROOT / "function_app.py", *(ROOT / "shared").rglob("*.py")]:
        if path.name != "telemetry.py" and path.parent.name != "cli":
            source = path.read_text(encoding="utf-8")
            assert "import logging" not in source, path
            assert not re.search(r"^\s*print\(", source, re.MULTILINE), path

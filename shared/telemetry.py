"""What the app tells of its work: log lines, spans and metrics, each by a name of this module (docs/telemetry.md).

Log lines are one JSON object each: the Functions worker hands on a line's text and nothing else. Spans and metrics go
nowhere, and load nothing, until `use` is told where to (`shared.cloud.insights`).

Nobody is named in any of it: values are ids of runs and exports, codes, numbers, and the messages of `shared.errors`,
which hold no address, name or key.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from shared.errors import ExportError, RetryLater, ServiceUnavailable

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

NAME = "segments_to_sendgrid"  # of the logger, the tracer and the meter

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger(NAME)


class Event(StrEnum):
    """The `event` of a log line."""

    RUN_QUEUED = "run_queued"  # kind, mode, dry_run, removes_export
    RUN_STARTED = "run_started"  # kind, mode, dry_run, waited
    RUN_TROUBLED = "run_troubled"  # code, message, attempt, retry_after: a slice failed, another one follows
    RUN_ENDING = "run_ending"  # code, message: it cannot go on; what was sent is settled first
    RUN_ENDED = "run_ended"  # state, code, cautions, kind, mode, dry_run, seconds, slices, counts, rejects_share
    RUN_STUCK = "run_stuck"  # the sweep found a run that lost its message, and wakes it up
    RUN_RECORD_MISSING = "run_record_missing"  # message
    FORMAT_NEWER = "format_newer"  # message: a newer version of the app wrote it, and it is left alone
    EXPORT_BUSY = "export_busy"  # another instance works on it: the message comes back
    EXPORT_NOT_QUEUED = "export_not_queued"  # code, message: it was due, and could not be queued
    EXPORT_NOT_CHECKED = "export_not_checked"  # code, message: the sweep could not look for stuck runs
    QUEUE_NOT_CHECKED = "queue_not_checked"  # queue, code, message: nor for poison messages
    EXPORT_REMOVED = "export_removed"
    ERASURE_QUEUED = "erasure_queued"  # delete_contact
    ERASURE_TROUBLED = "erasure_troubled"  # code, message, attempt, retry_after
    ERASURE_ENDED = "erasure_ended"  # state, code, remaining
    ERASURE_STUCK = "erasure_stuck"  # the sweep found one that lost its message, and wakes it up
    ERASURE_MISSING = "erasure_missing"  # message
    DELIVERY_CHOSEN = "delivery_chosen"  # delivery, reason
    LIST_NOT_COUNTED = "list_not_counted"  # code, message
    SEGMENT_UNREADABLE = "segment_unreadable"  # code, message
    DOCUMENT_INVALID = "document_invalid"  # message
    RATE_LIMITED = "rate_limited"  # route, seconds
    REQUEST_RETRIED = "request_retried"  # route, code, attempt, seconds
    SWEEP_ENDED = "sweep_ended"  # exports, invalid, queued, not_queued, stuck, poison: the heartbeat
    SWEEP_OVERTAKEN = "sweep_overtaken"  # another sweep was faster
    POISON_MESSAGES = "poison_messages"  # queue, messages
    CALL_FAILED = "call_failed"  # code, message, status: the HTTP API answered with a failure
    INTERNAL_ERROR = "internal_error"  # place: a fault of the app


class Span(StrEnum):
    """Names of spans. A phase has its own behind it, `phase send`; a request to SendGrid is named by its route."""

    RUN = "run"
    SLICE = "slice"
    PHASE = "phase"


class Metric(StrEnum):
    """Names of metrics."""

    RUN_DURATION = "run.duration"
    PHASE_DURATION = "phase.duration"
    REQUEST_DURATION = "request.duration"
    CONTACTS = "contacts"
    QUEUE_AGE = "queue.age"
    RATE_LIMIT_WAIT = "rate_limit.wait"


# Unit, attributes, meaning. Those in seconds are histograms, the others counters. Attributes that are not named here
# never get into a metric: each value of each makes another series.
METRICS: Mapping[Metric, tuple[str, frozenset[str], str]] = {
    Metric.RUN_DURATION: (
        "s",
        frozenset({"export_id", "kind", "mode", "dry_run", "state"}),
        "From the start of a run to its end",
    ),
    Metric.PHASE_DURATION: ("s", frozenset({"export_id", "phase", "code"}), "One phase within one slice"),
    Metric.REQUEST_DURATION: ("s", frozenset({"route", "status", "code"}), "One request to SendGrid"),
    Metric.CONTACTS: (
        "{contact}",
        frozenset({"export_id", "outcome"}),
        "Rows and leavers of ended runs, by what became of them",
    ),
    Metric.QUEUE_AGE: ("s", frozenset({"queue"}), "From when a message was due to when it is worked on"),
    Metric.RATE_LIMIT_WAIT: (
        "s",
        frozenset({"route", "where"}),
        "Waits for SendGrid's rate limit, in the process or in the queue",
    ),
}
BOUNDARIES = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 1800, 3600, 7200, 14400)  # seconds

# What becomes of rows and of leavers: each is one of these, so these add up to `rows` and to `leavers`.
OUTCOMES = (
    *("malformed", "filtered", "no_email", "invalid_email", "duplicate"),
    *("unchanged", "accepted", "rejected_by_sendgrid", "unconfirmed"),
    *("removed", "not_found", "kept_by_other_export", "failed_removals"),
)


def _nothing() -> None:
    """Nothing is held back."""


_bound: ContextVar[Mapping[str, Any]] = ContextVar("bound", default={})  # noqa: B039 -- never altered, only replaced
_tracer: Any = None
_flush: Callable[[], None] = _nothing
_instruments: dict[Metric, Callable[[float, Mapping[str, Any]], None]] = {}


def use(tracers: "TracerProvider", meters: "MeterProvider", *, flush: Callable[[], None] = _nothing) -> None:
    """From now on spans and metrics go to these. `flush` sends what they hold back."""
    global _tracer, _flush
    meter = meters.get_meter(NAME)
    for metric, (unit, _, meaning) in METRICS.items():
        if unit == "s":
            boundaries = list(BOUNDARIES)
            histogram = meter.create_histogram(metric, unit, meaning, explicit_bucket_boundaries_advisory=boundaries)
            _instruments[metric] = histogram.record
        else:
            _instruments[metric] = meter.create_counter(metric, unit, meaning).add
    _tracer, _flush = tracers.get_tracer(NAME), flush


def flush(seconds: float) -> None:
    """Send what is held back, before the process goes; for so many seconds at most."""
    thread = threading.Thread(target=_flush, name="flush", daemon=True)
    thread.start()
    thread.join(seconds)


def quiet() -> None:
    """The Functions worker sets the root logger to INFO, where SDKs tell of every request. Errors of theirs remain.

    urllib3 warns of odd answers with the whole URL, which may be a key to a file.
    """
    for name in ("azure", "msal", "msrest", "opentelemetry"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("urllib3").setLevel(logging.ERROR)


@contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Put `fields` into every line and span within."""
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def carried(work: Callable[P, T]) -> Callable[P, T]:
    """`work` for another thread: what is bound here, the span and the host's invocation go with it."""
    return partial(copy_context().run, work)


def info(event: Event, **fields: Any) -> None:
    """A step in the ordinary course of things."""
    _write(logging.INFO, event, fields)


def warning(event: Event, **fields: Any) -> None:
    """Something that a person may want to look at."""
    _write(logging.WARNING, event, fields)


def error(event: Event, **fields: Any) -> None:
    """Something that a person has to look at."""
    _write(logging.ERROR, event, fields)


def _write(level: int, event: Event, fields: Mapping[str, Any]) -> None:
    if log.isEnabledFor(level):
        log.log(level, "%s", json.dumps({"event": event, **_bound.get(), **fields}, ensure_ascii=False, default=str))


def measure(metric: Metric, value: float, attributes: Mapping[str, Any]) -> None:
    """Record a duration or add to a count; of the attributes only those that `METRICS` names."""
    record = _instruments.get(metric)
    if record:
        names = METRICS[metric][1]
        record(value, {name: each for name, each in {**_bound.get(), **attributes}.items() if name in names})


@contextmanager
def span(
    name: str, attributes: Mapping[str, Any], *, metric: Metric | None = None, parent: str = "", request: bool = False
) -> Iterator[dict[str, Any]]:
    """A span around what is within; attributes may be added to what it gives until it ends.

    `metric` gets its duration. `parent`: a W3C `traceparent` of the host's. `request`: to another service. An error
    that passes through leaves its code, or the name of its class, as `code`; never its text, which may quote a row.
    """
    noted = {**_bound.get(), **attributes}
    if _tracer is None:
        yield noted
        return
    from opentelemetry.trace import SpanKind, Status, StatusCode

    began = time.perf_counter()
    with _tracer.start_as_current_span(
        name,
        context=_context(parent),
        kind=SpanKind.CLIENT if request else SpanKind.INTERNAL,
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield noted
        except BaseException as passing:
            noted["code"] = passing.code if isinstance(passing, ExportError) else type(passing).__name__
            noted["failed"] = _is_failure(passing)
            raise
        finally:
            if noted.pop("failed", False):
                current.set_status(Status(StatusCode.ERROR))
            current.set_attributes({key: value for key, value in noted.items() if value is not None})
            if metric:
                measure(metric, time.perf_counter() - began, noted)


def span_between(name: str, began: datetime, ended: datetime, attributes: Mapping[str, Any], *, failed: bool) -> None:
    """A span that is known only when it is over, such as that of a run of many slices."""
    if _tracer is None:
        return
    from opentelemetry.trace import Status, StatusCode

    current = _tracer.start_span(name, start_time=_nanoseconds(began))
    current.set_attributes({key: value for key, value in attributes.items() if value is not None})
    if failed:
        current.set_status(Status(StatusCode.ERROR))
    current.end(end_time=_nanoseconds(ended))


def _context(parent: str) -> Any:
    """The host's span as a context; None, which is the context of here, if there is none."""
    if not parent:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": parent})


def _is_failure(error: BaseException) -> bool:
    """A pause is none; a service that does not answer is."""
    return not isinstance(error, RetryLater) or isinstance(error, ServiceUnavailable)


def _nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1e9)

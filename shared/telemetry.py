"""What the app tells of its work: log lines, spans and metrics, each by a name of this module (docs/telemetry.md).

Log lines are one JSON object each: the Functions worker hands on a line's text and nothing else. Spans and metrics go
nowhere, and load nothing, until `use` is told where to (`shared.cloud.insights`).

Nobody is named in any of it: values are ids of runs and exports, codes, numbers, and the messages of `shared.errors`,
which hold no address, name or key.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import Any

log = logging.getLogger("segments_to_sendgrid")


class Event(StrEnum):
    """The `event` of a log line."""

    RUN_QUEUED = "run_queued"  # kind, mode, dry_run, removes_export
    RUN_STARTED = "run_started"  # kind, mode, dry_run, waited
    RUN_TROUBLED = "run_troubled"  # code, message, attempt, retry_after: a slice failed, another one follows
    RUN_ENDING = "run_ending"  # code, message: it cannot go on; what was sent is settled first
    RUN_ENDED = "run_ended"  # state, code, cautions, kind, mode, dry_run, seconds, slices, counts, rejects_share
    RUN_STUCK = "run_stuck"  # the sweep found a run that lost its message, and wakes it up
    RUN_RECORD_MISSING = "run_record_missing"  # message
    EXPORT_BUSY = "export_busy"  # another instance works on it: the message comes back
    EXPORT_NOT_QUEUED = "export_not_queued"  # code, message: it was due, and could not be queued
    EXPORT_NOT_CHECKED = "export_not_checked"  # code, message: the sweep could not look for stuck runs
    EXPORT_REMOVED = "export_removed"
    DELIVERY_CHOSEN = "delivery_chosen"  # delivery, reason
    LIST_NOT_COUNTED = "list_not_counted"  # code, message
    SEGMENT_UNREADABLE = "segment_unreadable"  # code, message
    DOCUMENT_INVALID = "document_invalid"  # message
    RATE_LIMITED = "rate_limited"  # route, seconds
    REQUEST_RETRIED = "request_retried"  # route, code, attempt, seconds
    SWEEP_ENDED = "sweep_ended"  # exports, invalid, due, queued, not_queued, stuck, poison: the heartbeat
    SWEEP_OVERTAKEN = "sweep_overtaken"  # another sweep was faster
    POISON_MESSAGES = "poison_messages"  # queue, messages
    CALL_FAILED = "call_failed"  # code, message, status: the HTTP API answered with a failure
    INTERNAL_ERROR = "internal_error"  # place: a fault of the app


class Span(StrEnum):
    """Names of spans. A request to SendGrid has its route's: `PUT /v3/marketing/contacts`."""

    RUN = "run"  # from the run's start to its end, over all its slices
    SLICE = "slice"  # one message
    # One phase within a slice; `phase prepare`, `phase send`, …
    PHASE = "phase"


class Metric(StrEnum):
    """Names of metrics; their units and attributes are in `METRICS`."""

    RUN_DURATION = "run.duration"
    PHASE_DURATION = "phase.duration"
    REQUEST_DURATION = "request.duration"
    CONTACTS = "contacts"
    QUEUE_AGE = "queue.age"
    RATE_LIMIT_WAIT = "rate_limit.wait"


# Unit, attributes, meaning. Those in seconds are histograms, the others counters.
METRICS: dict[Metric, tuple[str, tuple[str, ...], str]] = {
    Metric.RUN_DURATION: ("s", ("export_id", "kind", "mode", "dry_run", "state"), "From a run's start to its end"),
    Metric.PHASE_DURATION: ("s", ("export_id", "phase", "error.type"), "One phase within one slice"),
    Metric.REQUEST_DURATION: (
        "s",
        ("http.request.method", "url.template", "http.response.status_code", "error.type"),
        "One request to SendGrid",
    ),
    Metric.CONTACTS: ("{contact}", ("export_id", "outcome"), "Rows, contacts and leavers of ended runs by outcome"),
    Metric.QUEUE_AGE: ("s", ("queue",), "From when a message was due to when it is worked on"),
    Metric.RATE_LIMIT_WAIT: (
        "s",
        ("http.request.method", "url.template", "where"),
        "Waits for SendGrid's rate limit, in the process or in the queue",
    ),
}

# What becomes of rows and of leavers: each is one of these, so these add up to `rows` and to `leavers`.
OUTCOMES = (
    *("malformed", "filtered", "no_email", "invalid_email", "duplicate"),
    *("unchanged", "accepted", "rejected_by_sendgrid", "unconfirmed"),
    *("removed", "not_found", "kept_by_other_export", "failed_removals"),
)

_bound: ContextVar[dict[str, Any]] = ContextVar("bound", default={})  # noqa: B039 -- never altered, only replaced


@contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Put `fields` into every line within."""
    token = _bound.set(_bound.get() | fields)
    try:
        yield
    finally:
        _bound.reset(token)


def info(event: Event, **fields: Any) -> None:
    """A step in the ordinary course of things."""
    _write(logging.INFO, event, fields)


def warning(event: Event, **fields: Any) -> None:
    """Something that a person may want to look at."""
    _write(logging.WARNING, event, fields)


def error(event: Event, **fields: Any) -> None:
    """Something that a person has to look at."""
    _write(logging.ERROR, event, fields)


def _write(level: int, event: Event, fields: dict[str, Any]) -> None:
    line = {"event": event, **_bound.get(), **fields}
    log.log(level, "%s", json.dumps(line, default=str, ensure_ascii=False))

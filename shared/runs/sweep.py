"""What the clock starts: scheduled runs, and runs that lost their message."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from shared import telemetry
from shared.cloud.storage import BLOB_POISON, RUN_POISON
from shared.destinations.schedule import due
from shared.errors import Conflict, ExportError, NotFound
from shared.runs import formats, messages, removal
from shared.runs.formats import Versioned
from shared.runs.messages import Message
from shared.runs.record import Kind, Request, RunRecord
from shared.runs.services import Services
from shared.runs.start import start
from shared.telemetry import Event

LOOK_BACK = timedelta(hours=1)  # times missed while the app was down for longer are not caught up with
ORPHAN_AFTER = timedelta(minutes=15)  # a record this old: longer than a slice, a pause, and a dead instance's message
VERSION = 1  # of sweep.json
_NAME = "sweep.json"


class Sweep(Versioned):
    """`state/sweep.json`: up to when the schedules have been looked at."""

    swept_at: datetime


@dataclass(slots=True)
class _Found:
    """What a sweep has come upon, in numbers."""

    exports: int = 0
    invalid: int = 0  # documents that are none
    queued: int = 0
    not_queued: int = 0  # exports that are due, and cannot be queued
    stuck: int = 0  # runs
    poison: int = 0  # messages


def sweep(services: Services) -> list[RunRecord]:
    """Queue what is due since the last sweep, then wake up what got stuck. Safe to do twice, or at the same time."""
    found, now = _Found(), services.now()
    since, etag = _last(services, now)
    started = _start_due(services, since, now, found)
    try:
        content = Sweep(swept_at=now).model_dump_json().encode()
        services.storage.state.write(_NAME, content, if_match=etag, if_absent=etag is None)
    except Conflict:
        telemetry.info(Event.SWEEP_OVERTAKEN)
    _wake_orphans(services, now, found)
    _look_for_poison(services, found)
    telemetry.info(Event.SWEEP_ENDED, **asdict(found))
    return started


def _last(services: Services, now: datetime) -> tuple[datetime, str | None]:
    try:
        blob = services.storage.state.read(_NAME)
    except NotFound:
        return now, None  # the first sweep of all: there is nothing to catch up with
    last = formats.read(Sweep, blob.content, f"state/{_NAME}", VERSION)
    return max(last.swept_at, now - LOOK_BACK), blob.etag


def _start_due(services: Services, since: datetime, now: datetime, found: _Found) -> list[RunRecord]:
    exports, invalid = services.destinations.exports()
    for error in invalid:
        telemetry.error(Event.DOCUMENT_INVALID, message=error.message)
    found.exports, found.invalid = len(exports), len(invalid)
    started = []
    for export in exports:
        try:
            is_due = due(
                export,
                since=since,
                now=now,
                default_schedule=services.settings.default_schedule,
                default_timezone=services.settings.default_timezone,
            )
            if is_due:
                request = Request(kind=Kind.SCHEDULED, submitted_by="schedule", submitted_at=now)
                started.append(start(services, export.id, request))
        except ExportError as error:  # the others are due all the same
            found.not_queued += 1
            telemetry.error(Event.EXPORT_NOT_QUEUED, export_id=export.id, code=error.code, message=error.message)
    found.queued = len(started)
    return started


def _wake_orphans(services: Services, now: datetime, found: _Found) -> None:
    for export_id in services.turns.exports():
        try:
            found.stuck += _wake_orphan(services, export_id, now)
        except ExportError as error:
            telemetry.error(Event.EXPORT_NOT_CHECKED, export_id=export_id, code=error.code, message=error.message)


def _wake_orphan(services: Services, export_id: str, now: datetime) -> bool:
    """Whether there was one."""
    turn = services.turns.load(export_id)
    if turn.active:
        touched, message = _last_seen(services, Message(run_id=turn.active, export_id=export_id))
    elif turn.waiting:
        first = turn.waiting[0]
        touched, message = first.request.submitted_at, Message(run_id=first.run_id, export_id=export_id)
    else:
        removal.recover(services, export_id, turn)
        return False
    stuck = now - touched > ORPHAN_AFTER
    if stuck:
        telemetry.warning(Event.RUN_STUCK, run_id=message.run_id, export_id=export_id)
        messages.send(services.storage.export_runs, message)
    return stuck


def _last_seen(services: Services, message: Message) -> tuple[datetime, Message]:
    """When the run's record was last written, and the message of the slice that it is at."""
    try:
        run, touched = services.runs.load_with_age(message.run_id)
    except NotFound:
        return datetime.min.replace(tzinfo=UTC), message  # without its record it only keeps the others waiting
    return touched, message.model_copy(update={"slice": run.slice})


def _look_for_poison(services: Services, found: _Found) -> None:
    """Messages that the host has given up on say nothing by themselves."""
    for queue in (RUN_POISON, BLOB_POISON):
        try:
            count = services.storage.poisoned(queue)
        except ExportError as error:
            telemetry.error(Event.QUEUE_NOT_CHECKED, queue=queue, code=error.code, message=error.message)
            continue
        found.poison += count
        if count:
            telemetry.error(Event.POISON_MESSAGES, queue=queue, messages=count)

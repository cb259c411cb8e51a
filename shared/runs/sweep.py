"""What the clock starts: scheduled runs, and runs that lost their message."""

import logging
from datetime import UTC, datetime, timedelta

from shared.destinations.schedule import due
from shared.errors import Conflict, ExportError, NotFound
from shared.runs import formats, messages, removal
from shared.runs.formats import Versioned
from shared.runs.messages import Message
from shared.runs.record import Kind, Request, RunRecord
from shared.runs.services import Services
from shared.runs.start import start

log = logging.getLogger(__name__)

LOOK_BACK = timedelta(hours=1)  # times missed while the app was down for longer are not caught up with
ORPHAN_AFTER = timedelta(minutes=15)  # a record this old: longer than a slice, a pause, and a dead instance's message
VERSION = 1  # of sweep.json
_NAME = "sweep.json"


class Sweep(Versioned):
    """`state/sweep.json`: up to when the schedules have been looked at."""

    swept_at: datetime


def sweep(services: Services) -> list[RunRecord]:
    """Queue what is due since the last sweep, then wake up what got stuck. Safe to do twice, or at the same time."""
    now = services.now()
    since, etag = _last(services, now)
    started = _start_due(services, since, now)
    try:
        content = Sweep(swept_at=now).model_dump_json().encode()
        services.storage.state.write(_NAME, content, if_match=etag, if_absent=etag is None)
    except Conflict:
        log.info("another sweep was faster")
    _wake_orphans(services, now)
    return started


def _last(services: Services, now: datetime) -> tuple[datetime, str | None]:
    try:
        blob = services.storage.state.read(_NAME)
    except NotFound:
        return now, None  # the first sweep of all: there is nothing to catch up with
    last = formats.read(Sweep, blob.content, f"state/{_NAME}", VERSION)
    return max(last.swept_at, now - LOOK_BACK), blob.etag


def _start_due(services: Services, since: datetime, now: datetime) -> list[RunRecord]:
    exports, invalid = services.destinations.exports()
    for error in invalid:
        log.error("%s", error.message)
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
            log.error("%s: %s", export.id, error.message)
    return started


def _wake_orphans(services: Services, now: datetime) -> None:
    for export_id in services.turns.exports():
        try:
            _wake_orphan(services, export_id, now)
        except ExportError as error:
            log.error("%s: %s", export_id, error.message)


def _wake_orphan(services: Services, export_id: str, now: datetime) -> None:
    turn = services.turns.load(export_id)
    if turn.active:
        touched, message = _last_seen(services, Message(run_id=turn.active, export_id=export_id))
    elif turn.waiting:
        first = turn.waiting[0]
        touched, message = first.request.submitted_at, Message(run_id=first.run_id, export_id=export_id)
    else:
        removal.recover(services, export_id, turn)
        return
    if now - touched > ORPHAN_AFTER:
        log.warning("run %s got stuck: waking it up", message.run_id)
        messages.send(services.storage.export_runs, message)


def _last_seen(services: Services, message: Message) -> tuple[datetime, Message]:
    """When the run's record was last written, and the message of the slice that it is at."""
    try:
        run, touched = services.runs.load_with_age(message.run_id)
    except NotFound:
        return datetime.min.replace(tzinfo=UTC), message  # without its record it only keeps the others waiting
    return touched, message.model_copy(update={"slice": run.slice})

"""Prepare: look at everything a run depends on, then make and store its plan.

Once the guards have passed, batches go out while the rest is still being written. Should that be interrupted, the plan
is made anew, maybe of another snapshot: whoever was in a batch that had begun then counts as a member, unconfirmed.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

from shared.contacts.batches import Batch
from shared.contacts.joined import joined
from shared.contacts.mapping import CustomField, FieldType, Mapping, missing_fields
from shared.contacts.parsed import parsed
from shared.contacts.parts import ImportFile, Parts
from shared.contacts.plan import PlanCounts, Planner
from shared.contacts.reading import LocalFile
from shared.destinations.checks import problems
from shared.destinations.models import Connection, Export
from shared.errors import NotFound, RetryLater, RunFailed, RunSkipped
from shared.runs import config, delivery, members
from shared.runs.ahead import ahead, some_ahead
from shared.runs.claim import claim
from shared.runs.record import BatchKind, Mode, Phase, Progress, RemovalRecord, RunRecord, SnapshotRecord
from shared.runs.send import Sending
from shared.runs.services import Services
from shared.runs.slice import Slice
from shared.runs.store import file_of, leavers_name, listed_name
from shared.runs.turn import Turn
from shared.segments import landing
from shared.segments.snapshot import Incomplete, Snapshot, SnapshotFile
from shared.sendgrid.client import SendGrid

SMALL = 2 * 1024 * 1024  # bytes of files that are held in memory, FETCHED of them at most, while others are read
FETCHED = 3
LEAVERS_PORTION = 1000  # leavers a checkpoint; SendGrid is asked for 100 of them at a time


def prepare(services: Services, here: Slice) -> None:
    """Make the plan, or end the run: RunSkipped by a guard, RunFailed by what does not work."""
    from shared.contacts.engine import engine, work_folder

    run = here.run
    _set_aside(run)
    if run.earlier:
        config.unchanged(services, run)  # they were sent to that list, and have to be known there
    export, connection = _destination(services, run)
    # Nothing in here can be cut in two by the end of the slice: it would begin from nothing in the next one.
    sendgrid = services.sendgrid(connection, here.check_lease)
    sendgrid.check_key()
    sendgrid.contact_list(export.list_id)
    # The last run of an export that is to be removed takes everybody off the list, whatever is in the segments.
    segments = () if run.removes_export else export.segments
    mapping = _mapping(export, sendgrid, dry_run=run.dry_run) if segments else Mapping("", (), (), clear_empty=False)
    snapshots = [_snapshot(services, segment) for segment in segments]
    if not run.dry_run:
        claim(services, run, export.list_id)  # last, so that nobody waits for a run that waits itself

    run.connection_id, run.list_id = connection.id, export.list_id
    if run.mode is Mode.RECONCILE and not _list_is_read(run):
        here.enter(Phase.READ_LIST)  # which comes back
        return
    run.snapshots = {snapshot.segment: _snapshot_record(snapshot) for snapshot in snapshots}
    with work_folder() as folder, engine(folder) as database:
        planner = Planner(database, mapping)
        arriving = ahead(joined(_files(services, here, snapshots, folder)))
        for file in ahead(parsed(database, mapping, arriving)):
            planner.add(file)
        plan = _decide(services, run, export, planner, folder)
        run.counts = plan.as_dict()
        if not run.removes_export:
            _guard(export, connection, plan, force=run.force)
        run.progress = Progress(total=plan.upserts + plan.leavers - plan.kept_by_other_export)
        columns = delivery.choose(run, export, connection, planner, sendgrid)
        parts = Parts(folder, None if run.dry_run else columns)
        trouble = _store_plan(services, here, planner, parts, connection)
    run.planned = True
    if not run.dry_run:
        _note_snapshots(services, run)
    here.enter(Phase.FINISH if run.dry_run else Phase.SEND)
    if trouble:
        raise trouble


def _set_aside(run: RunRecord) -> None:
    """What an interrupted try has left."""
    run.earlier = run.unplanned
    run.batches, run.removals, run.planned = [], [], False


def _destination(services: Services, run: RunRecord) -> tuple[Export, Connection]:
    try:
        export = services.destinations.export(run.export_id)
    except NotFound as error:
        raise RunSkipped(
            f"export {run.export_id} does not exist",
            code="export_missing",
            advice=f"Add config/exports/{run.export_id}.json, or stop starting it.",
        ) from error
    if not export.enabled and not run.removes_export:
        raise RunSkipped(
            f"export {export.id} is not enabled", code="export_disabled", advice='Set "enabled": true in its document.'
        )
    try:
        connection = services.destinations.connection(export.connection) if export.connection else None
    except NotFound:
        connection = None
    found = problems(export, connection)
    if connection is None or found:
        code = "consent_missing" if connection else "connection_missing" if export.connection else "detached"
        raise RunSkipped("; ".join(found), code=code, advice="Correct the documents in the config container.")
    return export, connection


def _mapping(export: Export, sendgrid: SendGrid, *, dry_run: bool) -> Mapping:
    if not export.mapping.custom_fields:
        return Mapping.of(export, ())
    defined = _custom_fields(sendgrid)
    missing = missing_fields(export, defined)
    if missing and not export.create_missing_fields:
        raise RunFailed(
            f"SendGrid has no custom field {', '.join(missing)}",
            code="unknown_custom_field",
            advice="Create it in SendGrid (Marketing > Custom Fields), correct the mapping, or set "
            "create_missing_fields.",
        )
    if dry_run:
        return Mapping.of(export, [*defined, *(CustomField(name, name, FieldType.TEXT) for name in missing)])
    for name in missing:
        sendgrid.create_field(name, FieldType.TEXT)
    if missing:
        # StrongGrid waits, too: SendGrid refuses the ids of fields that are some seconds old.
        raise RetryLater("waiting for the new custom fields", code="fields_created", retry_after=10)
    return Mapping.of(export, defined)


def _custom_fields(sendgrid: SendGrid) -> list[CustomField]:
    return [
        CustomField(field.id, field.name, FieldType(field.field_type))
        for field in sendgrid.field_definitions()
        if not field.reserved
    ]


def _snapshot(services: Services, segment: str) -> Snapshot:
    """The segment's newest complete snapshot, once it has settled."""
    found = landing.latest(services.storage.segments, segment)
    if found is None:
        raise RunSkipped(
            f"segment {segment} has not landed in container {services.settings.segments_container}",
            code="segment_missing",
            advice="Look at the segment's name in the export, and at the export that drops its files.",
        )
    if isinstance(found, Incomplete):
        raise RunSkipped(
            f"segment {segment} has not landed completely: {found.reason}",
            code="segment_incomplete",
            advice="It is picked up by itself when the rest arrives. If it does not, run the segment's export again.",
        )
    age = services.now() - found.landed_at
    settle = timedelta(seconds=services.settings.landing_settle_seconds)
    if age < settle:
        # Times of storage are whole seconds.
        wait = (settle - age).total_seconds() + 1
        raise RetryLater(f"segment {segment} is still landing", code="landing", retry_after=wait)
    return found


def _snapshot_record(snapshot: Snapshot) -> SnapshotRecord:
    return SnapshotRecord(
        id=snapshot.id, produced_at=snapshot.produced_at, marker=snapshot.marker, files=len(snapshot.files)
    )


def _files(
    services: Services, here: Slice, snapshots: Iterable[Snapshot], folder: Path
) -> Iterator[tuple[LocalFile, bytes | Iterator[bytes]]]:
    """The snapshots' files and what arrives of them, of small ones all: the next are on their way already."""

    def all_files() -> Iterator[tuple[SnapshotFile, LocalFile]]:
        for snapshot in snapshots:
            snapshot_id = snapshot.id  # takes a moment for each of its files
            for number, file in enumerate(snapshot.files):
                if file.size:
                    here.check_lease()
                    path = folder / f"{snapshot_id}-{number}"
                    yield file, LocalFile(file.name, path, file.format, snapshot.columns)

    def fetch(found: tuple[SnapshotFile, LocalFile]) -> tuple[LocalFile, bytes | Iterator[bytes]]:
        file, local = found
        content = _content(services, file)
        return local, b"".join(content) if file.size <= SMALL else content

    return some_ahead(fetch, all_files(), FETCHED)


def _content(services: Services, file: SnapshotFile) -> Iterator[bytes]:
    try:
        yield from services.storage.segments.stream(file.name, etag=file.etag)
    except NotFound as error:
        raise RetryLater(f"{file.name} has gone since it was listed", code="landing", retry_after=15) from error


def _list_is_read(run: RunRecord) -> bool:
    if run.listing and run.listing.list_id != run.list_id:
        run.listing = None  # the export was given another list while this one was read
    return run.listing is not None and run.listing.complete


def _decide(services: Services, run: RunRecord, export: Export, planner: Planner, folder: Path) -> PlanCounts:
    """The plan, by what is known of the list. Without its membership a run sends everything and removes nobody."""
    database = planner.connection
    own, lost = members.fetch_known(services, database, run, folder)
    others, unknown = members.fetch_others(services, database, export.id, export.list_id, folder)
    run.cautions = [caution for caution in (lost, unknown) if caution]
    if lost and run.mode is Mode.INCREMENTAL:
        run.mode = Mode.FULL
    shelf = services.runs.plan(run)
    return planner.decide(
        members=own,
        others=others,
        everything=run.mode is Mode.FULL or lost is not None,
        leave=(export.removal == "leavers" or run.removes_export) and not run.cautions,
        listed=shelf.fetch_all(listed_name(run.listing.id), folder) if run.listing else None,
    )


def _guard(export: Export, connection: Connection, plan: PlanCounts, *, force: bool) -> None:
    """RunSkipped if the plan looks like a mistake. `force` lets pass what may be meant, never the limits."""
    limits = [("max_profiles", export.max_profiles, f"max_profiles in exports/{export.id}.json")]
    if connection.contact_limit is not None:
        limits.append(("contact_limit", connection.contact_limit, f"contact_limit in connections/{connection.id}.json"))
    for name, limit, where in limits:
        if plan.contacts > limit:
            raise RunSkipped(
                f"the segments have {plan.contacts} contacts, more than {name} allows ({limit})",
                code=f"over_{name}",
                advice=f"Raise {where} if that many are meant, or correct the segments.",
            )
    if force:
        return
    if not plan.contacts:
        raise RunSkipped(
            f"none of the segments' {plan.rows} rows is a contact",
            code="empty_segment",
            advice="Look at the segments. If they are meant to be empty, run the export with force.",
        )
    if plan.leavers * 100 > plan.members * export.max_shrink_percent:
        raise RunSkipped(
            f"{plan.leavers} of {plan.members} members would leave the list, "
            f"more than max_shrink_percent allows ({export.max_shrink_percent} %)",
            code="shrunk_segment",
            advice="Look at the segments. If that many are meant to leave, run the export with force.",
        )


def _store_plan(
    services: Services, here: Slice, planner: Planner, parts: Parts, connection: Connection
) -> Exception | None:
    """Everything that the rest of the run needs, whatever becomes of the segments meanwhile.

    Gives what went wrong with sending, if anything did: it is for the next phase, which has the whole plan.
    """
    run = here.run
    shelf = services.runs.plan(run)
    for number, portion in enumerate(planner.leavers(LEAVERS_PORTION), 1):
        shelf.put(leavers_name(number), "\n".join(portion).encode())
        run.removals.append(RemovalRecord(number=number, leavers=len(portion)))
    trouble = None
    if run.dry_run:
        deque(parts.of(planner), maxlen=0)
    else:
        trouble = _store_and_send(services, here, parts.of(planner), connection)
    run.warnings = dict(sorted(parts.warnings.items()))
    for name, write in (
        ("rows.parquet", planner.write_rows),
        ("leavers.parquet", planner.write_leavers),
        ("rejects.parquet", planner.write_rejects),
        *([("strangers.parquet", planner.write_strangers)] if run.listing else []),
    ):
        write(parts.folder / name)
        shelf.put_file(name, parts.folder / name)
    return trouble


def _store_and_send(
    services: Services, here: Slice, parts: Iterator[Batch | ImportFile], connection: Connection
) -> Exception | None:
    """Send batches as they are made, until there is trouble. Those that have not been sent are stored."""
    run = here.run
    shelf = services.runs.plan(run)
    with Sending(services, here, connection) as sending:
        for part in ahead(parts):
            here.check_lease()
            record = (
                run.new_batch(part.contacts, part.path.stat().st_size, BatchKind.IMPORT)
                if isinstance(part, ImportFile)
                else run.new_batch(part.contacts, part.size)
            )
            run.batches.append(record)
            if isinstance(part, ImportFile):
                shelf.put_file(file_of(record), part.path)
                sending.offer(record, file=part.path)
            elif not sending.offer(record, part):
                shelf.put(file_of(record), part.lines)
        sending.land()
        for record, lines in sending.returned:
            shelf.put(file_of(record), lines)
    return sending.trouble


def _note_snapshots(services: Services, run: RunRecord) -> None:
    """From now on an event of these landings is old news."""

    def note(turn: Turn) -> None:
        turn.planned = {segment: snapshot.id for segment, snapshot in run.snapshots.items()}

    services.turns.change(run.export_id, note)

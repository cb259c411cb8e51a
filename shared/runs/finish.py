"""Finish: membership := what SendGrid accepted; the report is written, the record closed, the next run let in."""

from pathlib import Path

from shared import telemetry
from shared.contacts.membership import Fates, SettledCounts, count_steady, settle, write_members
from shared.errors import ExportError, LeaseLost
from shared.runs import claim, ended, members, messages, remove
from shared.runs.messages import Message
from shared.runs.record import BatchState, Caution, DriftRecord, RunRecord, State
from shared.runs.report import write_report
from shared.runs.services import Services
from shared.runs.slice import Slice
from shared.runs.store import Shelf, file_of
from shared.runs.turn import Turn
from shared.telemetry import Event


def finish(services: Services, here: Slice) -> None:
    """Close the books and the run. Every step can be done again with the same result."""
    run = here.run
    if run.planned:
        _close_books(services, here)
    elif run.unplanned:
        _note_unconfirmed(services, here)
    run.state = run.ends_as or (State.COMPLETED_WITH_WARNINGS if _warnings(run) else State.SUCCESSFUL)
    run.reason = run.error.message if run.error else _reason(run)
    _close(services, here)


def give_up(services: Services, here: Slice, error: ExportError) -> None:
    """Closing the books itself fails, and time does not heal it: end the run, leave the membership as it was.

    What was sent is sent again by the next run, which changes nothing on the list.
    """
    here.note_error(error)
    here.run.state = State.FAILED
    here.run.reason = error.message
    _close(services, here)


def _close(services: Services, here: Slice) -> None:
    here.run.ended_at = services.now()
    here.run.unfinished = 0
    here.checkpoint()
    ended.tell(here.run)
    let_next_in(services, here.run)


def let_next_in(services: Services, run: RunRecord) -> None:
    """Delete the plan, end the turn, and wake up the runs that wait next: of the export, and for its list."""
    services.runs.plan(run).clear()
    end_turn(services, run.export_id, run.run_id, forget=run.state in {State.FAILED, State.CANCELED})
    if run.list_id:
        claim.hand_on(services, run.list_id)


def end_turn(services: Services, export_id: str, run_id: str, *, forget: bool) -> None:
    """The run is no longer the one that is worked on. `forget`: should its landing be announced again, it is news."""

    def end(turn: Turn) -> None:
        if turn.active == run_id:
            turn.active = None
            turn.planned = {} if forget else turn.planned

    wake_next(services, export_id, services.turns.change(export_id, end))


def wake_next(services: Services, export_id: str, turn: Turn) -> None:
    """Wake up the run that waits first, if nobody is at work. Once too often does no harm."""
    if turn.active is None and turn.waiting:
        messages.send(services.storage.export_runs, Message(run_id=turn.waiting[0].run_id, export_id=export_id))


def _close_books(services: Services, here: Slice) -> None:
    """Membership, report and counts, from the plan and what has become of it."""
    from shared.contacts.engine import engine, work_folder

    run = here.run
    shelf = services.runs.plan(run)
    if not run.dry_run:
        _abandon(run, shelf)
    with work_folder() as folder, engine(folder) as database:
        fetched = {
            state: [
                shelf.fetch(file_of(batch), folder) for batch in run.batches if batch.state is state and not run.dry_run
            ]
            for state in (BatchState.FAILED, BatchState.PLANNED, BatchState.UNCONFIRMED)
        }
        previous, lost = members.fetch_known(services, database, run, folder)
        if lost and lost not in run.cautions:  # since the plan was made
            run.cautions.append(lost)
        fates = Fates(
            previous=previous,
            rows=shelf.fetch("rows.parquet", folder),
            outcomes=shelf.fetch_all("outcomes/", folder),
            refused=fetched[BatchState.FAILED],
            unsent=fetched[BatchState.PLANNED],
            unconfirmed=fetched[BatchState.UNCONFIRMED],
            leavers=shelf.fetch("leavers.parquet", folder),
        )
        settled = settle(database, fates)
        strangers = shelf.fetch("strangers.parquet", folder) if run.listing else None
        rejects = shelf.fetch("rejects.parquet", folder)
        write_report(database, rejects, fates.rows, folder / "report.csv", strangers=strangers)
        if not run.dry_run:
            written = previous if previous and not _changes(run) else folder / "written.parquet"
            if written != previous:
                write_members(database, fates, written)
            if written != previous or not services.runs.knows_list(run.export_id):
                _put_members(services, here, written)
            run.counts |= _counts(run, settled)
            if not run.ends_as:
                others, _ = members.fetch_others(services, database, run.export_id, str(run.list_id), folder)
                _look_for_drift(services, here, count_steady(database, previous, written, others))
        services.runs.put_report(run, folder / "report.csv")


def _changes(run: RunRecord) -> bool:
    """Whether the membership can be another after the run."""
    return bool(run.earlier) or any(run.counts.get(name) for name in ("upserts", "leavers", "gone_elsewhere"))


def _note_unconfirmed(services: Services, here: Slice) -> None:
    """The run ends without a plan, but some contacts of one may be on the list: they are members from now on."""
    from shared.contacts.engine import engine, work_folder

    for batch in here.run.unplanned:
        batch.state = BatchState.UNCONFIRMED
    with work_folder() as folder, engine(folder) as database:
        known, _ = members.fetch_known(services, database, here.run, folder)
        if known:
            _put_members(services, here, known)


def _put_members(services: Services, here: Slice, path: Path) -> None:
    here.check_lease()
    services.runs.put_members(here.run.export_id, path, list_id=str(here.run.list_id))
    services.turns.change(here.run.export_id, _note_members)


def _note_members(turn: Turn) -> None:
    turn.has_members = True


def _look_for_drift(services: Services, here: Slice, steady: int) -> None:
    """Compare SendGrid's own count of the list with who should be on it. Worth a note, never a failure."""
    run = here.run
    try:
        connection = services.destinations.connection(str(run.connection_id))
        count = services.sendgrid(connection, here.check_lease).list_count(str(run.list_id))
    except LeaseLost:
        raise
    except ExportError as error:
        telemetry.info(Event.LIST_NOT_COUNTED, code=error.code, message=error.message)
        return
    # Who was missing has just been sent, and may not be counted yet.
    run.drift = DriftRecord(list_count=count, at_least=max(0, steady - run.counts.get("missing_from_list", 0)))


def _abandon(run: RunRecord, shelf: Shelf) -> None:
    """The run ends before its time: nobody will ask any more what became of what is under way."""
    for batch in run.batches:
        if batch.state is BatchState.SENT or (batch.begun and batch.state is BatchState.PLANNED):
            batch.state = BatchState.UNCONFIRMED
    for portion in run.removals:
        if portion.state is BatchState.SENT:
            remove.fail(shelf, portion, "unconfirmed", "the run ended before SendGrid confirmed the removal")
        elif portion.state is BatchState.PLANNED:
            remove.fail(shelf, portion, "not_removed", "the run ended before this contact was taken off the list")


def _counts(run: RunRecord, settled: SettledCounts) -> dict[str, int]:
    removed = sum(portion.removed for portion in run.removals)
    not_found = sum(portion.not_found for portion in run.removals)
    return {
        "accepted": settled.accepted,
        "rejected_by_sendgrid": settled.rejected_by_sendgrid,
        "unconfirmed": settled.unconfirmed,
        "created": sum(batch.created for batch in run.batches),
        "updated": sum(batch.updated for batch in run.batches),
        "removed": removed,
        "not_found": not_found,
        "failed_removals": run.counts["leavers"] - run.counts["kept_by_other_export"] - removed - not_found,
    }


# What a person should look at, in the words of the run's reason.
_CAUTIONS = {
    Caution.MEMBERSHIP_LOST: "the membership was lost: contacts were sent again, and nobody was taken off the list",
    Caution.MEMBERSHIP_UNREADABLE: "the membership could not be read: contacts were sent again, and nobody was taken "
    "off the list",
    Caution.OTHER_MEMBERSHIP_UNKNOWN: "whom another export has put on the list is not known, because its membership or "
    "its document cannot be read: nobody is taken off the list until that export has run",
}
_NOTABLE = {
    "malformed": ("malformed row", "malformed rows"),
    "no_email": ("row without an e-mail address", "rows without an e-mail address"),
    "invalid_email": ("row with an unusable e-mail address", "rows with an unusable e-mail address"),
    "rejected_by_sendgrid": ("contact refused by SendGrid", "contacts refused by SendGrid"),
    "unconfirmed": ("contact not confirmed by SendGrid", "contacts not confirmed by SendGrid"),
    "failed_removals": ("person who could not be taken off the list", "people who could not be taken off the list"),
}


def _warnings(run: RunRecord) -> list[str]:
    found = [_CAUTIONS[caution] for caution in run.cautions]
    found += [_many(run.counts[name], *words) for name, words in _NOTABLE.items() if run.counts.get(name)]
    cut = sum(run.warnings.values())
    return [*found, _many(cut, "value cut or left out", "values cut or left out")] if cut else found


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def _reason(run: RunRecord) -> str | None:
    notes = ["dry run: nothing was sent"] if run.dry_run else []
    notes += _warnings(run)
    if strangers := run.counts.get("strangers"):
        whom = "on the list whom none of its exports put there"
        notes.append(_many(strangers, f"person {whom}", f"people {whom}"))
    if run.drift and run.drift.missing:
        notes.append(
            f"SendGrid counts {run.drift.list_count} people on the list, and {run.drift.at_least} should be there at "
            "least: if it stays so, run the export with mode reconcile"
        )
    return ", ".join(notes) or None

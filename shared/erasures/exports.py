"""One export's data: reports of its runs, and its membership, while no run of it is under way.

The export's lease keeps runs away, as it keeps them from each other. A run under way is waited for: its plan goes with
its end, and its report and the membership it writes are looked at then.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta

from shared.cloud.storage import BlobItem
from shared.contacts.engine import engine, work_folder
from shared.contacts.erasing import EMPTY_REPORT, without_lines, without_member
from shared.contacts.membership import is_membership
from shared.erasures.record import Erasure, ExportPart, Subject
from shared.errors import Conflict, LeaseLost, NotFound, RetryLater
from shared.runs.lease import Lease, held
from shared.runs.record import ErrorRecord
from shared.runs.services import Services

BUSY_SECONDS = 30  # until an export that is at work is asked again
_CLOCKS = timedelta(minutes=10)  # by which two clocks may differ


def add_new(services: Services, erasure: Erasure) -> None:
    """Note every export that has left anything behind, and that is not noted yet."""
    storage = services.storage
    folders = {name.rstrip("/") for container in (storage.state, storage.runs) for name in container.folders("")}
    known = {part.export_id for part in erasure.exports}
    erasure.exports += [ExportPart(export_id=export_id) for export_id in sorted(folders - known)]


def clean(services: Services, part: ExportPart, subject: Subject, check: Callable[[], None]) -> None:
    """Take the person out of the export's data. RetryLater while a run of it is under way, or by `check`."""
    try:
        with held(services.storage.state, part.export_id) as lease:
            part.waits_for = services.turns.load(part.export_id).active
            if part.waits_for:
                raise RetryLater("a run is under way", code="export_busy", retry_after=BUSY_SECONDS)
            part.began_at = part.began_at or services.now()
            _clean_reports(services, part, subject, lease, check)
            _clean_membership(services, part, subject, lease)
            part.done = True
    except (Conflict, LeaseLost):  # the lease is another's, or somebody has written in between
        raise RetryLater("the export is at work", code="export_busy", retry_after=BUSY_SECONDS) from None


def _clean_reports(
    services: Services, part: ExportPart, subject: Subject, lease: Lease, check: Callable[[], None]
) -> None:
    """Every report that has not been looked at yet. Reports of runs that ended meanwhile may sort before the cursor."""
    since = (part.began_at or services.now()) - _CLOCKS
    for item, run_id in _leftovers(services, part.export_id, lease):
        if item.size <= EMPTY_REPORT or (item.name <= part.cursor and item.last_modified < since):
            continue
        check()
        lines = _clean_report(services, item, subject, lease)
        if lines:
            part.lines += lines
            part.runs = sorted({*part.runs, run_id})
        part.cursor = max(part.cursor, item.name)


def _leftovers(services: Services, export_id: str, lease: Lease) -> Iterator[tuple[BlobItem, str]]:
    """The export's reports. Plans of its runs, none of which is under way, should have gone, and go."""
    for item in services.storage.runs.list(f"{export_id}/"):
        _, run_id, *rest = item.name.split("/", maxsplit=2)
        if rest == ["report.csv"]:
            yield item, run_id
        elif rest and rest[0].startswith("plan/"):
            lease.check()
            services.storage.runs.delete(item.name)


def _clean_report(services: Services, item: BlobItem, subject: Subject, lease: Lease) -> int:
    container = services.storage.runs
    with work_folder() as folder, engine(folder) as database:
        report, cleaned = folder / "report.csv", folder / "cleaned.csv"
        try:
            container.download(item.name, report, etag=item.etag)
        except NotFound:
            return 0  # its time was up
        lines = without_lines(database, report, cleaned, subject.forms)
        if lines:
            lease.check()
            container.upload(item.name, cleaned, if_match=item.etag)
        return lines


def _clean_membership(services: Services, part: ExportPart, subject: Subject, lease: Lease) -> None:
    with work_folder() as folder, engine(folder) as database:
        path = services.runs.fetch_members(part.export_id, folder / "members.parquet")
        if path is None:
            return
        if not is_membership(database, path):
            part.problem = ErrorRecord(
                code="membership_unreadable",
                message=f"the membership of export {part.export_id} cannot be read, so nobody was taken out of it",
                advice="Run the export, which writes a new one, and ask for the erasure again.",
            )
            return
        cleaned = folder / "cleaned.parquet"
        if without_member(database, path, cleaned, subject.address):
            lease.check()
            services.runs.replace_members(part.export_id, cleaned)
            part.was_member = True

"""Would the next runs bring the person back? The app only reads segments: who is in one has to be erased there."""

from collections.abc import Callable, Iterator
from pathlib import Path

from shared.contacts.engine import engine, work_folder
from shared.contacts.erasing import would_send
from shared.contacts.mapping import Mapping
from shared.contacts.reading import LocalFile
from shared.destinations.models import Export
from shared.erasures.record import Erasure, Found, SegmentPart, Subject
from shared.errors import Conflict, InvalidDocument, NotFound, RetryLater, UnreadableSegment
from shared.runs.services import Services
from shared.segments import landing
from shared.segments.snapshot import Snapshot


def note(services: Services, erasure: Erasure) -> None:
    """Note the segments of every export. What an export whose document cannot be read would send is not known."""
    exports, _ = services.destinations.exports()
    erasure.segments = [
        SegmentPart(export_id=export.id, segment=segment) for export in exports for segment in export.segments
    ]


def look(services: Services, part: SegmentPart, subject: Subject, check: Callable[[], None]) -> None:
    """Whether a run of the export would find the person in the segment's newest complete snapshot."""
    try:
        export = services.destinations.export(part.export_id)
        found = landing.latest(services.storage.segments, part.segment)
        if isinstance(found, Snapshot):
            part.found = Found.PERSON if _holds(services, export, found, subject, check) else Found.NOTHING
        else:
            part.found = Found.NOTHING  # nothing has landed, or not completely: no run can use it as it is
    except (InvalidDocument, UnreadableSegment):
        part.found = Found.UNKNOWN
    except NotFound:  # the export, or the blob, has gone since
        part.found = Found.NOTHING
    except Conflict:
        raise RetryLater("the segment is landing anew", code="landing", retry_after=15) from None


def _holds(services: Services, export: Export, snapshot: Snapshot, subject: Subject, check: Callable[[], None]) -> bool:
    wanted = tuple((column, tuple(values)) for column, values in sorted(export.only_where.items()))
    mapping = Mapping(export.mapping.email, (), wanted, clear_empty=False)
    with work_folder() as folder, engine(folder) as database:
        return would_send(database, mapping, _files(services, snapshot, folder, check), subject.address)


def _files(services: Services, snapshot: Snapshot, folder: Path, check: Callable[[], None]) -> Iterator[LocalFile]:
    for number, file in enumerate(snapshot.files):
        if file.size:
            check()
            path = folder / f"file-{number}"
            services.storage.segments.download(file.name, path, etag=file.etag)
            yield LocalFile(file.name, path, file.format, snapshot.columns)

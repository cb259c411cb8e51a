"""Which snapshot of a segment is complete.

Three things show that files have landed, and only they do:

model.json    of a Common Data Model folder: an entity is complete once every partition that it lists is there. Below
              such a folder nothing counts but what the model lists, whatever else lies there.
_SUCCESS      of a folder of parts: written last, so the files beside it, or in `key=value` folders below, are all.
a file        by itself: complete as soon as it is there, because a blob appears whole, and not empty.

Parts without a marker wait for theirs. What wins is the landing that was *produced* last, never the greatest path: a
path's clock has no time zone, and a folder may be copied.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import islice
from os.path import commonprefix
from typing import NoReturn

from shared import telemetry
from shared.cloud.storage import BlobItem, Container
from shared.errors import NotFound, UnreadableSegment
from shared.segments import cdm, names
from shared.segments.snapshot import FileFormat, Incomplete, Snapshot, SnapshotFile
from shared.telemetry import Event

_LEVELS = 8  # folders above a new file in which its model.json is looked for; in Customer Insights' it is the sixth
_MAX_MODEL = 16 * 1024 * 1024  # bytes; thousands of partitions and attributes fit into a tenth of it


def latest(container: Container, segment: str) -> Snapshot | Incomplete | None:
    """The complete snapshot of `segment` that was produced last; Incomplete if it only has begun to land; else None.

    A snapshot tells in `newer_incomplete` if it stands in for a later landing that is still to be completed. Lists the
    container once, page by page, and keeps no more of it than what may be the segment's. UnreadableSegment if the last
    landing cannot be used: an older one would be no answer then, as waiting does not mend it.
    """
    return Landings(container, only={segment}).latest(segment)


def known_segments(container: Container) -> list[Snapshot | Incomplete]:
    """What `latest` says of every segment in the container, by name. One that cannot be used is Incomplete here."""
    landings = Landings(container)
    return [each for segment in landings.segments() if (each := landings.latest(segment, strict=False))]


def segments_in(container: Container, blob_name: str) -> frozenset[str]:
    """The segments that the arrival of this blob may have completed, found by reads around the blob only.

    A file that answers to two names (without its stamp and with it) gives both. A model.json that cannot be read gives
    none and a warning in the log: `latest` raises what is wrong with it.
    """
    folder = names.folder_of(blob_name)
    file = blob_name.removeprefix(folder)
    if names.is_hidden(folder if file == names.SUCCESS else blob_name):
        return frozenset()
    if file == names.MODEL:
        model = _model_in(container, folder)
        return frozenset(model.segments()) if isinstance(model, cdm.Model) else frozenset()
    models = [_model_in(container, above) for above in islice(names.folders_above(blob_name), _LEVELS)]
    if any(models):
        readable = [model for model in models if isinstance(model, cdm.Model)]
        return frozenset(segment for model in readable for segment in _completed_by(container, model, blob_name))
    if file == names.SUCCESS:
        return _one(names.folder_segment(folder))
    if names.format_of(blob_name, part=True) is None:
        return frozenset()
    return _one(_marked_segment(container, blob_name)) or frozenset(names.file_segments(blob_name))


@dataclass(frozen=True, slots=True)
class _Landing:
    """Something that shows a landing. `resolve` looks closer; None if it turns out to be none, or another's."""

    marker: BlobItem
    produced_at: datetime
    resolve: Callable[[], Snapshot | Incomplete | None]


class Landings:
    """What one listing of the container shows, of some segments or of all."""

    def __init__(self, container: Container, *, only: Collection[str] | None = None) -> None:
        self._container = container
        self._only = only
        self._markers: dict[str, list[BlobItem]] = defaultdict(list)
        # Of a segment's files in one folder only the newest can win, so no history is kept. One that is empty does not
        # hide the one before it.
        self._files: dict[str, dict[tuple[str, bool], BlobItem]] = defaultdict(dict)
        self._waiting: dict[str, BlobItem] = {}  # the newest part whose marker has not been seen
        models: dict[str, BlobItem] = {}
        for item in container.list():
            folder = names.folder_of(item.name)
            if names.is_hidden(folder):
                continue
            if item.name == folder + names.MODEL:
                models[folder] = item
            elif only is None or any(segment in item.name for segment in only):
                self._note(item, folder)
        read = {folder: _model_in(container, folder, item) for folder, item in models.items()}
        self._models = {folder: (models[folder], model) for folder, model in read.items() if model}

    def _note(self, item: BlobItem, folder: str) -> None:
        if item.name == folder + names.SUCCESS:
            segment = names.folder_segment(folder)
            if segment and self._wants(segment):
                self._markers[segment].append(item)
        elif answers_to := names.file_segments(item.name):
            for segment in answers_to[:1] if self._only is None else answers_to:
                if self._wants(segment):
                    kept = self._files[segment]
                    kept[folder, item.size == 0] = max(item, kept.get((folder, item.size == 0), item), key=_age)
        elif (segment := names.part_segment(item.name)) and self._wants(segment):
            self._waiting[segment] = max(item, self._waiting.get(segment, item), key=_age)

    def _wants(self, segment: str) -> bool:
        return self._only is None or segment in self._only

    def segments(self) -> list[str]:
        """Every name that has shown up, in order."""
        listed = {
            name for _, model in self._models.values() if isinstance(model, cdm.Model) for name in model.segments()
        }
        return sorted(listed | self._markers.keys() | self._files.keys() | self._waiting.keys())

    def latest(self, segment: str, *, strict: bool = True) -> Snapshot | Incomplete | None:
        """As the function of that name. Not `strict`: a segment that cannot be used is Incomplete."""
        newer: Incomplete | None = None
        landings = [*self._of_models(segment), *self._of_markers(segment), *self._of_files(segment)]
        for landing in sorted(landings, key=lambda each: (each.produced_at, _age(each.marker)), reverse=True):
            try:
                found = landing.resolve()
            except UnreadableSegment as error:
                if newer:  # what is landing now will replace it
                    return newer
                if strict:
                    raise
                return Incomplete(segment, error.message, (), landing.marker.name, landing.marker.last_modified)
            if isinstance(found, Snapshot):
                return replace(found, newer_incomplete=newer or self._part_after(found.landed_at, segment))
            newer = newer or found
        newer = newer or self._part_after(None, segment)
        unreadable = [model for _, model in self._models.values() if isinstance(model, UnreadableSegment)]
        if newer is None and unreadable and strict:
            raise unreadable[0]  # it may well be the one that has the segment
        return newer

    def _of_models(self, segment: str) -> Iterator[_Landing]:
        for folder, (item, model) in self._models.items():
            if isinstance(model, UnreadableSegment):
                # Nobody knows what it lists. A folder of the segment's name is a strong hint.
                if _any(self._container, f"{folder}{segment}/"):
                    yield _Landing(item, item.last_modified, partial(_refuse, model))
                continue
            try:
                entity = model.entity(segment, self._container.client.url)
            except UnreadableSegment as error:
                yield _Landing(item, model.modified_at or item.last_modified, partial(_refuse, error))
                continue
            if entity:
                produced_at = model.modified_at or entity.refreshed_at or item.last_modified
                yield _Landing(item, produced_at, partial(_of_entity, self._container, entity, item, produced_at))

    def _of_markers(self, segment: str) -> Iterator[_Landing]:
        for item in self._markers.get(segment, ()):
            if not self._below_a_model(item):
                yield _Landing(item, item.last_modified, partial(_of_folder, self._container, segment, item))

    def _of_files(self, segment: str) -> Iterator[_Landing]:
        for item in self._files.get(segment, {}).values():
            if not self._below_a_model(item):
                yield _Landing(item, item.last_modified, partial(_of_file, self._container, segment, item))

    def _below_a_model(self, item: BlobItem) -> bool:
        return any(folder in self._models for folder in names.folders_above(item.name))

    def _part_after(self, time: datetime | None, segment: str) -> Incomplete | None:
        """What waits, if it came after `time`: whatever a snapshot lists is not younger than the snapshot."""
        part = self._waiting.get(segment)
        if part is None or (time is not None and part.last_modified <= time):
            return None
        reason = f"files are in {names.folder_of(part.name)}, but no model.json lists them and there is no _SUCCESS yet"
        return Incomplete(segment, reason, (), part.name, part.last_modified)


def _of_entity(
    container: Container, entity: cdm.Entity, model: BlobItem, produced_at: datetime
) -> Snapshot | Incomplete:
    found = _present(container, [partition.blob for partition in entity.partitions])
    missing = tuple(partition.blob for partition in entity.partitions if partition.blob not in found)
    if missing:
        reason = (
            f"{len(missing)} of the {len(entity.partitions)} files that {model.name} lists have not landed yet,"
            f" {missing[0]} for one"
        )
        return Incomplete(entity.name, reason, missing, model.name, model.last_modified)
    files = [(found[partition.blob], partition.format) for partition in entity.partitions]
    return _snapshot(entity.name, files, model, produced_at=produced_at, columns=entity.columns)


def _of_folder(container: Container, segment: str, marker: BlobItem) -> Snapshot:
    folder = names.folder_of(marker.name)
    # An empty file is nothing to read, and may be the mark that some tools leave for a folder.
    inside = [item for item in container.list(folder) if item.size and not names.is_hidden(item.name)]
    files = [
        (item, file_format)
        for item in inside
        if names.is_part(folder, item.name) and (file_format := names.format_of(item.name, part=True))
    ]
    if inside and not files:
        raise UnreadableSegment(
            f"{folder} has files, but none beside its _SUCCESS in a format that this app reads",
            code="unknown_format",
            advice="Write .csv, .csv.gz, .parquet, .ndjson or .jsonl files.",
        )
    return _snapshot(segment, files, marker, produced_at=marker.last_modified)


def _of_file(container: Container, segment: str, item: BlobItem) -> Snapshot | Incomplete | None:
    if _marked_segment(container, item.name):
        return None
    if item.size == 0:
        if _any(container, f"{item.name}/"):  # the mark of a folder that is named like a file
            return None
        return Incomplete(segment, f"{item.name} is still empty", (item.name,), item.name, item.last_modified)
    file_format = names.format_of(item.name)
    return _snapshot(segment, [(item, file_format)], item, produced_at=item.last_modified) if file_format else None


def _snapshot(
    segment: str,
    files: Iterable[tuple[BlobItem, FileFormat]],
    marker: BlobItem,
    *,
    produced_at: datetime,
    columns: tuple[str, ...] | None = None,
) -> Snapshot:
    files = list(files)
    return Snapshot(
        segment=segment,
        files=tuple(SnapshotFile(item.name, item.etag, item.size, file_format) for item, file_format in files),
        columns=columns,
        produced_at=produced_at,
        landed_at=max(item.last_modified for item in (marker, *(item for item, _ in files))),
        marker=marker.name,
    )


def _model_in(container: Container, folder: str, item: BlobItem | None = None) -> cdm.Model | UnreadableSegment | None:
    """The model.json in `folder`, what is wrong with it, or None if there is none (any more)."""
    try:
        item = item or container.properties(folder + names.MODEL)
        return cdm.Model(item.name, _content(container, item))
    except NotFound:
        return None
    except UnreadableSegment as error:
        telemetry.warning(Event.SEGMENT_UNREADABLE, code=error.code, message=error.message)
        return error


def _content(container: Container, item: BlobItem) -> bytes:
    if item.size > _MAX_MODEL:
        raise UnreadableSegment(
            f"{item.name} is larger than {_MAX_MODEL // 1024**2} MiB",
            code="invalid_model",
            advice="Is it really a model.json?",
        )
    return container.read(item.name).content


def _completed_by(container: Container, model: cdm.Model, blob_name: str) -> Iterator[str]:
    """The entities of `model` that list the blob and now have all their files."""
    for segment in model.segments():
        try:
            entity = model.entity(segment, container.client.url)
        except UnreadableSegment as error:
            telemetry.warning(Event.SEGMENT_UNREADABLE, code=error.code, message=error.message)
            continue
        blobs = [partition.blob for partition in entity.partitions] if entity else []
        if blob_name in blobs and len(_present(container, blobs)) == len(blobs):
            yield segment


def _present(container: Container, blobs: list[str]) -> dict[str, BlobItem]:
    """Those of `blobs` that exist, by one listing a folder: there may be a thousand in it."""
    folders: dict[str, set[str]] = defaultdict(set)
    for blob in blobs:
        folders[names.folder_of(blob)].add(blob)
    return {
        item.name: item
        for wanted in folders.values()
        for item in container.list(commonprefix(list(wanted)))  # noqa: RUF071 - of the text, as Azure lists
        if item.name in wanted
    }


def _marked_segment(container: Container, name: str) -> str | None:
    """The segment of the folder of parts that a file belongs to, if its `_SUCCESS` is there."""
    for folder in names.partitioned_folders(name):
        segment = names.folder_segment(folder)
        if segment and _exists(container, folder + names.SUCCESS):
            return segment
    return None


def _any(container: Container, prefix: str) -> bool:
    return next(container.list(prefix), None) is not None


def _exists(container: Container, name: str) -> bool:
    try:
        container.properties(name)
    except NotFound:
        return False
    return True


def _age(item: BlobItem) -> tuple[datetime, str]:
    return item.last_modified, item.name


def _one(segment: str | None) -> frozenset[str]:
    return frozenset({segment} if segment else ())


def _refuse(error: UnreadableSegment) -> NoReturn:
    raise error

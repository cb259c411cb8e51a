"""Where runs live: `runs/<export>/<run>/` for record, plan and report, `state/<export>/` for the membership."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path

from pydantic import ValidationError

from shared.cloud.storage import Container, Storage
from shared.errors import Conflict, NewerFormat, NotFound
from shared.runs import formats
from shared.runs.record import VERSION, BatchKind, BatchRecord, RunRecord, export_of

MEMBERS_VERSION = 1  # of members.parquet, noted beside it


class RunStore:
    """Records with optimistic locking, plans and reports by name."""

    def __init__(self, storage: Storage) -> None:
        self._runs = storage.runs
        self._state = storage.state

    def load(self, run_id: str) -> tuple[RunRecord, str]:
        """The record and its ETag. NotFound, also if what is there is not a record; NewerFormat."""
        blob = self._runs.read(f"{_folder(run_id)}run.json")
        try:
            return formats.read(RunRecord, blob.content, f"{_folder(run_id)}run.json", VERSION), blob.etag
        except ValidationError as error:
            raise NotFound(f"{_folder(run_id)}run.json is not a run record", code="invalid_record") from error

    def load_with_age(self, run_id: str) -> tuple[RunRecord, datetime]:
        """The record and when it was last written. NotFound."""
        written = self._runs.properties(f"{_folder(run_id)}run.json").last_modified
        return self.load(run_id)[0], written

    def find_or_create(self, run: RunRecord) -> RunRecord:
        """The record of that run as it is, or this one as its first."""
        try:
            self._runs.write(f"{_folder(run.run_id)}run.json", _json(run), if_absent=True)
        except Conflict:
            return self.load(run.run_id)[0]
        return run

    def save(self, run: RunRecord, etag: str) -> str:
        """Replace the record. Conflict if it is no longer the one that `etag` names."""
        return self._runs.write(f"{_folder(run.run_id)}run.json", _json(run), if_match=etag)

    def cancel(self, run_id: str, by: str) -> None:
        """Ask for the run to stop. NotFound if there is none; one that has ended does not mind."""
        self._runs.properties(f"{_folder(run_id)}run.json")
        self._runs.write(f"{_folder(run_id)}cancel.txt", by.encode())

    def canceled_by(self, run_id: str) -> str | None:
        """Who asked for the run to stop, if anybody did."""
        try:
            return self._runs.read(f"{_folder(run_id)}cancel.txt").content.decode()
        except NotFound:
            return None

    def newest(self, export_id: str, *, count: int, before: str | None = None) -> list[RunRecord]:
        """Up to `count` records of an export, newest first, older than the run `before` if one is given."""
        return list(islice(self.from_newest(export_id, before=before), count))

    def from_newest(self, export_id: str, *, before: str | None = None) -> Iterator[RunRecord]:
        """The export's records, newest first, each read as it is asked for."""
        ids = [name.rstrip("/").rsplit("/", 1)[-1] for name in self._runs.folders(f"{export_id}/")]
        wanted = [run_id for run_id in sorted(ids, reverse=True) if before is None or run_id < before]
        for run_id in wanted:
            try:
                run = self.load(run_id)[0]
            except (NotFound, NewerFormat):
                continue  # being created, or deleted since; or not for this version of the app
            yield run

    def plan(self, run: RunRecord) -> "Shelf":
        return Shelf(self._runs, f"{_folder(run.run_id)}plan/")

    def put_report(self, run: RunRecord, path: Path) -> None:
        self._runs.upload(_report(run.run_id), path)

    def report_size(self, run_id: str) -> int:
        """Bytes of the report. NotFound if there is none (yet)."""
        return self._runs.properties(_report(run_id)).size

    def report(self, run_id: str) -> bytes:
        return self._runs.read(_report(run_id)).content

    def fetch_report(self, run_id: str, path: Path) -> Path:
        """Download the report. NotFound if there is none (yet)."""
        self._runs.download(_report(run_id), path)
        return path

    def fetch_members(self, export_id: str, path: Path) -> Path | None:
        """Download an export's membership; None if it has none yet. NewerFormat."""
        version = self._noted(export_id).get("version", "1")
        formats.refuse_newer(
            int(version) if version.isdecimal() else 1, MEMBERS_VERSION, f"state/{members_name(export_id)}"
        )
        try:
            self._state.download(members_name(export_id), path)
        except NotFound:
            return None
        return path

    def put_members(self, export_id: str, path: Path, *, list_id: str) -> None:
        """Store an export's membership; beside it, how many they are and on which list."""
        noted = {"members": str(_rows(path)), "list_id": list_id.lower(), "version": str(MEMBERS_VERSION)}
        self._state.upload(members_name(export_id), path, metadata=noted)

    def replace_members(self, export_id: str, path: Path) -> None:
        """Store the export's membership after somebody was taken out of it. Whatever else is noted of it stays."""
        noted = self._noted(export_id) | {"members": str(_rows(path))}
        self._state.upload(members_name(export_id), path, metadata=noted)

    def count_members(self, export_id: str, list_id: str) -> int | None:
        """How many this export has put on that list; None if it has no membership of it. Does not read the file."""
        noted = self._noted(export_id)
        count = noted.get("members", "")
        return int(count) if count.isdecimal() and noted.get("list_id") == list_id.lower() else None

    def is_of_other_list(self, export_id: str, list_id: str) -> bool:
        """Whether the export's membership is of another list than that: it was given another one since."""
        return self._noted(export_id).get("list_id", list_id.lower()) != list_id.lower()

    def knows_list(self, export_id: str) -> bool:
        """Whether it is noted which list the membership is of. The first app did not."""
        return "list_id" in self._noted(export_id)

    def _noted(self, export_id: str) -> dict[str, str]:
        try:
            return self._state.metadata(members_name(export_id))
        except NotFound:
            return {}

    def delete_members(self, export_id: str) -> None:
        """Delete an export's membership: nobody is left on the list whom it put there."""
        self._state.delete(members_name(export_id))


class Shelf:
    """The files of one plan, by short names."""

    def __init__(self, container: Container, prefix: str) -> None:
        self._container = container
        self._prefix = prefix

    def put(self, name: str, content: bytes) -> None:
        self._container.write(self._prefix + name, content)

    def put_file(self, name: str, path: Path) -> None:
        self._container.upload(self._prefix + name, path)

    def get(self, name: str) -> bytes:
        return self._container.read(self._prefix + name).content

    def fetch(self, name: str, folder: Path) -> Path:
        """Download a file into `folder`."""
        path = folder / name.replace("/", "-")
        self._container.download(self._prefix + name, path)
        return path

    def fetch_all(self, prefix: str, folder: Path) -> list[Path]:
        """Download every file whose name begins with `prefix`."""
        return [self.fetch(name, folder) for name in self._names(prefix)]

    def clear(self, prefix: str = "") -> None:
        """Delete every file whose name begins with `prefix`."""
        self._container.delete_all(self._prefix + prefix)

    def _names(self, prefix: str) -> Iterator[str]:
        for item in self._container.list(self._prefix + prefix):
            yield item.name.removeprefix(self._prefix)


def listed_name(listing_id: str, number: int = 0) -> str:
    """Who is on the list, by the n-th file of that contact export: Parquet. Without a number: what all begin with."""
    return f"listed/{listing_id}-{f'{number:05}.parquet' if number else ''}"


def batch_name(number: int) -> str:
    return f"upserts/{number:05}.ndjson"


def import_name(number: int) -> str:
    return f"imports/{number:05}.csv.gz"


def file_of(batch: BatchRecord) -> str:
    """The name of a batch's file."""
    return (import_name if batch.kind is BatchKind.IMPORT else batch_name)(batch.number)


def leavers_name(number: int) -> str:
    return f"leavers/{number:05}.txt"


def outcomes_name(stage: str, number: int) -> str:
    """Contacts that SendGrid refused or could not remove, of one batch or portion: NDJSON for the report."""
    return f"outcomes/{stage}-{number:05}.ndjson"


def _folder(run_id: str) -> str:
    return f"{export_of(run_id)}/{run_id}/"


def _report(run_id: str) -> str:
    return f"{_folder(run_id)}report.csv"


def members_name(export_id: str) -> str:
    """The membership's blob in the state container."""
    return f"{export_id}/members.parquet"


def _rows(parquet: Path) -> int:
    """By the file's own footer."""
    import duckdb

    with duckdb.connect() as database:
        found = database.execute("SELECT num_rows FROM parquet_file_metadata(?)", [str(parquet)]).fetchone()
    return int(found[0]) if found else 0


def _json(run: RunRecord) -> bytes:
    return run.model_dump_json(indent=1).encode()

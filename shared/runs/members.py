"""Memberships, as far as they can be trusted: what is lost or damaged must never end in taking people off a list."""

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from shared.contacts.membership import is_membership, write_known
from shared.destinations.documents import EXPORTS, MAX_BYTES, SUFFIX
from shared.destinations.forms import ListId
from shared.errors import NotFound
from shared.runs.record import Caution, RunRecord
from shared.runs.services import Services
from shared.runs.store import file_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_LIST_ID = TypeAdapter[str](ListId)


def fetch(
    services: Services, database: "DuckDBPyConnection", export_id: str, list_id: str, path: Path
) -> tuple[Path | None, Caution | None]:
    """The export's membership on that list, None if it has none; and what is wrong if it should have one."""
    if services.runs.is_of_other_list(export_id, list_id):
        return None, None  # the export was given this list since: it has put nobody on it
    had_members = services.turns.load(export_id).has_members  # asked first: it is noted after the file is written
    found = services.runs.fetch_members(export_id, path)
    if found is None:
        return None, Caution.MEMBERSHIP_LOST if had_members else None
    return (found, None) if is_membership(database, found) else (None, Caution.MEMBERSHIP_UNREADABLE)


def fetch_known(
    services: Services, database: "DuckDBPyConnection", run: RunRecord, folder: Path
) -> tuple[Path | None, Caution | None]:
    """The membership, with those whom an interrupted try of the run may have put on the list."""
    path, caution = fetch(services, database, run.export_id, str(run.list_id), folder / "members.parquet")
    shelf = services.runs.plan(run)
    begun: list[Path] = []
    for batch in run.unplanned:
        with suppress(NotFound):  # a batch is stored before it is sent, so this one was not
            begun.append(shelf.fetch(file_of(batch), folder))
    return (write_known(database, path, begun, folder / "known.parquet") if begun else path), caution


def fetch_others(
    services: Services, database: "DuckDBPyConnection", export_id: str, list_id: str, folder: Path
) -> tuple[list[Path], Caution | None]:
    """Memberships of other exports of the same list: their people stay on it."""
    exports, invalid = services.destinations.exports()
    lists = {export.id: export.list_id for export in exports}
    for error in invalid:  # such an export does not run, which does not mean that its people may go
        lists[error.name.removeprefix(EXPORTS).removesuffix(SUFFIX)] = _list_of(services, error.name)
    paths: list[Path] = []
    caution = None
    for other, its_list in lists.items():
        if other == export_id or (its_list and its_list.lower() != list_id.lower()):
            continue
        path, wrong = fetch(services, database, other, list_id, folder / f"other-{other}.parquet")
        if path and its_list:
            paths.append(path)
        elif path or wrong:
            caution = Caution.OTHER_MEMBERSHIP_UNKNOWN
    return paths, caution


def _list_of(services: Services, document: str) -> str:
    """The list that an invalid document names; an empty text if that is not to be made out."""
    config = services.storage.config
    try:
        if config.properties(document).size > MAX_BYTES:
            return ""
        return _LIST_ID.validate_python(json.loads(config.read(document).content)["list_id"])
    except (NotFound, ValueError, TypeError, KeyError, RecursionError):
        return ""

"""Memberships, as far as they can be trusted: what is lost or damaged must never end in taking people off a list."""

from pathlib import Path
from typing import TYPE_CHECKING

from shared.contacts.membership import is_membership
from shared.runs.record import Caution
from shared.runs.services import Services

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def fetch(
    services: Services, database: "DuckDBPyConnection", export_id: str, path: Path
) -> tuple[Path | None, Caution | None]:
    """The export's membership, None if it has none; and what is wrong if it should have one."""
    had_members = services.turns.load(export_id).has_members  # asked first: it is noted after the file is written
    found = services.runs.fetch_members(export_id, path)
    if found is None:
        return None, Caution.MEMBERSHIP_LOST if had_members else None
    return (found, None) if is_membership(database, found) else (None, Caution.MEMBERSHIP_UNREADABLE)


def fetch_others(
    services: Services, database: "DuckDBPyConnection", export_id: str, list_id: str, folder: Path
) -> tuple[list[Path], Caution | None]:
    """Memberships of other exports of the same list: their people stay on it."""
    exports, _ = services.destinations.exports()
    paths: list[Path] = []
    caution = None
    for other in exports:
        if other.id == export_id or other.list_id.lower() != list_id.lower():
            continue
        path, wrong = fetch(services, database, other.id, folder / f"other-{other.id}.parquet")
        if path:
            paths.append(path)
        elif wrong:
            caution = Caution.OTHER_MEMBERSHIP_UNKNOWN
    return paths, caution

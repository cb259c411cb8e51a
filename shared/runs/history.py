"""Runs as people look at them: the newest of all exports, and how each export stands."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from shared.destinations.models import Export
from shared.errors import NewerFormat, NotFound
from shared.runs.record import RunRecord, time_of
from shared.runs.services import Services
from shared.runs.store import members_name
from shared.runs.turn import turn_name

READERS = 8  # requests to storage in flight


def newest(services: Services, *, count: int, before: str | None = None) -> list[RunRecord]:
    """Up to `count` records of all exports, newest first, older than the run `before` if one is given."""
    ids = sorted(_run_ids(services), key=time_of, reverse=True)
    wanted = [run_id for run_id in ids if before is None or time_of(run_id) < time_of(before)]
    found: list[RunRecord] = []
    with ThreadPoolExecutor(READERS, thread_name_prefix="history") as pool:
        while wanted and len(found) < count:
            missing = count - len(found)
            some, wanted = wanted[:missing], wanted[missing:]
            found += [run for run in pool.map(lambda run_id: _load(services, run_id), some) if run]
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """The newest run that has ended; the one that is worked on, or waits to be; whether the export is being removed.

    `members`: how many it has put on its list; None if it has no membership of that list.
    """

    last: RunRecord | None
    active: RunRecord | None
    removing: bool
    members: int | None


def standings(services: Services, exports: Sequence[Export]) -> list[Standing]:
    """How each of the exports stands. Of one that has not changed since the last look nothing is read anew."""
    prefix = f"{exports[0].id}/" if len(exports) == 1 else ""
    etags = {item.name: item.etag for item in services.storage.state.list(prefix)}
    with ThreadPoolExecutor(READERS, thread_name_prefix="history") as pool:
        return list(pool.map(lambda export: _standing(services, export, etags), exports))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was read of an export while its turn and its membership had these ETags.

    Every run that is queued, begins or ends writes the turn, so until then the last run is the same.
    """

    etags: tuple[str | None, str | None]
    last: RunRecord | None
    active_id: str | None
    removing: bool
    members: int | None


_seen: dict[tuple[str, str, str], _Seen] = {}  # by state container, export and list


def _standing(services: Services, export: Export, found: Mapping[str, str]) -> Standing:
    etags = found.get(turn_name(export.id)), found.get(members_name(export.id))
    key = (services.storage.state.client.url, export.id, export.list_id)
    seen = _seen.get(key)
    if seen is None or seen.etags != etags:
        seen = _seen[key] = _look(services, export, etags)
    active = _load(services, seen.active_id) if seen.active_id else None
    return Standing(seen.last, active, seen.removing, seen.members)


def _look(services: Services, export: Export, etags: tuple[str | None, str | None]) -> _Seen:
    turn = services.turns.load(export.id)
    active_id = turn.active or next((waiting.run_id for waiting in turn.waiting), None)
    last = next((run for run in services.runs.from_newest(export.id) if run.state.ended), None)
    members = services.runs.count_members(export.id, export.list_id) if etags[1] else None
    return _Seen(etags, last, active_id, turn.removing is not None, members)


def _run_ids(services: Services) -> Iterator[str]:
    folders = list(services.storage.runs.folders(""))
    with ThreadPoolExecutor(READERS, thread_name_prefix="history") as pool:
        for runs in pool.map(lambda folder: list(services.storage.runs.folders(folder)), folders):
            yield from (name.rstrip("/").rsplit("/", 1)[-1] for name in runs)


def _load(services: Services, run_id: str) -> RunRecord | None:
    try:
        return services.runs.load(run_id)[0]
    except (NotFound, NewerFormat):
        return None  # being created, or deleted since; or not for this version of the app

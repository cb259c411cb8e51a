"""Runs as people look at them: the newest of all exports, and how each export stands."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from shared.errors import NotFound
from shared.runs.record import RunRecord, time_of
from shared.runs.services import Services

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
    """The newest run that has ended; the one that is worked on, or waits to be; whether the export is being removed."""

    last: RunRecord | None
    active: RunRecord | None
    removing: bool


def standing(services: Services, export_id: str) -> Standing:
    """How an export stands."""
    turn = services.turns.load(export_id)
    run_id = turn.active or next((waiting.run_id for waiting in turn.waiting), None)
    last = next((run for run in services.runs.from_newest(export_id) if run.state.ended), None)
    return Standing(last, _load(services, run_id) if run_id else None, turn.removing is not None)


def _run_ids(services: Services) -> Iterator[str]:
    folders = list(services.storage.runs.folders(""))
    with ThreadPoolExecutor(READERS, thread_name_prefix="history") as pool:
        for runs in pool.map(lambda folder: list(services.storage.runs.folders(folder)), folders):
            yield from (name.rstrip("/").rsplit("/", 1)[-1] for name in runs)


def _load(services: Services, run_id: str) -> RunRecord | None:
    try:
        return services.runs.load(run_id)[0]
    except NotFound:
        return None  # being created, or deleted since

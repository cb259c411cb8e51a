"""What has to be true at the end, whatever has happened."""

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import duckdb

from shared.runs.record import RunRecord, State
from tests.faults.people import MARK, ODD, Fields
from tests.integration.runs.world import check_accounting

if TYPE_CHECKING:
    from tests.faults.scenario import Scenario

_CAUSES_OF_POISON = frozenset({"storage outage", "kills"})


def violations(scenario: "Scenario") -> list[str]:
    """One sentence each; none if all is well."""
    found = [*_lists(scenario), *_memberships(scenario), *_left_behind(scenario), *_named(scenario)]
    for export in scenario.exports:
        runs = scenario.services.runs.newest(export.id, count=10_000)
        for run in runs:
            scenario.outcome.tally[f"runs {run.state}"] += 1
            found += _books(scenario, run)
        if runs and runs[0].state not in {State.SUCCESSFUL, State.COMPLETED_WITH_WARNINGS}:
            found.append(f"the last run of {export.id} ended {runs[0].state}: {runs[0].reason}")
    return found


def _lists(scenario: "Scenario") -> list[str]:
    found = []
    for number, list_id in enumerate(scenario.lists):
        there = scenario.lane.sim.members(list_id)
        exports = [export for export in scenario.exports if export.list_id == list_id]
        wanted: dict[str, Fields] = {}
        for export in exports:
            for address, fields in export.belonging(scenario.segments).items():
                wanted[address] = wanted.get(address, {}) | fields
        strangers = scenario.strangers[list_id]
        may_stay = _ever(scenario) if any(export.removal == "none" for export in exports) else set()
        groups = {
            "strangers were removed": strangers - there.keys(),
            "missing": wanted.keys() - there.keys(),
            "should have left": there.keys() - wanted.keys() - strangers - may_stay,
            "out of date": {
                who
                for who in wanted.keys() & there.keys()
                if _differs(there[who], wanted[who]) and not _overwritten(scenario, list_id, who)
            },
        }
        found += [f"list {number}: {what}: {sorted(who)}" for what, who in groups.items() if who]
    return found


def _differs(document: dict[str, Any], wanted: Fields) -> bool:
    stored = {**(document.get("custom_fields") or {}), "first_name": document["first_name"]}
    return any(stored.get(name) != value for name, value in wanted.items())


def _overwritten(scenario: "Scenario", list_id: str, address: str) -> bool:
    """Fields are the account's, not the list's: another list's export may have sent this contact later, from a plan
    made earlier, before the person left its segments (docs/reliability.md)."""
    return any(
        export.list_id != list_id
        and export.may_have_sent(address)
        and address not in export.belonging(scenario.segments)
        for export in scenario.exports
    )


def _ever(scenario: "Scenario") -> set[str]:
    return set().union(*(segment.ever for segment in scenario.segments.values()))


def _memberships(scenario: "Scenario") -> list[str]:
    found = []
    for export in scenario.exports:
        wanted = export.belonging(scenario.segments).keys()
        members = _members(scenario, export.id)
        if missing := sorted(wanted - members.keys()):
            found.append(f"membership of {export.id}: missing: {missing}")
        too_many = members.keys() - wanted - (_ever(scenario) if export.removal == "none" else set())
        # If the answer to a batch was lost, its people are unconfirmed members until the list is read: those whom
        # SendGrid does not even look for cannot be taken off, and are reported (refused_by_search).
        too_many -= {who for who, fingerprint in members.items() if who.endswith(ODD) and fingerprint == 0}
        if too_many:
            found.append(f"membership of {export.id}: too many: {sorted(too_many)}")
        if unsure := sorted(address for address in wanted & members.keys() if not members[address]):
            found.append(f"membership of {export.id}: unconfirmed: {unsure}")
    return found


def _members(scenario: "Scenario", export_id: str) -> dict[str, int]:
    with TemporaryDirectory() as folder, duckdb.connect() as database:
        path = scenario.services.runs.fetch_members(export_id, Path(folder) / "members.parquet")
        if path is None:
            return {}
        return dict(database.execute("SELECT address, fingerprint FROM read_parquet(?)", [str(path)]).fetchall())


def _books(scenario: "Scenario", run: RunRecord) -> list[str]:
    if not run.state.ended:
        return [f"{run.run_id} is still {run.state}"]
    has_books = run.planned and (run.dry_run or "accepted" in run.counts)
    try:
        check_accounting(run, _report(scenario, run) if has_books else [])
    except AssertionError as error:
        return [f"{run.run_id} ({run.state}, {run.reason}): the books are wrong: {run.counts} {error}".splitlines()[0]]
    return []


def _report(scenario: "Scenario", run: RunRecord) -> list[dict[str, str]]:
    content = scenario.services.storage.runs.read(f"{run.export_id}/{run.run_id}/report.csv").content
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def _left_behind(scenario: "Scenario") -> list[str]:
    storage, lane = scenario.services.storage, scenario.lane
    found = [f"{item.name} was left" for item in storage.runs.list() if "/plan/" in item.name]
    for name in lane.locks():
        lease = storage.state.client.get_blob_client(name).get_blob_properties().lease
        found += [f"the lease on {name} is held"] if lease.state == "leased" else []
    found += [f"temporary folder {path.name} was left" for path in lane.temporary.iterdir()]
    log = lane.log.read_text(errors="replace")
    poisoned = log.count("message poisoned")
    scenario.outcome.tally["deliveries again"] += log.count("delivered again")
    scenario.outcome.tally["messages poisoned"] += poisoned
    if poisoned and not any(scenario.outcome.tally[cause] for cause in _CAUSES_OF_POISON):
        found.append(f"{poisoned} messages were poisoned")
    return found


def _named(scenario: "Scenario") -> list[str]:
    """No address, name or key in a log or a record."""
    texts = {"the log": scenario.lane.log.read_text(errors="replace")}
    for item in scenario.services.storage.runs.list():
        if item.name.endswith("/run.json"):
            texts[item.name] = scenario.services.storage.runs.read(item.name).content.decode()
    found = []
    for name, text in texts.items():
        for line in text.splitlines():
            if "@" in line or MARK in line or "SG." in line:
                found.append(f"{name} names somebody: {line[:200]}")
                break
    return found

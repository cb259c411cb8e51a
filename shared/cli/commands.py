"""The five commands. Each gives its exit code; what goes wrong on the way is raised."""

import os
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from shared.cli import folder as folders
from shared.cli.arguments import (
    CANCELED,
    CONFLICT,
    FAILED,
    FINE,
    NOT_CONFIRMED,
    REFUSED,
    SKIPPED,
    STILL_RUNNING,
    Options,
)
from shared.cli.changes import Change, Left, compare
from shared.cli.folder import Folder
from shared.cli.output import Output
from shared.cli.service import Answered, Document, Service

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0  # seconds between two looks at a run
RUNS_OF_AN_EXPORT = 10

# Not who asked for a run, and not the lists of its batches.
_OF_A_RUN = (
    *("run_id", "export_id", "state", "kind", "mode", "dry_run", "force", "phase", "progress", "submitted_at"),
    *("started_at", "ended_at", "counts", "warnings", "cautions", "reason", "error"),
)
_OF_AN_EXPORT = ("id", "display_name", "connection", "list_id", "enabled", "members", "next_run_at", "removing")
_BY_STATE = {"successful": FINE, "completed_with_warnings": FINE, "skipped": SKIPPED, "canceled": CANCELED}
_ENDED = frozenset({*_BY_STATE, "failed"})


def validate(options: Options, output: Output) -> int:
    found = _read(options)
    _say_troubles(found, output)
    troubles = [asdict(trouble) for trouble in found.troubles]
    output.document({"valid": not troubles, "documents": len(found.documents), "problems": troubles})
    if not troubles:
        output.line(f"{len(found.documents)} documents, no problems")
    return REFUSED if troubles else FINE


def apply(options: Options, output: Output) -> int:
    found = _read(options)
    if found.troubles:
        _say_troubles(found, output)
        output.document({"applied": False, "problems": [asdict(trouble) for trouble in found.troubles]})
        return REFUSED
    service = _service(options)
    changes, left = compare(found.documents, service.stored(), prune=options.prune)
    _show(changes, left, output)
    results: dict[str, str] = {}
    try:
        code = _before_writing(changes, left, options, output)
        if code is None:
            _write(service, changes, results, output)
    finally:  # also after a refusal: what was written before it stands
        shown = [
            {"name": each.name, "action": each.action, "diff": each.diff, "result": results.get(each.name, "not done")}
            for each in changes
        ]
        done = bool(not any(each.blocks for each in left) and len(results) == len(changes))
        output.document({"applied": done, "changes": shown, "left": [asdict(each) for each in left]})
    return FINE if code is None else code


def run(options: Options, output: Output) -> int:
    service = _service(options)
    started = service.start(options.export, mode=options.mode, dry_run=options.dry_run, force=options.force)
    if not options.wait:
        output.document(_run(started))
        output.line(f"{started['run_id']} {started['state']}")
        return FINE
    output.line(started["run_id"])
    ended = _await(service, started, options.timeout, output)
    output.document(_run(ended))
    for text in _told(ended):
        output.line(text)
    if ended["state"] not in _ENDED:
        return STILL_RUNNING
    return _BY_STATE.get(ended["state"], FAILED)


def status(options: Options, output: Output) -> int:
    service = _service(options)
    limit = options.limit or (RUNS_OF_AN_EXPORT if options.export else 0)
    runs = service.runs(options.export, limit) if limit else []
    if options.export:
        output.document({"export": options.export, "runs": [_run(each) for each in runs]})
    else:
        listed = service.exports()
        exports = [_export(each) for each in listed["exports"]]
        more = {"runs": [_run(each) for each in runs]} if limit else {}
        output.document({"exports": exports, "invalid": listed["invalid"], **more})
        for each in exports:
            output.line(_standing(each))
        for each in listed["invalid"]:
            output.line(f"{each['name']} cannot be read: {'; '.join(each['problems'])}")
    for each in runs:
        output.line(_line(each))
    return FINE


def report(options: Options, output: Output) -> int:
    service = _service(options)
    if options.output is None and options.json:
        output.document({"run_id": options.run, "reasons": service.reasons(options.run)})
        return FINE
    content = service.report(options.run)
    if options.output is None:
        output.content(content)
        return FINE
    # It names people: nobody but its owner reads it.
    with open(options.output, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(content)
    output.document({"run_id": options.run, "file": options.output, "bytes": len(content)})
    output.line(f"{options.output}: {len(content)} bytes")
    return FINE


def _service(options: Options) -> Service:
    if options.url:
        from shared.cli import over_http

        return Service(over_http.way(options))
    from shared.cli import in_process

    return Service(in_process.way(options.environment))


def _read(options: Options) -> Folder:
    return folders.read(Path(options.folder))


def _say_troubles(found: Folder, output: Output) -> None:
    for trouble in found.troubles:
        output.line(": ".join(part for part in (trouble.file, trouble.sentence) if part))


# apply


def _show(changes: list[Change], left: list[Left], output: Output) -> None:
    for change in changes:
        for text in change.diff.split("\n"):
            output.line(text)
        if change.action == "delete" and change.name.startswith("exports/"):
            output.line(f"# {change.name} goes; the people whom it put on its list stay there")
    for each in left:
        output.line(f"# {each.name} is left as it is: {each.reason}")
    if not changes:
        output.line("nothing to change")


def _before_writing(changes: list[Change], left: list[Left], options: Options, output: Output) -> int | None:
    """The exit code if nothing is to be written."""
    if blocking := [each.name for each in left if each.blocks]:
        detail = f"{', '.join(blocking)} cannot be applied, so nothing was written"
        output.problem({"title": "Refused", "code": "cannot_apply", "detail": detail})
        return REFUSED
    if options.dry_run or not changes:
        return FINE
    if not options.yes and not output.asks(f"Write {len(changes)} documents?"):
        advice = "Say yes at the question, or give --yes."
        output.problem(
            {"title": "Not confirmed", "code": "not_confirmed", "detail": "nothing written", "advice": advice}
        )
        return NOT_CONFIRMED
    return None


def _write(service: Service, changes: list[Change], results: dict[str, str], output: Output) -> None:
    """Write one after the other, up to the first that is refused. `results` are noted as they come."""
    fresh: dict[str, str] = {}  # ETags of documents that were written as a connection and come again as an export
    for change in changes:
        etag = fresh.get(change.etag, change.etag) if change.etag else None
        try:
            if change.action == "delete":
                service.delete(change.name, str(etag))
            else:
                written = service.put(change.name, change.content, etag)
                fresh |= {etag: written} if etag else {}
        except Answered as error:
            results[change.name] = "conflict" if error.exit_code == CONFLICT else "refused"
            output.line(f"{change.name}: {results[change.name]}")
            _name(change, error)
            raise
        results[change.name] = "removed" if change.action == "delete" else "written"
        output.line(f"{change.name}: {results[change.name]}")


def _name(change: Change, error: Answered) -> None:
    """The problem says which of the documents it is about."""
    error.problem["detail"] = f"{change.name}: {error.problem['detail']}"
    error.problem["instance"] = change.name


# run and status


def _await(service: Service, started: Document, seconds: float | None, output: Output) -> Document:
    """The run's record when it has ended, or when the time is over."""
    deadline = None if seconds is None else time.monotonic() + seconds
    record, pause = started, FIRST_PAUSE
    while record["state"] not in _ENDED and (deadline is None or time.monotonic() < deadline):
        done = record["progress"]
        output.progress(f"{record['state']}, {record['phase']}: {done['done']:,} of {done['total']:,} contacts")
        time.sleep(pause)
        pause = min(LONGEST_PAUSE, pause * 1.5)
        record = service.run(started["run_id"])
    output.progress("")
    return record


def _run(record: Document) -> Document:
    return {name: record.get(name) for name in _OF_A_RUN}


def _export(view: Document) -> Document:
    runs = {name: _run(view[name]) if view[name] else None for name in ("last_run", "active_run")}
    return {name: view[name] for name in _OF_AN_EXPORT} | runs


def _told(record: Document) -> list[str]:
    lines = [str(record["state"])]
    lines += [f"  {name.replace('_', ' '):<22} {count:>12,}" for name, count in record["counts"].items()]
    lines += [f"  {name.replace('_', ' '):<22} {count:>12,}" for name, count in record["warnings"].items()]
    error: Mapping[str, Any] = record["error"] or {}
    return [*lines, *(text for text in (record["reason"], error.get("message"), error.get("advice")) if text)]


def _standing(export: Document) -> str:
    last, active = export["last_run"], export["active_run"]
    parts = [export["id"], f"{last['state']} {last['ended_at']}" if last else "has not run"]
    parts += [f"now {active['state']} ({active['phase']})"] if active else []
    parts += [f"{export['members']:,} on the list"] if export["members"] is not None else []
    return "  ".join(parts)


def _line(record: Document) -> str:
    return "  ".join((record["run_id"], record["state"], record["mode"], record["submitted_at"]))

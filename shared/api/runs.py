"""Runs: asked for, looked at, stopped; and what they report."""

from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from shared.api.endpoint import VIEWS, Answer, Call, Parameter, endpoint, location
from shared.api.exports import RETRY_AFTER, editable, find_connection
from shared.api.roles import Role, need_permission
from shared.errors import Conflict, InvalidDocument, NotFound

if TYPE_CHECKING:
    from shared.runs.record import RunRecord

LARGEST_PAGE = 100
LARGEST_REPORT = 64 * 1024 * 1024  # bytes; the worker holds an answer whole, several times
_PAGE = (
    Parameter("limit", f"how many runs, at most {LARGEST_PAGE}; 20 if not given", number=(1, LARGEST_PAGE)),
    Parameter("before", "`next` of the page before this one"),
)


@endpoint(
    "start_run",
    "POST",
    "exports/{export_id}/runs",
    role=Role.CONTRIBUTOR,
    body=f"{VIEWS}:RunWish",
    body_optional=True,
    answers={202: "shared.runs.record:RunRecord"},
    problems=(404, 409),
    headers=("Location", "Retry-After"),
)
def start_run(call: Call) -> Answer:
    """Queue a run on demand; a like run that still waits is given instead."""
    from shared.api.views import RunWish
    from shared.runs.record import Kind, Mode, Request
    from shared.runs.start import start

    export = editable(call, call.path("export_id"))
    wish = call.body(RunWish)
    request = Request(
        kind=Kind.ON_DEMAND,
        mode=Mode(wish.mode),
        dry_run=wish.dry_run,
        force=wish.force,
        submitted_by=call.principal.name,
        submitted_at=call.services.now(),
    )
    return _accepted(start(call.services, export.id, request))


@endpoint(
    "start_all_runs",
    "POST",
    "runs",
    role=Role.CONTRIBUTOR,
    answers={202: f"{VIEWS}:StartedRuns"},
)
def start_all_runs(call: Call) -> Answer:
    """Queue a run of every export that has an active schedule and that the caller may run."""
    from shared.api.views import RunSummary, StartedRuns
    from shared.destinations.schedule import next_times
    from shared.runs.record import Kind, Request
    from shared.runs.start import start

    services, settings = call.services, call.services.settings
    started = []
    for export in services.destinations.exports()[0]:
        scheduled = next_times(
            export,
            after=services.now(),
            count=1,
            default_schedule=settings.default_schedule,
            default_timezone=settings.default_timezone,
        )
        if not scheduled or not call.principal.may_edit(export, find_connection(services, export)):
            continue
        request = Request(kind=Kind.ON_DEMAND, submitted_by=call.principal.name, submitted_at=services.now())
        try:
            started.append(start(services, export.id, request))
        except Conflict:
            continue  # it is being removed
    runs = [RunSummary.model_validate(run) for run in started]
    return Answer(StartedRuns(runs=runs), status=HTTPStatus.ACCEPTED)


@endpoint(
    "list_runs",
    "GET",
    "exports/{export_id}/runs",
    role=Role.VIEWER,
    query=_PAGE,
    answers={200: f"{VIEWS}:RunPage"},
    problems=(400, 404),
)
def list_runs(call: Call) -> Answer:
    """List the export's runs, newest first; those of an export that was removed, too."""
    from shared.destinations.documents import is_id

    export_id, count = call.path("export_id"), call.number("limit", 20)
    runs = call.services.runs.newest(export_id, count=count, before=call.query("before")) if is_id(export_id) else []
    if not runs:
        with suppress(InvalidDocument):  # it exists, and has not run
            call.services.destinations.export(export_id)  # NotFound
    return _page(runs, count)


@endpoint(
    "list_all_runs",
    "GET",
    "runs",
    role=Role.VIEWER,
    query=_PAGE,
    answers={200: f"{VIEWS}:RunPage"},
    problems=(400,),
)
def list_all_runs(call: Call) -> Answer:
    """List the runs of all exports, newest first."""
    from shared.runs import history

    count = call.number("limit", 20)
    return _page(history.newest(call.services, count=count, before=call.query("before")), count)


@endpoint(
    "get_run",
    "GET",
    "runs/{run_id}",
    role=Role.VIEWER,
    answers={200: "shared.runs.record:RunRecord"},
    problems=(404,),
)
def get_run(call: Call) -> Answer:
    """Give the run record."""
    run, etag = call.services.runs.load(_run_id(call))
    return Answer(run, etag=etag, headers={} if run.state.ended else {"Retry-After": str(RETRY_AFTER)})


@endpoint(
    "cancel_run",
    "POST",
    "runs/{run_id}/cancel",
    role=Role.CONTRIBUTOR,
    answers={202: "shared.runs.record:RunRecord"},
    problems=(404,),
    headers=("Location", "Retry-After"),
)
def cancel_run(call: Call) -> Answer:
    """Ask a run to stop: it does after the batches in flight, and settles what it has sent."""
    run = _shared(call)
    call.services.runs.cancel(run.run_id, call.principal.name)
    return _accepted(call.services.runs.load(run.run_id)[0])


@endpoint(
    "get_report",
    "GET",
    "runs/{run_id}/report",
    role=Role.CONTRIBUTOR,
    answers={200: "text/csv"},
    problems=(404, 409),
)
def get_report(call: Call) -> Answer:
    """Download report.csv: every row or contact that did not get where it should, and why."""
    run = _shared(call)
    size = call.services.runs.report_size(run.run_id)
    if size > LARGEST_REPORT:
        raise Conflict(
            f"the report has {size} bytes, more than the {LARGEST_REPORT} that this address gives",
            code="report_too_large",
            advice=f"Download {run.export_id}/{run.run_id}/report.csv from container runs with a storage tool.",
        )
    headers = {"Content-Disposition": f'attachment; filename="{run.run_id}.csv"'}
    return Answer(call.services.runs.report(run.run_id), mimetype="text/csv", headers=headers)


@endpoint(
    "get_reasons",
    "GET",
    "runs/{run_id}/reasons",
    role=Role.VIEWER,
    answers={200: f"{VIEWS}:Reasons"},
    problems=(404,),
)
def get_reasons(call: Call) -> Answer:
    """Count the report's lines by reason, and say what each reason means. None while there is no report."""
    from shared.runs.reasons import reasons

    run, _ = call.services.runs.load(_run_id(call))
    found = [
        {"stage": each.stage, "code": each.code, "count": each.count, "meaning": each.meaning}
        for each in reasons(call.services.runs, run.run_id)
    ]
    return Answer({"reasons": found})


def _accepted(run: "RunRecord") -> Answer:
    headers = location(f"runs/{run.run_id}", seconds=RETRY_AFTER)
    return Answer(run, status=HTTPStatus.ACCEPTED, headers=headers)


def _page(runs: "list[RunRecord]", count: int) -> Answer:
    from shared.api.views import RunPage, RunSummary

    following = runs[-1].run_id if len(runs) == count else None
    return Answer(RunPage(runs=[RunSummary.model_validate(run) for run in runs], next=following))


def _shared(call: Call) -> "RunRecord":
    """The run, if the caller may change its export; of an export that is gone, if the caller is an administrator."""
    run, _ = call.services.runs.load(_run_id(call))
    try:
        editable(call, run.export_id)
    except (NotFound, InvalidDocument):
        need_permission(call.principal.role is Role.ADMINISTRATOR, f"export {run.export_id}")
    return run


def _run_id(call: Call) -> str:
    """The run that the route names. NotFound if that cannot be one: a name must not lead outside its folder."""
    from shared.runs.record import is_run_id

    run_id = call.path("run_id")
    if not is_run_id(run_id):
        raise NotFound(f"there is no run {run_id[:100]!r}", code="not_found")
    return run_id

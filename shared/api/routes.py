"""The HTTP API: one function a route. Every route but /health asks for a function key."""

import json
from http import HTTPStatus
from typing import Any

import azure.functions as func

from shared import __version__
from shared.api.problems import BadRequest, answered
from shared.app import app
from shared.errors import NotFound

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]

RETRY_AFTER = "5"  # seconds; a small export takes about ten
LARGEST_PAGE = 100


@blueprint.function_name("start_run")
@blueprint.route("exports/{export_id}/runs", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
@answered
def start_run(req: func.HttpRequest) -> func.HttpResponse:
    """Queue a run on demand. Body, all optional: `mode` (incremental, full, reconcile), `dry_run`, `force`."""
    from shared.runs.record import Kind, Mode, Request
    from shared.runs.start import start

    services = app().services
    export = services.destinations.export(req.route_params["export_id"])
    wish = _wish(req)
    request = Request(
        kind=Kind.ON_DEMAND,
        mode=Mode(_choice(wish, "mode", [mode.value for mode in Mode])),
        dry_run=_switch(wish, "dry_run"),
        force=_switch(wish, "force"),
        submitted_by="function key",
        submitted_at=services.now(),
    )
    run = start(services, export.id, request)
    headers = {"Location": f"/api/runs/{run.run_id}", "Retry-After": RETRY_AFTER}
    return _json(run.model_dump_json(), status=HTTPStatus.ACCEPTED, headers=headers)


@blueprint.function_name("list_runs")
@blueprint.route("exports/{export_id}/runs", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
@answered
def list_runs(req: func.HttpRequest) -> func.HttpResponse:
    """List the export's runs, newest first. Query: `limit` (20, at most 100), `before` (the last page's `next`)."""
    services = app().services
    export_id = services.destinations.export(req.route_params["export_id"]).id
    text = req.params.get("limit", "20")
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_PAGE:
        raise BadRequest(f"limit is {text[:20]!r}; give a number from 1 to {LARGEST_PAGE}", field="limit")
    runs = services.runs.newest(export_id, count=int(text), before=req.params.get("before"))
    following = runs[-1].run_id if len(runs) == int(text) else None
    return _json(json.dumps({"runs": [run.model_dump(mode="json") for run in runs], "next": following}))


@blueprint.function_name("get_run")
@blueprint.route("runs/{run_id}", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
@answered
def get_run(req: func.HttpRequest) -> func.HttpResponse:
    """Give the run record."""
    run, etag = app().services.runs.load(_run_id(req))
    headers = {"ETag": f'"{etag}"', "Cache-Control": "no-cache"}
    if not run.state.ended:
        headers["Retry-After"] = RETRY_AFTER
    return _json(run.model_dump_json(), headers=headers)


@blueprint.function_name("cancel_run")
@blueprint.route("runs/{run_id}/cancel", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
@answered
def cancel_run(req: func.HttpRequest) -> func.HttpResponse:
    """Ask a run to stop: it does after the batches in flight, and settles what it has sent."""
    run_id = _run_id(req)
    runs = app().services.runs
    runs.cancel(run_id, "function key")
    headers = {"Location": f"/api/runs/{run_id}", "Retry-After": RETRY_AFTER}
    return _json(runs.load(run_id)[0].model_dump_json(), status=HTTPStatus.ACCEPTED, headers=headers)


@blueprint.function_name("health")
@blueprint.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@answered
def health(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 -- the worker passes it by name
    """Say that the app is up and its settings can be read. Touches no other service."""
    app()
    return _json(json.dumps({"status": "ok", "version": __version__}))


def _run_id(req: func.HttpRequest) -> str:
    """The run that the route names. NotFound if that cannot be one: a name must not lead outside its folder."""
    from shared.destinations.documents import is_id
    from shared.runs.record import export_of

    run_id = str(req.route_params["run_id"])
    if not is_id(export_of(run_id)) or "/" in run_id:
        raise NotFound(f"there is no run {run_id[:100]!r}", code="not_found")
    return run_id


def _wish(req: func.HttpRequest) -> dict[str, Any]:
    body = req.get_body()
    if not body.strip():
        return {}
    try:
        wish = json.loads(body)
    except ValueError as error:
        raise BadRequest("the body is not JSON", field="body") from error
    if not isinstance(wish, dict):
        raise BadRequest("the body is not a JSON object", field="body")
    if unknown := sorted(wish.keys() - {"mode", "dry_run", "force"}):
        raise BadRequest(f"{unknown[0][:50]!r} is not known; give mode, dry_run or force", field=unknown[0][:50])
    return wish


def _choice(wish: dict[str, Any], key: str, choices: list[str]) -> str:
    value = wish.get(key, choices[0])
    if value not in choices:
        raise BadRequest(f"{key} is {str(value)[:50]!r}; give {' or '.join(choices)}", field=key)
    return str(value)


def _switch(wish: dict[str, Any], key: str) -> bool:
    value = wish.get(key, False)
    if not isinstance(value, bool):
        raise BadRequest(f"{key} is {str(value)[:50]!r}; give true or false", field=key)
    return value


def _json(text: str, *, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None) -> func.HttpResponse:
    return func.HttpResponse(text, status_code=status.value, mimetype="application/json", headers=headers)

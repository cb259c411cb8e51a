"""Exports: their documents, how each of them stands, and their removal, with or without the people on the list."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from shared.api import conditions, problems
from shared.api.endpoint import VIEWS, Answer, Call, Parameter, endpoint, location
from shared.api.problems import BadRequest, InUse
from shared.api.roles import Role, need, need_permission
from shared.errors import Conflict, InvalidDocument, NotFound

if TYPE_CHECKING:
    from shared.destinations.documents import Destination
    from shared.destinations.models import Connection, Export
    from shared.destinations.store import Stored
    from shared.runs.history import Standing
    from shared.runs.services import Services

RETRY_AFTER = 5  # seconds; a small export takes about ten
_DOCUMENT = "shared.destinations.models:Export"
_MEMBERS = Parameter(
    "members", "remove: take the people off the list first whom the export put there", choices=("keep", "remove")
)


@endpoint("list_exports", "GET", "exports", role=Role.VIEWER, answers={200: f"{VIEWS}:Exports"})
def list_exports(call: Call) -> Answer:
    """List the exports, and how each of them stands."""
    from shared.runs import history

    found, invalid = call.services.destinations.stored_exports()
    connections = {each.id: each for each in call.services.destinations.connections()[0]}
    standings = history.standings(call.services, [each.value.export for each in found])
    views = [_view(call, each, connections, standing) for each, standing in zip(found, standings, strict=True)]
    named = [{"name": error.name, "problems": list(error.problems)} for error in invalid]
    return Answer({"exports": views, "invalid": named})


@endpoint(
    "get_export",
    "GET",
    "exports/{export_id}",
    role=Role.VIEWER,
    answers={200: f"{VIEWS}:ExportView"},
    problems=(404, 409),
)
def get_export(call: Call) -> Answer:
    """Give an export, and how it stands."""
    return _one(call, call.path("export_id"))


@endpoint(
    "put_export",
    "PUT",
    "exports/{export_id}",
    role=Role.CONTRIBUTOR,
    body=_DOCUMENT,
    answers={200: f"{VIEWS}:ExportView", 201: f"{VIEWS}:ExportView"},
    problems=(409,),
    condition="either",
)
def put_export(call: Call) -> Answer:
    """Create or replace an export. This does not run it; `connection: null` detaches it."""
    from shared.destinations import editing
    from shared.destinations.documents import export_name

    export_id, config = call.path("export_id"), call.services.storage.config
    try:
        blob = editing.find_export(config, export_id)
        expected = conditions.expected(call, blob)
        destination, content = editing.export_content(export_id, call.json(), blob)
    except InvalidDocument as error:
        raise problems.refused(error) from error
    if blob:
        call.services.turns.load(export_id).refuse_while_removing()
    _may_replace(call, export_id, destination)
    with conditions.still_expected():
        editing.write(config, export_name(export_id), content, over=expected, by=call.principal.name)
    return _one(call, export_id, HTTPStatus.OK if blob else HTTPStatus.CREATED)


@endpoint(
    "delete_export",
    "DELETE",
    "exports/{export_id}",
    role=Role.CONTRIBUTOR,
    query=(_MEMBERS,),
    answers={202: f"{VIEWS}:RunSummary", 204: ""},
    problems=(404, 409),
    condition="existing",
    headers=("Location", "Retry-After"),
)
def delete_export(call: Call) -> Answer:
    """Remove an export; `members=remove` queues a last run before that, which takes its people off the list."""
    from shared.destinations import editing
    from shared.destinations.documents import export_name, is_id

    export_id, config = call.path("export_id"), call.services.storage.config
    with_members = call.query("members") == "remove"
    blob = editing.find_export(config, export_id) if is_id(export_id) else None
    if blob is None:
        raise NotFound(f"there is no export {export_id[:100]!r}", code="not_found")
    expected = conditions.expected(call, blob)
    try:
        destination = call.services.destinations.stored_export(export_id).value
    except InvalidDocument:
        if with_members:
            raise
        need(call.principal, Role.ADMINISTRATOR)  # nobody can tell whose it is
    else:
        _may_edit(call, destination.export)
        _connection_stays(call, destination)
        if with_members:
            return _remove_with_members(call, destination.export)
    with conditions.still_expected():
        config.delete(export_name(export_id), if_match=expected)
    return Answer(status=HTTPStatus.NO_CONTENT)


def editable(call: Call, export_id: str) -> "Export":
    """The export, if the caller may change and run it. NotFound, InvalidDocument, NotAllowed."""
    export = call.services.destinations.export(export_id)
    _may_edit(call, export)
    return export


def find_connection(services: "Services", export: "Export") -> "Connection | None":
    """The export's connection, if there is one that can be read."""
    try:
        return services.destinations.connection(export.connection) if export.connection else None
    except (NotFound, InvalidDocument):
        return None


def _may_edit(call: Call, export: "Export") -> None:
    allowed = call.principal.may_edit(export, find_connection(call.services, export))
    need_permission(allowed, f"the connection of export {export.id}")


def _may_replace(call: Call, export_id: str, destination: "Destination") -> None:
    """Whether the caller may put this in place of what is there."""
    services = call.services
    try:
        before = services.destinations.stored_export(export_id).value
    except NotFound:
        before = None
    except InvalidDocument:
        before = None
        need(call.principal, Role.ADMINISTRATOR)
    if before:
        _may_edit(call, before.export)
    if destination.connection is None:
        if before:
            _connection_stays(call, before)
        if destination.export.connection and find_connection(services, destination.export) is None:
            raise BadRequest.of("connection", f"{destination.export.connection!r} does not exist, or cannot be read")
        _may_edit(call, destination.export)
    elif before is None or before.connection != destination.connection:
        need(call.principal, Role.ADMINISTRATOR)  # it is a connection, too
        _refuse_second_connection(services, export_id)


def _refuse_second_connection(services: "Services", export_id: str) -> None:
    from shared.destinations import editing
    from shared.destinations.documents import connection_name

    name, blob = editing.find_connection(services.storage.config, export_id)
    if blob and name == connection_name(export_id):
        raise BadRequest.of("api_key_secret", f"connection {export_id!r} exists; give it in connection instead")


def _connection_stays(call: Call, destination: "Destination") -> None:
    """InUse if the document is also a connection that goes with it, and others use that."""
    if destination.connection is None:
        return
    need(call.principal, Role.ADMINISTRATOR)
    others = [
        export.id
        for export in call.services.destinations.exports()[0]
        if export.connection == destination.connection.id and export.id != destination.export.id
    ]
    if others:
        raise InUse(
            f"the document of export {destination.export.id} is a connection too, which others use",
            used_by=others,
            advice="Give the others another connection first.",
        )


def _remove_with_members(call: Call, export: "Export") -> Answer:
    from shared.api.views import RunSummary
    from shared.runs.removal import remove_with_members

    if export.connection is None:
        raise Conflict(
            f"export {export.id} is detached",
            code="detached",
            advice="Give it a connection, so that people can be taken off the list, or remove it with members=keep.",
        )
    run = remove_with_members(call.services, export.id, call.principal.name)
    headers = location(f"runs/{run.run_id}", seconds=RETRY_AFTER)
    return Answer(RunSummary.model_validate(run), status=HTTPStatus.ACCEPTED, headers=headers)


def _one(call: Call, export_id: str, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    from shared.runs import history

    stored = call.services.destinations.stored_export(export_id)
    connection = find_connection(call.services, stored.value.export)
    [standing] = history.standings(call.services, [stored.value.export])
    view = _view(call, stored, {connection.id: connection} if connection else {}, standing)
    return Answer(view, status=status, etag=stored.etag)


def _view(
    call: Call, stored: "Stored[Destination]", connections: "dict[str, Connection]", standing: "Standing"
) -> dict[str, Any]:
    from shared.api.views import ExportView, RunSummary

    export = stored.value.export
    may_edit = call.principal.may_edit(export, connections.get(export.connection or ""))
    facts = export.model_dump() | {
        "etag": stored.etag,
        "updated_at": stored.updated_at,
        "updated_by": stored.updated_by,
        "permission": "edit" if may_edit else "view",
        "members": standing.members,
        "last_run": RunSummary.model_validate(standing.last) if standing.last else None,
        "active_run": RunSummary.model_validate(standing.active) if standing.active else None,
        "next_run_at": _next_run(call.services, export),
        "removing": standing.removing,
    }
    return ExportView.model_validate(facts).model_dump(mode="json")


def _next_run(services: "Services", export: "Export") -> Any:
    from shared.destinations.schedule import next_times

    settings = services.settings
    times = next_times(
        export,
        after=services.now(),
        count=1,
        default_schedule=settings.default_schedule,
        default_timezone=settings.default_timezone,
    )
    return times[0] if times else None

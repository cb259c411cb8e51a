"""Connections: who may see and use them, what they lack, the consent, and what the account behind them has."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from shared.api import conditions, problems
from shared.api.endpoint import VIEWS, Answer, Call, endpoint
from shared.api.problems import BadRequest, InUse
from shared.api.roles import Principal, Role, need_permission
from shared.errors import Conflict, InvalidDocument, NotFound

if TYPE_CHECKING:
    from shared.cloud.storage import Blob
    from shared.destinations.models import Connection
    from shared.destinations.store import Stored
    from shared.runs.services import Services

_DOCUMENT = "shared.destinations.models:Connection"


@endpoint("list_connections", "GET", "connections", role=Role.VIEWER, answers={200: f"{VIEWS}:Connections"})
def list_connections(call: Call) -> Answer:
    """List the connections; all but administrators see names only."""
    found, invalid = call.services.destinations.stored_connections()
    users = _users(call.services)
    connections = [_view(call, each, users.get(each.value.id, [])) for each in found]
    named = [{"name": error.name, "problems": list(error.problems)} for error in invalid]
    return Answer({"connections": connections, "invalid": named})


@endpoint(
    "get_connection",
    "GET",
    "connections/{connection_id}",
    role=Role.VIEWER,
    answers={200: f"{VIEWS}:ConnectionAnswer"},
    problems=(404, 409),
)
def get_connection(call: Call) -> Answer:
    """Give a connection; all but administrators see its name only."""
    return _one(call, call.path("connection_id"))


@endpoint(
    "put_connection",
    "PUT",
    "connections/{connection_id}",
    role=Role.ADMINISTRATOR,
    body=_DOCUMENT,
    answers={200: f"{VIEWS}:ConnectionAnswer", 201: f"{VIEWS}:ConnectionAnswer"},
    condition="either",
)
def put_connection(call: Call) -> Answer:
    """Create or replace a connection. Without `consent` in the body the one that was given stays."""
    from shared.destinations import editing

    connection_id, config = call.path("connection_id"), call.services.storage.config
    try:
        found = editing.find_connection(config, connection_id)
        name, blob = found
        expected = conditions.expected(call, blob)
        connection, content = editing.connection_content(connection_id, call.json(), found)
    except InvalidDocument as error:
        raise problems.refused(error) from error
    before = editing.consent_in(blob.content) if blob else ...
    if editing.consent_in(call.json()) is ...:
        content = editing.with_consent(content, before) if isinstance(before, dict) else content
    else:
        _own_consent_only(call, connection, before)
    with conditions.still_expected():
        editing.write(config, name, content, over=expected, by=call.principal.name)
    return _one(call, connection_id, HTTPStatus.OK if blob else HTTPStatus.CREATED)


@endpoint(
    "delete_connection",
    "DELETE",
    "connections/{connection_id}",
    role=Role.ADMINISTRATOR,
    answers={204: ""},
    problems=(404, 409),
    condition="existing",
)
def delete_connection(call: Call) -> Answer:
    """Remove a connection that no export uses."""
    connection_id, config = call.path("connection_id"), call.services.storage.config
    name, blob = _found(call)
    expected = conditions.expected(call, blob)
    if used_by := _users(call.services).get(connection_id):
        raise InUse(
            f"connection {connection_id} is used by {', '.join(used_by)}",
            used_by=used_by,
            advice="Remove those exports or detach them (connection: null), and try again.",
        )
    with conditions.still_expected():
        config.delete(name, if_match=expected)
    return Answer(status=HTTPStatus.NO_CONTENT)


@endpoint(
    "check_connection",
    "POST",
    "connections/{connection_id}/check",
    role=Role.ADMINISTRATOR,
    answers={200: f"{VIEWS}:Check"},
    problems=(404, 409),
)
def check_connection(call: Call) -> Answer:
    """Try key, rights, lists and fields, and say what is missing."""
    from shared.api.check import check

    return Answer(check(call.services, call.services.destinations.connection(call.path("connection_id"))))


@endpoint("get_consent_text", "GET", "consent-text", role=Role.VIEWER, answers={200: f"{VIEWS}:ConsentText"})
def get_consent_text(call: Call) -> Answer:  # noqa: ARG001 -- every handler is given the call
    """Give the privacy text that is to be agreed to."""
    from shared.api import consent

    responsibilities = [{"who": who, "what": what} for who, what in consent.RESPONSIBILITIES]
    paragraphs = list(consent.PARAGRAPHS)
    return Answer(
        {"text_version": consent.TEXT_VERSION, "paragraphs": paragraphs, "responsibilities": responsibilities}
    )


@endpoint(
    "give_consent",
    "POST",
    "connections/{connection_id}/consent",
    role=Role.ADMINISTRATOR,
    body=f"{VIEWS}:ConsentWish",
    answers={200: f"{VIEWS}:ConnectionAnswer"},
    problems=(404, 409),
    condition="existing",
)
def give_consent(call: Call) -> Answer:
    """Agree, in the caller's name, that data leaves for SendGrid."""
    from shared.api.consent import TEXT_VERSION
    from shared.api.views import ConsentWish

    version = call.body(ConsentWish).text_version
    if version != TEXT_VERSION:
        raise Conflict(
            f"the privacy text is of version {TEXT_VERSION} now", code="consent_text_changed", advice="Read it again."
        )
    now = call.services.now().isoformat(timespec="seconds")
    return _change_consent(call, {"agreed_by": call.principal.name, "agreed_at": now, "text_version": version})


@endpoint(
    "withdraw_consent",
    "DELETE",
    "connections/{connection_id}/consent",
    role=Role.ADMINISTRATOR,
    answers={200: f"{VIEWS}:ConnectionAnswer"},
    problems=(404, 409),
    condition="existing",
)
def withdraw_consent(call: Call) -> Answer:
    """Withdraw the consent: runs under way stop before their next batch."""
    return _change_consent(call, None)


@endpoint(
    "list_lists",
    "GET",
    "connections/{connection_id}/lists",
    role=Role.CONTRIBUTOR,
    answers={200: f"{VIEWS}:Lists"},
    problems=(404, 409, 502),
)
def list_lists(call: Call) -> Answer:
    """List the account's lists, by name."""
    lists = call.services.sendgrid(_usable(call), lambda: None).lists()
    ordered = sorted(lists, key=lambda each: (each.name.casefold(), each.id))
    return Answer({"lists": [{"id": e.id, "name": e.name, "contact_count": e.contact_count} for e in ordered]})


@endpoint(
    "list_fields",
    "GET",
    "connections/{connection_id}/fields",
    role=Role.CONTRIBUTOR,
    answers={200: f"{VIEWS}:Fields"},
    problems=(404, 409, 502),
)
def list_fields(call: Call) -> Answer:
    """List the account's contact fields, custom ones first."""
    fields = call.services.sendgrid(_usable(call), lambda: None).field_definitions()
    found = [{"id": e.id, "name": e.name, "type": e.field_type, "reserved": e.reserved} for e in fields]
    return Answer({"fields": sorted(found, key=lambda each: (each["reserved"], str(each["name"]).casefold()))})


def use_permission(principal: Principal, connection: "Connection | None") -> str:
    """What the caller may do with a connection: edit, use or none."""
    if principal.role is Role.ADMINISTRATOR:
        return "edit"
    return "use" if principal.may_use(connection) else "none"


def _one(call: Call, connection_id: str, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    stored = call.services.destinations.stored_connection(connection_id)
    users = _users(call.services).get(connection_id, []) if call.principal.role is Role.ADMINISTRATOR else []
    return Answer(_view(call, stored, users), status=status, etag=stored.etag)


def _view(call: Call, stored: "Stored[Connection]", used_by: list[str]) -> dict[str, Any]:
    from shared.api.check import host_of
    from shared.api.views import ConnectionDetails, ConnectionName

    connection, permission = stored.value, use_permission(call.principal, stored.value)
    if permission != "edit":
        name = {"id": connection.id, "display_name": connection.display_name, "permission": permission}
        return ConnectionName.model_validate(name).model_dump(mode="json")
    facts = connection.model_dump() | {"permission": permission, "used_by": used_by, "etag": stored.etag}
    facts |= {"updated_at": stored.updated_at, "updated_by": stored.updated_by}
    facts |= {"host": host_of(call.services, connection), "allowed_roles": list(connection.allowed_roles)}
    return ConnectionDetails.model_validate(facts).model_dump(mode="json")


def _users(services: "Services") -> dict[str, list[str]]:
    """Ids of the exports of each connection."""
    users: dict[str, list[str]] = {}
    for export in services.destinations.exports()[0]:
        if export.connection:
            users.setdefault(export.connection, []).append(export.id)
    return users


def _usable(call: Call) -> "Connection":
    connection = call.services.destinations.connection(call.path("connection_id"))
    need_permission(call.principal.may_use(connection), f"connection {connection.id}")
    return connection


def _found(call: Call) -> "tuple[str, Blob]":
    """The document that holds the connection, and its name, whatever it says."""
    from shared.destinations import editing

    connection_id = call.path("connection_id")
    missing = f"there is no connection {connection_id[:100]!r}"
    try:
        name, blob = editing.find_connection(call.services.storage.config, connection_id)
    except InvalidDocument as error:
        raise NotFound(missing, code="not_found") from error
    if blob is None:
        raise NotFound(missing, code="not_found")
    return name, blob


def _change_consent(call: Call, consent: dict[str, Any] | None) -> Answer:
    from shared.destinations import editing

    connection_id, config = call.path("connection_id"), call.services.storage.config
    call.services.destinations.connection(connection_id)  # NotFound, InvalidDocument
    name, blob = editing.find_connection(config, connection_id)
    expected = conditions.expected(call, blob)
    content = editing.with_consent(blob.content if blob else b"{}", consent)
    with conditions.still_expected():
        editing.write(config, name, content, over=expected, by=call.principal.name)
    return _one(call, connection_id)


def _own_consent_only(call: Call, connection: "Connection", before: Any) -> None:
    """Where the caller is known by name, nobody agrees in another's."""
    from shared.destinations import editing

    given = editing.consent_in(call.json())
    known = call.services.settings.auth_mode == "entra"
    if given == before or connection.consent is None or not known:
        return
    if connection.consent.agreed_by != call.principal.name:
        raise BadRequest.of("consent.agreed_by", "is somebody else; agree in your own name (POST …/consent)")

"""Routes of the account: scopes, lists, list members' removal, field definitions."""

from urllib.parse import urlencode

from local.sendgrid.account import Account
from local.sendgrid.answers import NOT_FOUND, Answer, Refused, answer, error, parse_object, refuse
from local.sendgrid.contacts import contact_id
from local.sendgrid.documents import timestamp
from local.sendgrid.fields import Field, reserved_documents
from local.sendgrid.jobs import Outcome
from local.sendgrid.routes import Route
from local.sendgrid.server import Request

_DEFAULT_PAGE, _LONGEST_PAGE = 100, 1_000


def _scopes(account: Account, request: Request) -> Answer:
    key = request.headers["authorization"].partition(" ")[2].strip()
    return answer(200, {"scopes": list(account.keys[key])})


def _list_document(account: Account, list_id: str) -> dict[str, object]:
    return {
        "id": list_id,
        "name": account.lists.names[list_id],
        "contact_count": account.contacts.on_list[list_id],
        "_metadata": {"self": f"{account.base_url}/v3/marketing/lists/{list_id}"},
    }


def _create_list(account: Account, request: Request) -> Answer:
    list_id = account.lists.add(parse_object(request.body).get("name"))
    return answer(201, _list_document(account, list_id))


def _read_lists(account: Account, request: Request) -> Answer:
    size = _page_size(request.query.get("page_size"))
    ids = list(account.lists.names)
    token = request.query.get("page_token") or "0"
    if not token.isdecimal():
        raise refuse(400, "invalid page token", "page_token")
    start = int(token)

    def page(position: int) -> str:
        query = urlencode({"page_size": size, "page_token": position or ""})
        return f"{account.base_url}/v3/marketing/lists?{query}"

    metadata: dict[str, object] = {"self": page(start), "count": len(ids)}
    if start:
        metadata["prev"] = page(max(0, start - size))
    if start + size < len(ids):
        metadata["next"] = page(start + size)
    result = [_list_document(account, list_id) for list_id in ids[start : start + size]]
    return answer(200, {"result": result, "_metadata": metadata})


def _page_size(given: str | None) -> int:
    if given is None:
        return _DEFAULT_PAGE
    if not given.isdecimal() or not 1 <= int(given) <= _LONGEST_PAGE:
        raise refuse(400, f"page_size must be between 1 and {_LONGEST_PAGE}", "page_size")
    return int(given)


def _read_list(account: Account, request: Request, list_id: str) -> Answer:
    account.lists.require(list_id)
    document = _list_document(account, list_id)
    if request.query.get("contact_sample") == "true":
        newest = next((contact for contact in account.contacts.newest() if list_id in contact.lists), None)
        if newest is not None:
            document["contact_sample"] = {
                "id": contact_id(newest.number),
                "list_ids": sorted(newest.lists),
                "created_at": timestamp(newest.created),
                "updated_at": timestamp(newest.updated),
            }
    return answer(200, document)


def _rename_list(account: Account, request: Request, list_id: str) -> Answer:
    account.lists.rename(list_id, parse_object(request.body).get("name"))
    return answer(200, _list_document(account, list_id))


def _delete_list(account: Account, request: Request, list_id: str) -> Answer:
    account.lists.require(list_id)
    del account.lists.names[list_id]
    members = [contact_id(contact.number) for contact in account.contacts if list_id in contact.lists]
    account.contacts.forget_list(list_id)
    if request.query.get("delete_contacts") != "true":
        return Answer(204)
    return answer(200, {"job_id": start_deletion(account, request, members)})


def start_deletion(account: Account, request: Request, contacts: list[str]) -> str:
    """Start the job that deletes contacts (ids); give its id."""

    async def delete() -> Outcome:
        return Outcome(len(contacts), deleted=account.contacts.delete(contacts))

    job = account.jobs.open("delete_contacts", len(contacts), request.fate)
    account.jobs.begin(job, account.settings.job_seconds, delete)
    request.job_id = job.id
    return job.id


def _count_list(account: Account, _request: Request, list_id: str) -> Answer:
    account.lists.require(list_id)
    members = account.contacts.on_list[list_id]
    return answer(200, {"contact_count": members, "billable_count": members})


def _remove_members(account: Account, request: Request, list_id: str) -> Answer:
    contacts = [name for name in request.query.get("contact_ids", "").split(",") if name]
    if not contacts:
        raise Refused(
            answer(400, error("contact_ids is required", "contact_ids"))
        )  # a bare error, says the OpenAPI file
    if list_id not in account.lists.names or any(account.contacts.get(name) is None for name in contacts):
        raise refuse(404, "The specified list ID does not exist or one or more contact IDs do not exist.")

    async def remove() -> Outcome:
        return Outcome(len(contacts), updated=account.contacts.remove_from_list(contacts, list_id))

    job = account.jobs.open("remove_contacts_from_list", len(contacts), request.fate)
    account.jobs.begin(job, account.settings.job_seconds, remove)
    request.job_id = job.id
    return answer(202, {"job_id": job.id})


def _field_document(account: Account, field: Field) -> dict[str, object]:
    link = f"{account.base_url}/v3/marketing/field_definitions/{field.id}"
    return {"id": field.id, "name": field.name, "field_type": field.field_type, "_metadata": {"self": link}}


def _read_fields(account: Account, _request: Request) -> Answer:
    custom = [
        {"id": field.id, "name": field.name, "field_type": field.field_type} for field in account.fields.by_id.values()
    ]
    document = {
        "custom_fields": custom,
        "reserved_fields": reserved_documents(),
        "_metadata": {"self": f"{account.base_url}/v3/marketing/field_definitions"},
    }
    return answer(200, document)


def _create_field(account: Account, request: Request) -> Answer:
    given = parse_object(request.body)
    return answer(200, _field_document(account, account.fields.add(given.get("name"), given.get("field_type"))))


def _rename_field(account: Account, request: Request, field_id: str) -> Answer:
    account.fields.get(field_id)
    return answer(
        200, _field_document(account, account.fields.rename(field_id, parse_object(request.body).get("name")))
    )


def _delete_field(account: Account, _request: Request, field_id: str) -> Answer:
    if account.fields.by_id.pop(field_id, None) is None:
        raise refuse(404, NOT_FOUND, "id")
    return Answer(204)


_LISTS = "/v3/marketing/lists"
_FIELDS = "/v3/marketing/field_definitions"
ROUTES = (
    Route("GET", "/v3/scopes", _scopes, scope=""),
    Route("POST", _LISTS, _create_list),
    Route("GET", _LISTS, _read_lists),
    Route("GET", _LISTS + "/{id}", _read_list),
    Route("PATCH", _LISTS + "/{id}", _rename_list),
    Route("DELETE", _LISTS + "/{id}", _delete_list),
    Route("GET", _LISTS + "/{id}/contacts/count", _count_list),
    Route("DELETE", _LISTS + "/{id}/contacts", _remove_members),
    Route("GET", _FIELDS, _read_fields),
    Route("POST", _FIELDS, _create_field),
    Route("PATCH", _FIELDS + "/{id}", _rename_field),
    Route("DELETE", _FIELDS + "/{id}", _delete_field),
)

"""Routes that write contacts: upsert, deletion, CSV import, and the status of their jobs."""

import time

from local.sendgrid import ordinary
from local.sendgrid.account import Account
from local.sendgrid.answers import Answer, Refused, answer, error, errors, parse, parse_object, refuse, refuse_storage
from local.sendgrid.api_account import start_deletion
from local.sendgrid.contacts import contact_id, record_of
from local.sendgrid.jobs import ERRORS_GARBLED, ERRORS_GONE, Outcome, errors_file, job_document
from local.sendgrid.routes import Route
from local.sendgrid.rows import MAX_CONTACTS, RowReader, Rows, wrong_shape
from local.sendgrid.server import Request


def _upsert(account: Account, request: Request) -> Answer:
    settings = account.settings
    if len(request.body) > settings.byte_limit:
        raise Refused(errors(413, error("request entity too large")))
    lists, rows = _read_quickly(account, request) or _read_carefully(account, request)
    if settings.contact_limit is not None and account.contacts.grown_by(rows.keys) > settings.contact_limit:
        raise refuse(400, "you have hit your contact limit")
    requested = request.contacts
    received = time.time()

    async def apply() -> Outcome:
        applied = account.contacts.upsert(rows.keys, rows.records, lists, created=received, updated=time.time())
        return Outcome.of(requested, applied, rows.bad)

    job = account.jobs.open("upsert_contacts", requested, request.fate)
    account.jobs.begin(job, settings.job_seconds, apply)
    request.job_id = job.id
    return answer(202, {"job_id": job.id})


def _read_quickly(account: Account, request: Request) -> tuple[frozenset[str], Rows] | None:
    parts = ordinary.split(request.body, account.fields.by_id)
    if parts is None:
        return None
    list_ids, pairs = parts
    _check_count(request, len(pairs))
    lists = account.lists.read_ids(parse(list_ids))
    reader = RowReader(account.fields.by_id, account.row_errors)
    rows = ordinary.read_pairs(pairs, reader, account.row_errors, listed_errors=account.settings.listed_errors)
    return lists, rows


def _read_carefully(account: Account, request: Request) -> tuple[frozenset[str], Rows]:
    document = parse_object(request.body)
    contacts = document.get("contacts")
    if not isinstance(contacts, list):
        raise wrong_shape()
    _check_count(request, len(contacts))
    lists = account.lists.read_ids(document.get("list_ids"))
    reader = RowReader(account.fields.by_id, account.row_errors)
    for index, contact in enumerate(contacts):
        if not isinstance(contact, dict):
            raise wrong_shape()
        reader.take(index, contact, record_of(contact))
    return lists, reader.finish(listed_errors=account.settings.listed_errors)


def _check_count(request: Request, contacts: int) -> None:
    request.contacts = contacts
    if not 1 <= contacts <= MAX_CONTACTS:
        raise refuse(400, f"contacts must hold 1 to {MAX_CONTACTS} contacts", "contacts")


def _delete_contacts(account: Account, request: Request) -> Answer:
    if request.body:
        raise refuse(400, "the request body must be empty")  # sendgrid-python#937
    if request.query.get("delete_all_contacts") == "true":
        contacts = [contact_id(contact.number) for contact in account.contacts]
    else:
        contacts = [name for name in request.query.get("ids", "").split(",") if name]
        if not contacts:
            raise refuse(400, "ids or delete_all_contacts must be set", "ids")
    return answer(202, {"job_id": start_deletion(account, request, contacts)})


def _job_status(account: Account, _request: Request, job_id: str) -> Answer:
    return answer(200, job_document(account.jobs.get(job_id), account.base_url))


def _errors_file(account: Account, request: Request, job_id: str) -> Answer:
    if "authorization" in request.headers:
        raise refuse_storage(400, "InvalidArgument", "Only one auth mechanism allowed")
    job = account.jobs.get(job_id)
    if job.fate == ERRORS_GONE:
        raise refuse_storage(404, "NoSuchKey", "The specified key does not exist.")
    if job.fate == ERRORS_GARBLED:
        return Answer(200, b"<html><body>We are sorry</body></html>", "text/html")
    return Answer(200, errors_file(job), "text/csv")


_CONTACTS = "/v3/marketing/contacts"
ROUTES = (
    Route("PUT", _CONTACTS, _upsert),
    Route("DELETE", _CONTACTS, _delete_contacts),
    Route("GET", _CONTACTS + "/imports/{id}", _job_status),
    Route("GET", "/files/errors/{id}.csv", _errors_file, scope=None),
)

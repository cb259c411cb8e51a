"""Routes of the contact exports: start one, look at it, fetch its files."""

import time
from uuid import uuid4

from local.sendgrid.account import Account
from local.sendgrid.answers import NOT_FOUND, Answer, answer, parse_object, refuse, refuse_storage
from local.sendgrid.documents import timestamp
from local.sendgrid.exports import Export
from local.sendgrid.jobs import FAILED, NEVER, Outcome
from local.sendgrid.routes import Route
from local.sendgrid.server import Request

LIFETIME = 12 * 3_600  # seconds; documented as the download window
_DEFAULT_MEGABYTES = 5_000


def _document(account: Account, export: Export) -> dict[str, object]:
    document: dict[str, object] = {
        "id": export.id,
        "status": export.status,
        "created_at": timestamp(export.created),
        "updated_at": timestamp(export.completed or export.created),
        "expires_at": timestamp(export.created + LIFETIME),
        "_metadata": {"self": f"{account.base_url}/v3/marketing/contacts/exports/{export.id}"},
    }
    if export.status == "ready":
        where = f"{account.base_url}/files/exports/{export.id}"
        document["completed_at"] = timestamp(export.completed)
        document["contact_count"] = export.count
        document["urls"] = [
            f"{where}/{number}.{export.file_type}.gzip?X-Amz-Expires={LIFETIME}"
            for number in range(1, len(export.files) + 1)
        ]
    elif export.status == "failure":
        document["message"] = "the export could not be made"
    return document


def _start(account: Account, request: Request) -> Answer:
    given = parse_object(request.body) if request.body else {}
    file_type = given.get("file_type", "csv")
    if file_type not in ("csv", "json"):
        raise refuse(400, "file_type must be csv or json", "file_type")
    megabytes = given.get("max_file_size", _DEFAULT_MEGABYTES)
    if not isinstance(megabytes, int) or megabytes < 1:
        raise refuse(400, "max_file_size must be a positive number", "max_file_size")
    if given.get("segment_ids"):
        raise refuse(404, NOT_FOUND, "segment_ids")  # this account has no segments
    lists = account.lists.read_ids(given.get("list_ids"))
    export = Export(str(uuid4()), str(file_type), lists, time.time())
    account.exports[export.id] = export
    job = account.jobs.open("export", 0, request.fate if request.fate == NEVER else "")

    async def work() -> Outcome:
        if request.fate == FAILED:
            export.status = "failure"
            return Outcome()
        return await export.write(
            account.contacts, dict(account.fields.by_id), megabytes * account.settings.export_megabyte
        )

    account.jobs.begin(job, account.settings.job_seconds, work)
    request.job_id = export.id
    link = f"{account.base_url}/v3/marketing/contacts/exports/{export.id}"
    return answer(202, {"id": export.id, "_metadata": {"self": link}})


def _get(account: Account, export_id: str) -> Export:
    if (export := account.exports.get(export_id)) is None:
        raise refuse(404, NOT_FOUND, "id")
    return export


def _status(account: Account, _request: Request, export_id: str) -> Answer:
    return answer(200, _document(account, _get(account, export_id)))


def _all(account: Account, _request: Request) -> Answer:
    result = []
    for export in account.exports.values():
        lists = [{"ID": list_id, "Name": account.lists.names.get(list_id, "")} for list_id in sorted(export.lists)]
        kind = "list_export" if lists else "contacts_export"
        result.append(_document(account, export) | {"export_type": kind, "lists": lists, "segments": []})
    return answer(200, {"result": result, "_metadata": {"self": f"{account.base_url}/v3/marketing/contacts/exports"}})


def _file(account: Account, request: Request, export_id: str, name: str) -> Answer:
    if "authorization" in request.headers:
        raise refuse_storage(400, "InvalidArgument", "Only one auth mechanism allowed")
    export = account.exports.get(export_id)
    number = name.partition(".")[0]
    if export is None or not number.isdecimal() or not 1 <= int(number) <= len(export.files):
        raise refuse_storage(404, "NoSuchKey", "The specified key does not exist.")
    return Answer(200, export.files[int(number) - 1], "application/gzip")


_EXPORTS = "/v3/marketing/contacts/exports"
ROUTES = (
    Route("POST", _EXPORTS, _start),
    Route("GET", _EXPORTS, _all),
    Route("GET", _EXPORTS + "/{id}", _status),
    Route("GET", "/files/exports/{id}/{name}", _file, scope=None),
)

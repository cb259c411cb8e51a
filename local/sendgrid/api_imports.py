"""Routes of the CSV import: announce it, upload the file to the object store's address."""

from local.sendgrid.account import Account
from local.sendgrid.answers import Answer, answer, parse_object, refuse, refuse_storage
from local.sendgrid.imports import CsvImport, read_mapping
from local.sendgrid.routes import Route
from local.sendgrid.server import Request

UPLOAD_HEADERS = {"x-amz-server-side-encryption": "aws:kms"}  # recorded: sendgrid-php#1084, sendgrid-java#692
JOB_TYPE = "upsert"


def _announce(account: Account, request: Request) -> Answer:
    given = parse_object(request.body)
    if given.get("file_type") != "csv":
        raise refuse(400, "file_type must be csv", "file_type")
    columns = read_mapping(given.get("field_mappings"), account.fields.by_id)
    lists = account.lists.read_ids(given.get("list_ids"))
    job = account.jobs.open(JOB_TYPE, 0, request.fate)
    account.imports[job.id] = CsvImport(columns, lists, dict(account.fields.by_id), account.row_errors)
    request.job_id = job.id
    document = {
        "job_id": job.id,
        "upload_uri": f"{account.base_url}/files/uploads/{job.id}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=3600",
        "upload_headers": [{"header": name, "value": value} for name, value in UPLOAD_HEADERS.items()],
    }
    return answer(200, document)


def _upload(account: Account, request: Request, job_id: str) -> Answer:
    if "authorization" in request.headers:
        raise refuse_storage(400, "InvalidArgument", "Only one auth mechanism allowed")
    if any(request.headers.get(name) != value for name, value in UPLOAD_HEADERS.items()):
        message = (
            "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4."
        )
        raise refuse_storage(400, "InvalidArgument", message)
    announced = account.imports.pop(job_id, None)
    if announced is None:
        raise refuse_storage(403, "AccessDenied", "Request has expired")
    multipart = request.headers.get("content-type", "").startswith("multipart/")  # the job finds no CSV in it
    announced.file = b"" if multipart else request.body
    account.jobs.begin(account.jobs.get(job_id), account.settings.job_seconds, lambda: announced.run(account.contacts))
    return Answer(200)


ROUTES = (
    Route("PUT", "/v3/marketing/contacts/imports", _announce),
    Route("PUT", "/files/uploads/{id}", _upload, scope=None),
)

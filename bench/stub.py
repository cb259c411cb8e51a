"""A strict stand-in for SendGrid that costs little, so that measuring measures the app.

`python -m bench.stub --port N`

Refuses what SendGrid refuses: more than 30,000 contacts or 6 MB, a whole request for one invalid address or unknown
custom field, requests over the rate. Keeps who is known and who is on the list, by a number for each address. Jobs
end at once. What the simulated SendGrid of `local` has besides it has not: values of fields, errors of single rows,
faults.
"""

import argparse
import asyncio
import gc
import math
import re
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from local.sendgrid.answers import Answer, Refused, answer, errors, parse_object, refuse
from local.sendgrid.server import Connection, Request
from local.sendgrid.values import ADDRESS, MAX_ADDRESS

MAX_CONTACTS = 30_000
MAX_BYTES = 6 * 1024 * 1024
MAX_SEARCHED = 100
FIELDS = (
    ("e1_T", "LoyaltyTier", "Text"),
    ("e2_N", "LifetimeValue", "Number"),
    ("e3_D", "LastPurchaseDate", "Date"),
    ("e4_T", "PreferredStore", "Text"),
)
RESERVED = (
    *("first_name", "last_name", "email", "alternate_emails", "address_line_1", "address_line_2", "city"),
    *("state_province_region", "postal_code", "country", "phone_number", "external_id"),
)

_MARKETING = "/v3/marketing"
_IDENTIFIER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FIELD_IDS = frozenset(identifier for identifier, _, _ in FIELDS)
_RESERVED_IDS = {f"_rf{number}_T": name for number, name in enumerate(RESERVED)}
_EMAIL_ID = next(identifier for identifier, name in _RESERVED_IDS.items() if name == "email")
_address = re.compile(ADDRESS)
_addresses = re.compile(rf"^{ADDRESS}$", re.MULTILINE)
_WHOLE = 1 << 64


class Stub:
    """One account with the custom fields `FIELDS` and any list that is asked for.

    `limit` requests to each route in `window` seconds, the first of which begins with `clear`, or as many as come (0).
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.reset(limit=0, window=60)

    def reset(self, *, limit: int, window: float) -> None:
        """Forget everybody, and everything that was counted."""
        self._limit, self._window = limit, window
        self._known: set[int] = set()
        self._off_list: set[int] = set()
        self._lists: list[str] = []  # that people were put on last: all are on the same
        self._jobs: dict[str, dict[str, int]] = {}
        self._mappings: dict[str, list[str | None]] = {}
        self.clear()

    def clear(self) -> None:
        """Forget what was counted; who is known stays."""
        self._began, self._cleared = time.process_time(), time.monotonic()
        self._requests: Counter[str] = Counter()
        self._windows: dict[str, tuple[float, int]] = {}
        self._upserts = self._imports = self._contacts = self._bytes = self._refused = self._throttled = 0
        self._first: float | None = None
        self._last: float | None = None

    def stats(self) -> dict[str, Any]:
        """`first`: the moment (of the monotonic clock) of the first upsert or upload; `last`: of the last taken one.

        `cpu`: seconds of this process since the counts were cleared. `on_list`: distinct people.
        """
        return {
            "upserts": self._upserts,
            "imports": self._imports,
            "contacts": self._contacts,
            "bytes": self._bytes,
            "refused": self._refused,
            "throttled": self._throttled,
            "first": self._first,
            "last": self._last,
            "on_list": len(self._known) - len(self._off_list),
            "requests": dict(self._requests),
            "cpu": time.process_time() - self._began,
        }

    def handle(self, request: Request) -> Answer:
        if request.path.startswith("/stub/"):
            return self._steer(request)
        template = _template(request)
        self._requests[template] += 1
        if request.path.startswith("/uploads/"):
            return self._upload(request)
        if not request.headers.get("authorization", "").startswith("Bearer SG."):
            return errors(401, {"field": None, "message": "authorization required"})
        rate = self._rate(template)
        if rate.get("x-ratelimit-remaining") == "-1":
            self._throttled += 1
            over = errors(429, {"field": None, "message": "too many requests"})
            over.headers = rate | {"x-ratelimit-remaining": "0"}
            return over
        try:
            route = _ROUTES.get(template)
            if route is None:
                raise refuse(404, "not found")
            given = route(self, request)
        except Refused as refused:
            self._refused += template == f"PUT {_MARKETING}/contacts"
            given = refused.answer
        given.headers |= rate
        return given

    def _rate(self, template: str) -> dict[str, str]:
        """The headers of the route's limit; nothing left is -1."""
        if not self._limit:
            return {}
        now = time.monotonic() - self._cleared
        window = now // self._window
        known, used = self._windows.get(template, (window, 0))
        used = used + 1 if known == window else 1
        self._windows[template] = (window, used)
        left = math.ceil((window + 1) * self._window - now)
        return {
            "x-ratelimit-limit": str(self._limit),
            "x-ratelimit-remaining": str(max(-1, self._limit - used)),
            "x-ratelimit-reset": str(left),
        }

    def _steer(self, request: Request) -> Answer:
        if request.path == "/stub/reset":
            self.reset(limit=int(request.query.get("limit", 0)), window=float(request.query.get("window", 60)))
        elif request.path == "/stub/clear":
            self.clear()
        return answer(200, self.stats())

    def list_document(self, request: Request) -> Answer:
        count = self.stats()["on_list"]
        return answer(200, {"id": _list(request.path.split("/")[4]), "name": "Bench", "contact_count": count})

    def list_count(self, request: Request) -> Answer:
        _list(request.path.split("/")[4])
        return answer(200, {"contact_count": self.stats()["on_list"], "billable_count": len(self._known)})

    # Upserts

    def upsert(self, request: Request) -> Answer:
        self._first = self._first or time.monotonic()
        self._upserts += 1
        self._bytes += len(request.body)
        if len(request.body) > MAX_BYTES:
            raise refuse(413, "request entity too large")
        document = parse_object(request.body)
        contacts = document.get("contacts")
        if not isinstance(contacts, list) or not 1 <= len(contacts) <= MAX_CONTACTS:
            raise refuse(400, f"contacts must hold 1 to {MAX_CONTACTS} contacts", "contacts")
        self._lists = _lists(document.get("list_ids"))
        people = _people(contacts)
        self._contacts += len(contacts)
        job = self._start_job(self._take(people), len(contacts))
        self._last = time.monotonic()
        return answer(202, {"job_id": job})

    def _take(self, people: Iterable[str]) -> int:
        """Put people on the list; gives how many were not known."""
        numbers = set(map(hash, people))
        before = len(self._known)
        self._known |= numbers
        if self._off_list:
            self._off_list -= numbers
        return len(self._known) - before

    def _start_job(self, created: int, requested: int) -> str:
        job = f"job-{len(self._jobs) + 1}"
        self._jobs[job] = {
            "requested_count": requested,
            "created_count": created,
            "updated_count": requested - created,
            "deleted_count": 0,
            "errored_count": 0,
        }
        return job

    def job(self, request: Request) -> Answer:
        job = request.path.rpartition("/")[2]
        if job in self._mappings:
            return answer(200, {"id": job, "status": "pending"})
        if job not in self._jobs:
            raise refuse(404, "not found", "id")
        return answer(200, {"id": job, "job_type": "upsert", "status": "completed", "results": self._jobs[job]})

    # Imports of CSV

    def announce(self, request: Request) -> Answer:
        document = parse_object(request.body)
        mapping = document.get("field_mappings")
        if document.get("file_type") != "csv" or not isinstance(mapping, list):
            raise refuse(400, "file_type and field_mappings are required")
        if not {name for name in mapping if name is not None} <= _FIELD_IDS | _RESERVED_IDS.keys():
            raise refuse(400, "unknown field in field_mappings", "field_mappings")
        if _EMAIL_ID not in mapping:
            raise refuse(400, "an identifier is required", "field_mappings")
        self._lists = _lists(document.get("list_ids"))
        job = self._start_job(0, 0)
        self._mappings[job] = mapping
        header = {"header": "x-amz-server-side-encryption", "value": "aws:kms"}
        return answer(200, {"job_id": job, "upload_uri": f"{self.url}/uploads/{job}", "upload_headers": [header]})

    def _upload(self, request: Request) -> Answer:
        """Take the file; it is read when the answer is out, as SendGrid's job does."""
        self._first = self._first or time.monotonic()
        job = request.path.rpartition("/")[2]
        if job not in self._mappings or "authorization" in request.headers:
            return Answer(403)
        if request.headers.get("x-amz-server-side-encryption") != "aws:kms":
            return Answer(400)
        self._imports += 1
        self._bytes += len(request.body)
        asyncio.get_running_loop().call_later(0.05, self._import, job, request.body)
        self._last = time.monotonic()
        return Answer(200)

    def _import(self, job: str, content: bytes) -> None:
        """Rows with an address that is none are dropped."""
        import csv

        text = zlib.decompress(content, 31) if content[:2] == b"\x1f\x8b" else content
        column = self._mappings.pop(job).index(_EMAIL_ID)
        rows = csv.reader(text.decode().splitlines(keepends=True))
        next(rows, None)
        people = [row[column].lower() for row in rows if len(row) > column and _address.fullmatch(row[column])]
        self._contacts += len(people)
        created = self._take(people)
        self._jobs[job] |= {
            "requested_count": len(people),
            "created_count": created,
            "updated_count": len(people) - created,
        }

    # Removals

    def search(self, request: Request) -> Answer:
        wanted = parse_object(request.body).get("emails")
        if not isinstance(wanted, list) or not 1 <= len(wanted) <= MAX_SEARCHED:
            raise refuse(400, f"emails must hold 1 to {MAX_SEARCHED} addresses", "emails")
        if not all(_is_address(address) for address in wanted):
            raise refuse(400, "not an address", "emails")
        found = {address: number for address in wanted if (number := hash(address.lower())) in self._known}
        if not found:
            raise refuse(404, "no contacts found")
        result = {address: {"contact": self._contact(number)} for address, number in found.items()}
        return answer(200, {"result": result})

    def _contact(self, number: int) -> dict[str, object]:
        return {"id": f"{number % _WHOLE:016x}", "list_ids": [] if number in self._off_list else self._lists}

    def remove(self, request: Request) -> Answer:
        list_id = request.path.split("/")[4]
        names = [name for name in request.query.get("contact_ids", "").split(",") if name]
        numbers = {_number(name) for name in names}
        if not numbers or list_id not in self._lists or not numbers <= self._known:
            raise refuse(404, "The specified list ID does not exist or one or more contact IDs do not exist.")
        self._off_list |= numbers
        return answer(202, {"job_id": self._start_job(0, len(numbers))})


def _template(request: Request) -> str:
    """Method and path with its ids taken out: what has a limit of its own."""
    path = re.sub(r"/(job-\d+|[0-9a-f-]{36})(?=/|$)", "/{id}", request.path)
    return f"{request.method} {path}"


def _people(contacts: list[Any]) -> list[str]:
    """The addresses in lower case. Refuses all for one that is none, or for one unknown custom field.

    All at once, because one by one would cost more than what is measured.
    """
    try:
        addresses = [contact["email"] for contact in contacts]
        fields = set().union(*[contact["custom_fields"] for contact in contacts if "custom_fields" in contact])
        together = "\n".join(addresses)
    except (TypeError, KeyError):
        raise refuse(400, "invalid input", "contacts") from None
    longest = max(map(len, addresses))
    if longest > MAX_ADDRESS or len(_addresses.findall(together)) != len(addresses):
        bad = [place for place, address in enumerate(addresses) if not _is_address(address)]
        found = ({"field": f"contacts[{place}].identifier", "message": "email is not valid"} for place in bad)
        raise Refused(errors(400, *found))
    if not fields <= _FIELD_IDS:
        raise refuse(400, "invalid custom field ids supplied", "custom_fields")
    return together.lower().split("\n")


def _is_address(address: object) -> bool:
    return isinstance(address, str) and len(address) <= MAX_ADDRESS and _address.fullmatch(address) is not None


def _list(name: object) -> str:
    if isinstance(name, str) and _IDENTIFIER.fullmatch(name):
        return name
    raise refuse(404, "not found", "list_ids")


def _lists(names: object) -> list[str]:
    return [_list(name) for name in names] if isinstance(names, list) else []


def _number(name: str) -> int:
    """The number of a person from the id that a search gave."""
    try:
        number = int(name, 16)
    except ValueError:
        return 0
    return number - _WHOLE if number >= _WHOLE >> 1 else number


def _scopes(_: Stub, __: Request) -> Answer:
    return answer(200, {"scopes": ["marketing.read"]})


def _all_lists(_: Stub, __: Request) -> Answer:
    return answer(200, {"result": [], "_metadata": {"count": 0}})


def _fields(_: Stub, __: Request) -> Answer:
    custom = [{"id": identifier, "name": name, "field_type": kind} for identifier, name, kind in FIELDS]
    reserved = [{"id": identifier, "name": name, "field_type": "Text"} for identifier, name in _RESERVED_IDS.items()]
    return answer(200, {"custom_fields": custom, "reserved_fields": reserved})


_ROUTES: dict[str, Callable[[Stub, Request], Answer]] = {
    "GET /v3/scopes": _scopes,
    f"GET {_MARKETING}/field_definitions": _fields,
    f"GET {_MARKETING}/lists": _all_lists,
    f"GET {_MARKETING}/lists/{{id}}": Stub.list_document,
    f"GET {_MARKETING}/lists/{{id}}/contacts/count": Stub.list_count,
    f"DELETE {_MARKETING}/lists/{{id}}/contacts": Stub.remove,
    f"PUT {_MARKETING}/contacts": Stub.upsert,
    f"PUT {_MARKETING}/contacts/imports": Stub.announce,
    f"GET {_MARKETING}/contacts/imports/{{id}}": Stub.job,
    f"POST {_MARKETING}/contacts/search/emails": Stub.search,
}


async def _serve(port: int) -> None:
    stub = Stub(f"http://127.0.0.1:{port}")
    server = await asyncio.get_running_loop().create_server(lambda: Connection(stub.handle), "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.stub", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    gc.disable()  # contacts hold no circles, and looking for some would be what takes the time
    asyncio.run(_serve(options.port))


if __name__ == "__main__":
    main()

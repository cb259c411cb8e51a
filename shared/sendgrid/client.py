"""SendGrid's Marketing Campaigns API, a method an endpoint, in the project's own types.

Unknown keys of answers are passed over; counts that are missing are 0; an answer that lacks what the method is for
becomes SendGridUnavailable. What else can go wrong: see `errors`.
"""

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from shared.sendgrid import errors, policy, routes
from shared.sendgrid.jobs import Job, count
from shared.sendgrid.routes import Route, is_id
from shared.sendgrid.transport import Transport

SEARCH_SIZE = 100  # addresses a search takes
LONGEST_URL = 8150  # characters; nginx answers 414 above (found by RudderStack)
PAGE_SIZE = 1000  # lists a page, the most that SendGrid gives
MOST_PAGES = 100
_HOST = re.compile(r"[a-z0-9.:-]{1,253}")
WRITE_SCOPE = "marketing.read"  # in spite of its name it gives "both read and write access" (API key permissions page)


@dataclass(frozen=True, slots=True)
class ContactList:
    """A list. `contact_count` lags behind the jobs."""

    id: str
    name: str
    contact_count: int


@dataclass(frozen=True, slots=True)
class FieldDefinition:
    """A contact field. Ids are opaque; `field_type` is Text, Number or Date. `reserved`: SendGrid's own."""

    id: str
    name: str
    field_type: str
    reserved: bool = False
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class FoundContact:
    """A contact that a search found: its id of today, the lists it is on, and its own address in lower case.

    A search also finds contacts by their alternate addresses: then `address` is another than the one asked for.
    """

    id: str
    list_ids: frozenset[str]
    address: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Search:
    """What a search gave. `refused`: addresses that SendGrid does not take as such, so nothing is known of them."""

    found: Mapping[str, FoundContact] = field(repr=False)  # by address in lower case
    refused: frozenset[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Removal:
    """Accepted removals. `unknown`: contact ids that SendGrid does not know (any more)."""

    job_ids: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ContactCount:
    """Contacts of the whole account."""

    contact_count: int
    billable_count: int


@dataclass(frozen=True, slots=True)
class ContactExport:
    """An export of contacts into files. `status`: pending, ready or failure; `urls` work until `expires_at`."""

    id: str
    status: str
    contact_count: int
    expires_at: str | None
    urls: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Upload:
    """Where the file of an import is to go, with these headers. Whoever has the URL can upload in our place."""

    job_id: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    @property
    def host(self) -> str:
        """The server's name alone; an empty text if the URL has none that could be one."""
        try:
            name = urlsplit(self.url).hostname or ""
        except ValueError:
            return ""
        return name if _HOST.fullmatch(name) else ""


class SendGrid:
    """One account, through one transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def scopes(self) -> frozenset[str]:
        """What the key may do. Forbidden if the key may not even ask."""
        return frozenset(map(str, _member(routes.SCOPES, self._transport.call(routes.SCOPES), "scopes", list)))

    def check_key(self) -> None:
        """KeyRefused or Forbidden unless the key gives access to marketing contacts."""
        try:
            allowed = WRITE_SCOPE in self.scopes()
        except errors.Forbidden:
            allowed = True  # a right of its own; reading a list tells
        if not allowed:
            raise policy.forbidden()
        self._transport.call(routes.LISTS, query={"page_size": "1"})

    def contact_list(self, list_id: str) -> ContactList:
        """ListNotFound if there is none."""
        return _contact_list(routes.LIST, self._transport.call(routes.LIST, list_id))

    def lists(self) -> tuple[ContactList, ...]:
        """Every list of the account."""
        return tuple(_contact_list(routes.LISTS, entry) for entry in self._pages(routes.LISTS))

    def list_count(self, list_id: str) -> int:
        """How many contacts are on the list, as far as SendGrid has counted. ListNotFound if there is none."""
        answer = self._transport.call(routes.LIST_COUNT, list_id)
        return count(_object(routes.LIST_COUNT, answer).get("contact_count"))

    def field_definitions(self) -> tuple[FieldDefinition, ...]:
        """Custom fields, then the reserved ones."""
        answer = _object(routes.FIELDS, self._transport.call(routes.FIELDS))
        return tuple(
            _field(routes.FIELDS, entry, reserved=key == "reserved_fields")
            for key in ("custom_fields", "reserved_fields")
            for entry in _list(routes.FIELDS, answer, key)
        )

    def create_field(self, name: str, field_type: str) -> FieldDefinition:
        """Make a custom field. SendGrid may refuse its id for some seconds yet (StrongGrid waits 5 s)."""
        content = _json({"name": name, "field_type": field_type})
        answer = self._transport.call(routes.FIELD_CREATION, content=content)
        return _field(routes.FIELD_CREATION, answer, reserved=False)

    def upsert(self, body: bytes) -> str:
        """Queue a batch, `{"list_ids": […], "contacts": […]}`, and give its job's id.

        RowsRefused, UnknownFields, ListNotFound, PayloadTooLarge, ContactLimitReached: nothing of it was applied.
        """
        return _id(routes.UPSERT, self._transport.call(routes.UPSERT, content=body), "job_id")

    def announce_import(self, list_id: str, field_ids: Sequence[str]) -> Upload:
        """Ask where to upload a CSV file whose columns are these fields. ListNotFound.

        Nothing happens before the file is there (`uploads`); then its job begins by itself.
        """
        wish = {"list_ids": [list_id], "file_type": "csv", "field_mappings": list(field_ids)}
        answer = self._transport.call(routes.IMPORT, content=_json(wish))
        headers = {
            str(_member(routes.IMPORT, each, "header", str)): str(_member(routes.IMPORT, each, "value", str))
            for each in _member(routes.IMPORT, answer, "upload_headers", list)
        }
        url = _member(routes.IMPORT, answer, "upload_uri", str)
        return Upload(_id(routes.IMPORT, answer, "job_id"), url, headers)

    def job(self, job_id: str) -> Job:
        """How a job of any kind stands. JobNotFound if SendGrid does not know it."""
        return Job.read(job_id, _object(routes.JOB, self._transport.call(routes.JOB, job_id)))

    def search_emails(self, addresses: Sequence[str]) -> Search:
        """Who of up to 100 `addresses` is a contact.

        SendGrid refuses a whole search for one address that it dislikes; it is then halved until that one is alone.
        """
        if len(addresses) > SEARCH_SIZE:
            raise ValueError(f"a search takes {SEARCH_SIZE} addresses, not {len(addresses)}")
        if not addresses:
            return Search({}, frozenset())
        try:
            answer = self._transport.call(routes.SEARCH, content=_json({"emails": list(addresses)}))
        except errors.NobodyFound:
            return Search({}, frozenset())
        except errors.AddressesRefused:
            if len(addresses) == 1:
                return Search({}, frozenset(addresses))
            first, second = (self.search_emails(half) for half in _halves(addresses))
            return Search({**first.found, **second.found}, first.refused | second.refused)
        return Search(_found(_member(routes.SEARCH, answer, "result", dict)), frozenset())

    def remove_from_list(self, list_id: str, contact_ids: Sequence[str]) -> Removal:
        """Queue the removal of contacts from a list; they stay in the account. ListNotFound if there is no such list.

        SendGrid refuses a whole call for one id that it does not know; it is then halved until that one is alone.
        """
        jobs: list[str] = []
        unknown: list[str] = []
        calls = deque(self._calls_of(list_id, contact_ids))
        list_is_there = False
        while calls:
            ids = calls.popleft()
            try:
                answer = self._transport.call(routes.LIST_REMOVAL, list_id, query={"contact_ids": ",".join(ids)})
            except errors.ContactsNotFound:
                if not list_is_there:  # the same 404 is for a list that is gone
                    list_is_there = bool(self.contact_list(list_id))
                if len(ids) == 1:
                    unknown.extend(ids)
                else:
                    calls.extendleft(_halves(ids))
            else:
                jobs.append(_id(routes.LIST_REMOVAL, answer, "job_id"))
        return Removal(tuple(jobs), tuple(unknown))

    def delete_contact(self, contact_id: str) -> str:
        """Queue the deletion of one contact from the account, and give its job's id. ContactsNotFound.

        The same endpoint deletes all contacts if it is told to: nothing but one id is ever said here.
        """
        if not is_id(contact_id):
            raise ValueError("not a contact id")
        answer = self._transport.call(routes.CONTACT_DELETION, query={"ids": contact_id})
        return _id(routes.CONTACT_DELETION, answer, "job_id")

    def _calls_of(self, list_id: str, contact_ids: Iterable[str]) -> Iterator[Sequence[str]]:
        """The ids, cut so that no URL becomes too long."""
        room = LONGEST_URL - len(self._transport.url(routes.LIST_REMOVAL, list_id, query={"contact_ids": ""}))
        ids: list[str] = []
        length = 0
        for contact_id in contact_ids:
            if not is_id(contact_id):
                raise ValueError("not a contact id")
            if ids and length + len(contact_id) > room:
                yield ids
                ids, length = [], 0
            ids.append(contact_id)
            length += len(contact_id) + 1
        if ids:
            yield ids

    def contact_count(self) -> ContactCount:
        answer = _object(routes.CONTACT_COUNT, self._transport.call(routes.CONTACT_COUNT))
        return ContactCount(count(answer.get("contact_count")), count(answer.get("billable_count")))

    def create_export(self, list_id: str, *, file_type: str = "json", max_file_size: int | None = None) -> str:
        """Ask for files of a list's members and give the export's id. `json` is one object a line; size is in MB."""
        wish: dict[str, Any] = {"list_ids": [list_id], "file_type": file_type, "notifications": {"email": False}}
        if max_file_size is not None:
            wish["max_file_size"] = max_file_size
        return _id(routes.CONTACT_EXPORT, self._transport.call(routes.CONTACT_EXPORT, content=_json(wish)), "id")

    def export_status(self, export_id: str) -> ContactExport:
        """How the making of the files stands. JobNotFound if SendGrid does not know it."""
        route = routes.CONTACT_EXPORT_STATUS
        answer = _object(route, self._transport.call(route, export_id))
        expires = answer.get("expires_at")
        return ContactExport(
            id=export_id,
            status=str(answer.get("status") or "pending").lower(),
            contact_count=count(answer.get("contact_count")),
            expires_at=expires if isinstance(expires, str) else None,
            urls=tuple(url for url in _list(route, answer, "urls") if isinstance(url, str)),
        )

    def _pages(self, route: Route) -> Iterator[Any]:
        """Every entry of every page. Only the token of `next` is taken over: the URL itself could lead anywhere."""
        query = {"page_size": str(PAGE_SIZE)}
        seen: set[str] = set()
        while True:
            answer = _object(route, self._transport.call(route, query=query))
            yield from _list(route, answer, "result")
            metadata = answer.get("_metadata")
            following = metadata.get("next") if isinstance(metadata, dict) else None
            token = _page_token(following) if isinstance(following, str) else None
            if not token:
                return
            if token in seen or len(seen) == MOST_PAGES:
                raise errors.broken_answer(route, "its pages have no end")
            seen.add(token)
            query["page_token"] = token


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _halves(values: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    middle = len(values) // 2
    return values[:middle], values[middle:]


def _object(route: Route, answer: Any) -> dict[str, Any]:
    if isinstance(answer, dict):
        return answer
    raise errors.broken_answer(route, "not an object")


def _member(route: Route, answer: Any, key: str, kind: type) -> Any:
    value = _object(route, answer).get(key)
    if isinstance(value, kind):
        return value
    raise errors.broken_answer(route, f"without {key}")


def _list(route: Route, answer: dict[str, Any], key: str) -> list[Any]:
    """An empty one if the answer has none."""
    value = answer.get(key) or []
    if isinstance(value, list):
        return value
    raise errors.broken_answer(route, f"{key} is not a list")


def _page_token(url: str) -> str | None:
    try:
        found = parse_qs(urlsplit(url).query).get("page_token")
    except ValueError:
        return None
    return found[0] if found else None


def _id(route: Route, answer: Any, key: str) -> str:
    value = _member(route, answer, key, str)
    if is_id(value):
        return str(value)
    raise errors.broken_answer(route, f"{key} is not an id")


def _contact_list(route: Route, entry: Any) -> ContactList:
    name = _member(route, entry, "name", str)
    return ContactList(_id(route, entry, "id"), name, count(entry.get("contact_count")))


def _field(route: Route, entry: Any, *, reserved: bool) -> FieldDefinition:
    return FieldDefinition(
        id=_id(route, entry, "id"),
        name=_member(route, entry, "name", str),
        field_type=str(entry.get("field_type") or "Text"),
        reserved=reserved,
        read_only=entry.get("read_only") is True,
    )


def _found(result: Mapping[str, Any]) -> dict[str, FoundContact]:
    found = {}
    for address, entry in result.items():
        contact = entry.get("contact") if isinstance(entry, dict) else None
        if isinstance(contact, dict) and is_id(contact.get("id")):
            lists = contact.get("list_ids")
            on = frozenset(each for each in lists if isinstance(each, str)) if isinstance(lists, list) else frozenset()
            found[address.lower()] = FoundContact(contact["id"], on, str(contact.get("email") or "").lower())
    return found

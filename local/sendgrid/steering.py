"""The control routes under /__sim (no key needed): set the scene, let things go wrong, look at the result."""

from collections.abc import Iterator
from dataclasses import fields as dataclass_fields

import orjson

from local.sendgrid.account import FULL_ACCESS, Account, Settings
from local.sendgrid.answers import Answer, Refused, answer, parse_object, refuse
from local.sendgrid.documents import address_of, contact_document
from local.sendgrid.faults import Fault
from local.sendgrid.routes import Route, Routes
from local.sendgrid.server import Request
from local.sendgrid.service import Service

PREFIX = "/__sim/"
_PIECE = 5_000  # contacts written at once
_SETTINGS = frozenset(item.name for item in dataclass_fields(Settings))
_FAULT = frozenset(item.name for item in dataclass_fields(Fault) if not item.name.startswith("_"))


class Steering:
    """Sends control requests to their methods and everything else to the service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        at = PREFIX
        self._routes = Routes(
            (
                Route("POST", at + "reset", self._reset),
                Route("POST", at + "configure", self._configure),
                Route("POST", at + "keys", self._add_key),
                Route("DELETE", at + "keys", self._revoke_key),
                Route("POST", at + "lists", self._create_list),
                Route("POST", at + "fields", self._define_field),
                Route("POST", at + "faults", self._add_fault),
                Route("DELETE", at + "faults", self._remove_faults),
                Route("POST", at + "row_errors", self._mark_rows),
                Route("GET", at + "stats", self._stats),
                Route("GET", at + "members", self._members),
                Route("GET", at + "addresses", self._addresses),
                Route("GET", at + "contact", self._contact),
                Route("GET", at + "jobs", self._jobs),
                Route("POST", at + "jobs/hurry", self._hurry),
            )
        )

    def handle(self, request: Request) -> Answer:
        if not request.path.startswith(PREFIX):
            return self._service.handle(request)
        found = self._routes.find(request.method, request.path)
        try:
            if found is None:
                raise refuse(404, "no such control route")
            return found[0].handle(self._service.account, request)
        except Refused as refusal:
            return refusal.answer

    def _reset(self, _account: Account, _request: Request) -> Answer:
        self._service.reset()
        return answer(200, {})

    def _configure(self, account: Account, request: Request) -> Answer:
        given = parse_object(request.body)
        if unknown := given.keys() - _SETTINGS:
            raise refuse(400, f"unknown settings: {', '.join(sorted(unknown))}")
        for name, value in given.items():
            setattr(account.settings, name, value)
        return answer(200, {})

    def _add_key(self, account: Account, request: Request) -> Answer:
        given = parse_object(request.body)
        scopes = given.get("scopes")
        account.keys[str(given["key"])] = tuple(scopes) if isinstance(scopes, list) else FULL_ACCESS
        return answer(200, {})

    def _revoke_key(self, account: Account, request: Request) -> Answer:
        account.keys.pop(str(parse_object(request.body)["key"]), None)
        return answer(200, {})

    def _create_list(self, account: Account, request: Request) -> Answer:
        given = parse_object(request.body)
        list_id = given.get("id")
        return answer(200, {"id": account.lists.add(given.get("name"), str(list_id) if list_id else None)})

    def _define_field(self, account: Account, request: Request) -> Answer:
        given = parse_object(request.body)
        return answer(200, {"id": account.fields.add(given.get("name"), given.get("field_type")).id})

    def _add_fault(self, _account: Account, request: Request) -> Answer:
        given = parse_object(request.body)
        if unknown := given.keys() - _FAULT:
            raise refuse(400, f"unknown parts of a fault: {', '.join(sorted(unknown))}")
        try:
            fault = Fault(**given)  # type: ignore[arg-type]  # checked above by name, by __post_init__ by value
        except ValueError as problem:
            raise refuse(400, str(problem)) from None
        return answer(200, {"id": self._service.faults.add(fault)})

    def _remove_faults(self, _account: Account, request: Request) -> Answer:
        fault_id = request.query.get("id")
        self._service.faults.remove(int(fault_id) if fault_id else None)
        return answer(200, {})

    def _mark_rows(self, account: Account, request: Request) -> Answer:
        marked = parse_object(request.body)
        account.row_errors = {address.lower(): str(message) for address, message in marked.items()}
        return answer(200, {})

    def _stats(self, account: Account, request: Request) -> Answer:
        document = self._service.stats.document(log=request.query.get("log") == "true")
        return answer(200, document | {"stored": len(account.contacts)})

    def _members(self, account: Account, request: Request) -> Answer:
        return Answer(200, _lines(account, request.query.get("list_id", "")), "application/x-ndjson")

    def _addresses(self, account: Account, request: Request) -> Answer:
        list_id = request.query.get("list_id", "")
        lines = (address_of(contact) for contact in account.contacts if not list_id or list_id in contact.lists)
        return Answer(200, "\n".join(lines).encode(), "text/plain")

    def _contact(self, account: Account, request: Request) -> Answer:
        found = account.contacts.find(request.query.get("email", "").lower())
        document = contact_document(found, account.fields.by_id, account.base_url) if found else None
        return answer(200, {"contact": document})

    def _jobs(self, account: Account, _request: Request) -> Answer:
        return answer(200, {"pending": account.jobs.pending})

    def _hurry(self, account: Account, _request: Request) -> Answer:
        account.jobs.hurry()
        return answer(200, {"pending": account.jobs.pending})


def _lines(account: Account, list_id: str) -> Iterator[bytes]:
    """Write the members of a list (no list: every contact), one JSON object a line."""
    piece: list[bytes] = []
    for contact in account.contacts:
        if not list_id or list_id in contact.lists:
            piece.append(orjson.dumps(contact_document(contact, account.fields.by_id, account.base_url)))
        if len(piece) == _PIECE:
            yield b"\n".join([*piece, b""])
            piece.clear()
    yield b"\n".join([*piece, b""])

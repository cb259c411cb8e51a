"""The app's API in the verbs of the command line, whichever way it is reached.

A way (`over_http`, `in_process`) takes a method, a path below /api, a body and headers, and gives a Reply.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from shared.cli.arguments import CONFLICT, NOT_LET_IN, REFUSED
from shared.destinations.documents import SUFFIX
from shared.errors import ExportError

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    content: bytes


Way = Callable[[str, str, bytes, Mapping[str, str]], Reply]


class Answered(ExportError):
    """The app, or what stands before it, said no. `problem` is its RFC 9457 document."""

    def __init__(self, problem: Document) -> None:
        super().__init__(str(problem["detail"]), code=str(problem["code"]), advice=str(problem.get("advice") or ""))
        self.problem = problem

    @property
    def exit_code(self) -> int:
        status = self.problem.get("status", HTTPStatus.SERVICE_UNAVAILABLE)
        if status == HTTPStatus.PRECONDITION_FAILED:
            return CONFLICT
        refused = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
        return NOT_LET_IN if status in refused or status >= HTTPStatus.INTERNAL_SERVER_ERROR else REFUSED


@dataclass(slots=True)
class Stored:
    """What is stored, by id, each with its `etag`; a document that is export and connection at once is under both.

    `unreadable`: names of documents, each with what is wrong. `hidden`: ids of connections of which the caller sees
    only the name.
    """

    connections: dict[str, Document]
    exports: dict[str, Document]
    unreadable: dict[str, list[str]] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()


class Service:
    """Every method raises Answered if the app says no."""

    def __init__(self, way: Way) -> None:
        self._way = way

    def stored(self) -> Stored:
        connections, exports = self._json("GET", "connections"), self._json("GET", "exports")
        seen = {each["id"]: each for each in connections["connections"] if "etag" in each}
        hidden = frozenset(each["id"] for each in connections["connections"]) - seen.keys()
        unreadable = {each["name"]: each["problems"] for each in connections["invalid"] + exports["invalid"]}
        return Stored(seen, {each["id"]: each for each in exports["exports"]}, unreadable, hidden)

    def put(self, name: str, content: bytes, etag: str | None) -> str:
        """Create a document, or replace the version that `etag` names, and give its new ETag."""
        condition = {"if-match": f'"{etag}"'} if etag else {"if-none-match": "*"}
        return str(self._json("PUT", _path(name), content, condition)["etag"])

    def delete(self, name: str, etag: str) -> None:
        self._asked("DELETE", _path(name), headers={"if-match": f'"{etag}"'})

    def exports(self) -> Document:
        return self._json("GET", "exports")

    def start(self, export_id: str, *, mode: str, dry_run: bool, force: bool) -> Document:
        wish = json.dumps({"mode": mode, "dry_run": dry_run, "force": force}).encode()
        return self._json("POST", f"exports/{_part(export_id)}/runs", wish)

    def run(self, run_id: str) -> Document:
        return self._json("GET", f"runs/{_part(run_id)}")

    def runs(self, export_id: str | None, limit: int) -> list[Document]:
        """The newest first."""
        path = f"exports/{_part(export_id)}/runs" if export_id else "runs"
        return list(self._json("GET", f"{path}?{urlencode({'limit': limit})}")["runs"])

    def report(self, run_id: str) -> bytes:
        return self._asked("GET", f"runs/{_part(run_id)}/report").content

    def reasons(self, run_id: str) -> list[Document]:
        return list(self._json("GET", f"runs/{_part(run_id)}/reasons")["reasons"])

    def _json(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Document:
        reply = self._asked(method, path, body, headers)
        try:
            found: Document = json.loads(reply.content)
        except ValueError as error:
            raise Answered(_unexpected(reply.status)) from error
        return found

    def _asked(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        reply = self._way(method, path, body, headers or {})
        if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            raise Answered(_problem(reply))
        return reply


def _problem(reply: Reply) -> Document:
    """The app's own words, or some for an answer that is not the app's."""
    try:
        told = json.loads(reply.content)
    except ValueError:
        return _unexpected(reply.status)
    is_problem = isinstance(told, dict) and {"detail", "code", "status"} <= told.keys()
    if not is_problem:
        return _unexpected(reply.status)
    return {name: value for name, value in told.items() if name != "updated_by"}  # no names in what logs may keep


def _unexpected(status: int) -> Document:
    advice = "Is --url the app's address, is the app running, and is the key or the sign-in right?"
    found = {"title": "Unexpected answer", "status": status, "code": "unexpected_answer", "advice": advice}
    if HTTPStatus.OK <= status < HTTPStatus.BAD_REQUEST:  # a page to sign in at, for example
        found["status"] = HTTPStatus.BAD_GATEWAY.value
    return found | {"detail": f"the answer ({status}) is not this app's"}


def _path(name: str) -> str:
    folder, document_id = name.removesuffix(SUFFIX).split("/", 1)
    return f"{folder}/{_part(document_id)}"


def _part(text: str) -> str:
    """An id as a part of a path. Answered if it would lead out of its place: exports/../runs starts all of them."""
    if text in {"", ".", ".."}:
        detail = f"there is no export or run {text!r}"
        raise Answered({"title": "Not Found", "status": 404, "code": "not_found", "detail": detail})
    return quote(text, safe="")

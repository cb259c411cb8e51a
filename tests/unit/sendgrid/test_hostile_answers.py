"""Answers of a SendGrid, or of somebody in its place, that means harm: each ends soon, small, in an error of ours."""

import contextlib
import gzip
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import ExportError
from shared.sendgrid import policy, routes, transport
from shared.sendgrid.client import SendGrid, Upload
from shared.sendgrid.errors import FileUnavailable, RequestRefused, RowsRefused, SendGridUnavailable
from shared.sendgrid.jobs import LONGEST_MESSAGE, Job, errored_rows
from shared.sendgrid.transport import RetryPolicy, Transport
from shared.sendgrid.uploads import Uploads
from tests.unit.sendgrid.conftest import Web

Serve = Callable[[Callable[[BaseHTTPRequestHandler], None]], Web]
MakeTransport = Callable[..., Transport]
MIB = 1024 * 1024
ID = "5a3b1c9e-7d42-4f0a-9e61-2b8c4d7f1a35"


def without_end(piece: bytes, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(piece)
        except OSError:
            pass  # the client had enough

    return write


@pytest.mark.parametrize("status", [200, 400])
def test_an_answer_without_an_end_is_not_read_to_it(serve: Serve, make_transport: MakeTransport, status: int) -> None:
    server = serve(without_end(b" " * MIB, status))
    with pytest.raises(SendGridUnavailable, match="larger than"):
        make_transport(server.url, policy=RetryPolicy(attempts=1)).call(routes.LISTS)


def test_an_answer_that_unpacks_to_much_is_not_unpacked(serve: Serve, make_transport: MakeTransport) -> None:
    server = serve(without_end(gzip.compress(b" " * 64 * MIB), Content_Encoding="gzip"))
    with pytest.raises(SendGridUnavailable, match="larger than"):
        make_transport(server.url, policy=RetryPolicy(attempts=1)).call(routes.LISTS)


def test_an_answer_that_trickles_ends_in_time(
    serve: Serve, make_transport: MakeTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "ANSWER_SECONDS", 0.05)
    server = serve(without_end(b" "))
    with pytest.raises(SendGridUnavailable, match="not there after"):
        make_transport(server.url, policy=RetryPolicy(attempts=1)).call(routes.LISTS)


def test_an_upload_servers_endless_refusal_is_not_read_to_its_end(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = serve(lambda _: None)
    handler = cast("Any", server)._server.RequestHandlerClass
    monkeypatch.setattr(handler, "do_PUT", without_end(b"no " * MIB, 403), raising=False)
    file = tmp_path / "import.csv.gz"
    file.write_bytes(b"x")
    with pytest.raises(RequestRefused):
        Uploads(server.url).send(Upload("a-job", f"{server.url}/x", {}), file)


def errors_file(*pieces: bytes) -> Iterator[Any]:
    job = Job("j", "errored", errored=1, errors_url="https://files.example/errors.csv")
    return errored_rows(job, lambda _: (b"primary_email,errors_occurred\n", *pieces))


@pytest.mark.parametrize("piece", [b"x" * 65_536, b'"\n",' * 13_000, b"," * 65_536], ids=["line", "cells", "commas"])
def test_a_row_of_errors_without_an_end_is_given_up_early(piece: bytes) -> None:
    given = 0

    def pieces() -> Iterator[bytes]:
        nonlocal given
        while True:
            given += 1
            assert given < 10
            yield piece

    job = Job("j", "errored", errored=1, errors_url="https://files.example/errors.csv")
    with pytest.raises(FileUnavailable, match="without an end"):
        list(errored_rows(job, lambda _: (each for source in ([b"email,error\n"], pieces()) for each in source)))


def test_a_long_story_about_a_row_is_cut() -> None:
    [row] = errors_file(b"ann@example.com," + b"x" * 10_000 + b"\n")
    assert (row.email, len(row.message)) == ("ann@example.com", LONGEST_MESSAGE)


def test_a_long_complaint_is_cut_and_a_number_that_is_none_names_no_row() -> None:
    told = [
        {"field": "contacts[1].email", "message": "no" * 5000},
        {"field": f"contacts[{'9' * 5000}].email", "message": "is not valid"},
    ]
    body = json.dumps({"errors": told}).encode()
    error = policy.classify(routes.UPSERT, 400, {}, body, now=0.0).error
    assert isinstance(error, RowsRefused)
    assert error.rows == {1: ("no" * 5000)[: policy.LONGEST_COMPLAINT]}


class Told:
    """A transport whose every answer is the same."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def call(self, *_: Any, **__: Any) -> Any:
        return self._answer

    def url(self, *_: Any, **__: Any) -> str:
        return "https://sendgrid.example"


CALLS: dict[str, Callable[[SendGrid], object]] = {
    "scopes": lambda api: api.scopes(),
    "list": lambda api: api.contact_list(ID),
    "lists": lambda api: api.lists(),
    "count": lambda api: api.list_count(ID),
    "fields": lambda api: api.field_definitions(),
    "new field": lambda api: api.create_field("a", "Text"),
    "upsert": lambda api: api.upsert(b"{}"),
    "import": lambda api: api.announce_import(ID, ["e"]).host,
    "job": lambda api: api.job(ID),
    "search": lambda api: api.search_emails(["ann@example.com"]),
    "removal": lambda api: api.remove_from_list(ID, [ID]),
    "contacts": lambda api: api.contact_count(),
    "new export": lambda api: api.create_export(ID),
    "export": lambda api: api.export_status(ID),
}
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(["", "x", ID, "https://["])
)
KEYS = st.sampled_from(
    [
        *("result", "_metadata", "next", "id", "name", "custom_fields", "reserved_fields", "field_type", "urls"),
        *("results", "scopes", "job_id", "upload_uri", "upload_headers", "header", "value", "ann@example.com"),
        *("contact", "list_ids", "status", "errors_url", "contact_count"),
    ]
)
ANSWERS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=12
)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(ANSWERS)
def test_no_answer_whatever_it_is_made_of_gets_past_the_error_tree(answer: Any) -> None:
    api = SendGrid(cast("Transport", Told(answer)))
    for call in CALLS.values():
        with contextlib.suppress(ExportError):
            call(api)


def test_pages_without_an_end_are_not_turned_for_ever() -> None:
    class Pages(Told):
        asked = 0

        def call(self, *_: Any, **__: Any) -> Any:
            self.asked += 1
            return {"result": [], "_metadata": {"next": f"https://sendgrid.example/?page_token={self.asked}"}}

    pages = Pages(None)
    with pytest.raises(SendGridUnavailable, match="no end"):
        SendGrid(cast("Transport", pages)).lists()
    assert pages.asked < 200


def test_a_link_to_the_next_page_that_cannot_be_read_ends_the_list() -> None:
    answer = {"result": [], "_metadata": {"next": "https://["}}
    assert SendGrid(cast("Transport", Told(answer))).lists() == ()

import asyncio
import gzip
import json
import time
from typing import Any
from unittest.mock import Mock

import pytest

from bench.stub import Stub
from local.sendgrid.answers import Answer
from local.sendgrid.server import Request

LIST_ID = "11111111-2222-3333-4444-555555555555"
CONTACTS = "/v3/marketing/contacts"


@pytest.fixture
def stub() -> Stub:
    return Stub("http://127.0.0.1:1")


def call(stub: Stub, method: str, path: str, document: Any = None, **query: str) -> Answer:
    body = b"" if document is None else json.dumps(document).encode()
    return stub.handle(Request(method, path, query, {"authorization": "Bearer SG.test"}, body))


def upsert(stub: Stub, *addresses: str, **more: Any) -> Answer:
    contacts = [{"email": address, **more} for address in addresses]
    return call(stub, "PUT", CONTACTS, {"list_ids": [LIST_ID], "contacts": contacts})


def content(answer: Answer) -> Any:
    assert isinstance(answer.body, bytes)
    return json.loads(answer.body)


def test_people_count_once_however_they_are_written(stub: Stub) -> None:
    assert upsert(stub, "ada@example.com", "grace@example.com").status == 202
    assert upsert(stub, "ADA@example.com").status == 202
    assert stub.stats()["on_list"] == 2
    assert stub.stats()["contacts"] == 3


def test_one_invalid_address_refuses_the_whole_request_and_is_named(stub: Stub) -> None:
    answer = upsert(stub, "ada@example.com", "two@@example.com")
    assert answer.status == 400
    assert content(answer)["errors"][0]["field"] == "contacts[1].identifier"
    assert stub.stats()["on_list"] == 0
    assert stub.stats()["refused"] == 1


def test_an_unknown_custom_field_refuses_the_request(stub: Stub) -> None:
    assert upsert(stub, "ada@example.com", custom_fields={"e1_T": "Gold"}).status == 202
    assert upsert(stub, "ada@example.com", custom_fields={"LoyaltyTier": "Gold"}).status == 400


def test_more_than_thirty_thousand_contacts_or_six_megabytes_are_refused(stub: Stub) -> None:
    addresses = [f"user{number}@example.com" for number in range(30_001)]
    assert upsert(stub, *addresses).status == 400
    assert upsert(stub, *addresses[:-1]).status == 202
    assert upsert(stub, "ada@example.com", first_name="x" * 6 * 1024 * 1024).status == 413


def test_jobs_of_upserts_end_at_once(stub: Stub) -> None:
    job = content(upsert(stub, "ada@example.com"))["job_id"]
    found = content(call(stub, "GET", f"{CONTACTS}/imports/{job}"))
    assert found["status"] == "completed"
    assert found["results"]["created_count"] == 1


def test_who_is_removed_stays_a_contact_without_the_list(stub: Stub) -> None:
    upsert(stub, "ada@example.com", "grace@example.com")
    search = f"{CONTACTS}/search/emails"
    found = content(call(stub, "POST", search, {"emails": ["ada@example.com", "none@example.com"]}))["result"]
    assert found.keys() == {"ada@example.com"}
    contact = found["ada@example.com"]["contact"]
    assert contact["list_ids"] == [LIST_ID]
    answer = call(stub, "DELETE", f"/v3/marketing/lists/{LIST_ID}/contacts", contact_ids=contact["id"])
    assert answer.status == 202
    assert stub.stats()["on_list"] == 1
    again = content(call(stub, "POST", search, {"emails": ["ada@example.com"]}))["result"]
    assert again["ada@example.com"]["contact"]["list_ids"] == []


def test_a_rate_is_told_and_kept(stub: Stub) -> None:
    stub.reset(limit=2, window=86_400)
    answers = [upsert(stub, "ada@example.com") for _ in range(3)]
    assert [answer.status for answer in answers] == [202, 202, 429]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
    assert call(stub, "GET", "/v3/scopes").status == 200  # each route has a limit of its own
    assert stub.stats()["throttled"] == 1


def test_a_window_begins_when_the_counts_are_cleared(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([1000.0, 1030.5, 1059.5, 1060.5, 1119.5, 1120.5, 1130.0, 1130.5])
    monkeypatch.setattr("bench.stub.time", Mock(wraps=time, monotonic=lambda: next(clock)))
    stub.reset(limit=1, window=60)
    answers = [call(stub, "GET", "/v3/scopes") for _ in range(5)]
    stub.clear()
    answers.append(call(stub, "GET", "/v3/scopes"))
    assert [(answer.status, answer.headers["x-ratelimit-reset"]) for answer in answers] == [
        (200, "30"),
        (429, "1"),
        (200, "60"),
        (429, "1"),
        (200, "60"),
        (200, "60"),
    ]


def test_without_a_key_nothing_is_answered(stub: Stub) -> None:
    assert stub.handle(Request("GET", "/v3/scopes", {}, {}, b"")).status == 401


def test_an_import_takes_the_good_rows_of_a_file_and_ends_when_it_is_read(stub: Stub) -> None:
    mapping = {"file_type": "csv", "list_ids": [LIST_ID], "field_mappings": ["_rf0_T", "_rf2_T"]}
    announced = content(call(stub, "PUT", f"{CONTACTS}/imports", mapping))
    headers = {entry["header"]: entry["value"] for entry in announced["upload_headers"]}
    path = announced["upload_uri"].removeprefix(stub.url)
    file = gzip.compress(b"name,mail\nAda,ada@example.com\nNobody,two@@example.com\n")

    async def upload() -> None:
        assert stub.handle(Request("PUT", path, {}, {}, file)).status == 400  # without its header
        assert stub.handle(Request("PUT", path, {}, headers, file)).status == 200
        while content(job())["status"] != "completed":  # noqa: ASYNC110 - it can only be asked, as SendGrid's
            await asyncio.sleep(0.01)

    def job() -> Answer:
        return call(stub, "GET", f"{CONTACTS}/imports/{announced['job_id']}")

    asyncio.run(upload())
    assert content(job())["results"]["created_count"] == 1
    assert stub.stats()["on_list"] == 1
    assert stub.stats()["imports"] == 1

import gzip
from typing import Any

import pytest
import requests

from local.sendgrid.control import SimulatedSendGrid
from tests.unit.local_sendgrid.conftest import CONTACTS, Api, errors_of

IMPORTS = f"{CONTACTS}/imports"
EMAIL, FIRST_NAME = "_rf2_T", "_rf0_T"


def announce(api: Api, mappings: list[str | None], **more: Any) -> dict[str, Any]:
    response = api.call("PUT", IMPORTS, json={"file_type": "csv", "field_mappings": mappings, **more})
    assert response.status_code == 200, response.text
    document: dict[str, Any] = response.json()
    return document


def upload(announced: dict[str, Any], file: bytes, **headers: str) -> int:
    given = {item["header"]: item["value"] for item in announced["upload_headers"]}
    return requests.put(announced["upload_uri"], data=file, headers=given | headers, timeout=30).status_code


def test_an_import_maps_columns_by_position_and_drops_what_is_bad(sim: SimulatedSendGrid, api: Api) -> None:
    list_id, value, day = sim.create_list("News"), sim.define_field("ltv", "Number"), sim.define_field("day", "Date")
    announced = announce(api, [FIRST_NAME, None, EMAIL, value, day], list_ids=[list_id])
    file = (
        "first,id,mail,ltv,day\r\n"
        'Ada,1,A@example.com,12.50,2/28/2026\r\n"O\'Hara, Bob",2,b@example.com,,\r\n'
        "Twice,3,a@example.com,,\r\nNobody,4,,,\r\nBad,5,no,,\r\nMinus,6,minus@example.com,-1,\r\n"
        "Iso,7,iso@example.com,,2026-02-28T00:00:00Z\r\n"
    )
    assert upload(announced, file.encode()) == 200
    assert sim.addresses() == set()
    sim.finish_jobs()
    job = api.job(announced["job_id"])
    assert job["status"] == "errored"
    assert set(errors_of(job)) == {"no", "minus@example.com", "iso@example.com"}
    members = sim.members(list_id)
    assert {address: contact["first_name"] for address, contact in members.items()} == {
        "a@example.com": "Ada",
        "b@example.com": "O'Hara, Bob",
    }
    assert members["a@example.com"]["custom_fields"] == {"ltv": 12.5, "day": "2026-02-28T00:00:00Z"}


def test_an_import_may_be_gzip(sim: SimulatedSendGrid, api: Api) -> None:
    announced = announce(api, [EMAIL])
    assert upload(announced, gzip.compress(b"email\na@example.com\n")) == 200
    sim.finish_jobs()
    assert api.job(announced["job_id"])["status"] == "completed"
    assert sim.addresses() == {"a@example.com"}


def test_an_import_waits_for_its_file(sim: SimulatedSendGrid, api: Api) -> None:
    announced = announce(api, [EMAIL])
    sim.finish_jobs()
    assert api.job(announced["job_id"])["status"] == "pending"


def test_an_upload_needs_its_headers_no_key_and_is_taken_once(api: Api) -> None:
    announced = announce(api, [EMAIL])
    assert announced["upload_headers"] == [{"header": "x-amz-server-side-encryption", "value": "aws:kms"}]
    assert upload(announced, b"email\n", Authorization="Bearer SG.x") == 400
    assert upload(announced, b"email\n", **{"x-amz-server-side-encryption": "none"}) == 400
    assert upload(announced, b"email\n") == 200
    assert upload(announced, b"email\n") == 403


@pytest.mark.parametrize("file", [b"email,more\na@example.com,x\n", b"", b"email\n\xff\n", b"\x1f\x8b\x08garbage"])
def test_a_file_that_cannot_be_read_fails_the_job(sim: SimulatedSendGrid, api: Api, file: bytes) -> None:
    announced = announce(api, [EMAIL])
    assert upload(announced, file) == 200
    sim.finish_jobs()
    job = api.job(announced["job_id"])
    assert job["status"] == "failed"
    assert errors_of(job)[""].startswith("Failed to preprocess input csv")


def test_a_multipart_upload_fails_the_job(sim: SimulatedSendGrid, api: Api) -> None:
    announced = announce(api, [EMAIL])
    headers = {item["header"]: item["value"] for item in announced["upload_headers"]}
    requests.put(announced["upload_uri"], files={"file": b"email\na@example.com\n"}, headers=headers, timeout=30)
    sim.finish_jobs()
    assert errors_of(api.job(announced["job_id"])) == {
        "": "Failed to preprocess input csv: the field mapping doesn't match the CSV"
    }


@pytest.mark.parametrize(
    "document",
    [
        {"field_mappings": [EMAIL]},
        {"file_type": "csv"},
        {"file_type": "csv", "field_mappings": []},
        {"file_type": "csv", "field_mappings": [FIRST_NAME]},
        {"file_type": "csv", "field_mappings": [EMAIL, "email"]},
    ],
)
def test_a_bad_announcement_is_refused(api: Api, document: dict[str, object]) -> None:
    assert api.call("PUT", IMPORTS, json=document).status_code == 400


def test_an_import_to_a_list_that_is_gone_is_not_found(api: Api) -> None:
    lists = ["00000000-0000-4000-8000-000000000000"]
    document = {"file_type": "csv", "field_mappings": [EMAIL], "list_ids": lists}
    assert api.call("PUT", IMPORTS, json=document).status_code == 404

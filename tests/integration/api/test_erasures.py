"""Erasures over HTTP: asked for by administrators, worked on by the queue, looked at by auditors."""

import base64
import time
from typing import Any

import pytest

from local.stack import Stack
from tests.integration.api.conftest import NEW, Api, assert_problem, export_of
from tests.integration.api.test_exports import work_off

Document = dict[str, Any]
PATIENCE = 60  # seconds


def work_off_erasure(stack: Stack, api: Api, path: str) -> Document:
    """Give process_run the queue's messages until the erasure has ended."""
    queue = stack.storage.export_runs.client
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if (erasure := api.get(path))["ended_at"]:
            return erasure
        if message := queue.receive_message():
            queue.delete_message(message)
            assert api.runtime.queue("process_run", base64.b64decode(message.content).decode()), api.runtime.log()
        else:
            time.sleep(0.1)
    raise TimeoutError(api.runtime.log())


def test_a_person_is_erased_everywhere_and_the_record_names_nobody(api: Api, stack: Stack, fresh: str) -> None:
    address = f"ada.{fresh}@example.com"
    stack.put_connection(f"c-{fresh}")
    list_id = stack.sendgrid.create_list(fresh)
    stack.land(f"S{fresh}.csv", f"EMail\n{address}\n{address.upper()}\nbob@example.com\n".encode())
    api("PUT", f"/exports/{fresh}", export_of(f"c-{fresh}", list_id, segments=[f"S{fresh}"]), NEW)
    run = work_off(stack, api, api("POST", f"/exports/{fresh}/runs"))
    stack.land(f"S{fresh}.csv", b"EMail\nbob@example.com\n")

    wish = {"address": f" {address.title()} ", "delete_contact": True, "reference": f"case {fresh}"}
    accepted = api("POST", "/erasures", wish)
    assert (accepted.status, accepted.headers["retry-after"]) == (202, "5")
    location = accepted.headers["location"].removeprefix("/api")
    assert location == f"/erasures/{accepted.json()['erasure_id']}"
    erasure = work_off_erasure(stack, api, location)
    assert erasure["reference"] == f"case {fresh}"
    [part] = [each for each in erasure["exports"] if each["export_id"] == fresh]
    assert (part["was_member"], part["lines"], part["runs"]) == (True, 1, [run["run_id"]])
    assert any(each["deleted"] for each in erasure["accounts"])
    assert stack.sendgrid.addresses(list_id) == {"bob@example.com"}
    assert fresh not in api("GET", f"/runs/{run['run_id']}/report").body
    assert address not in api("GET", location).body.lower()
    assert address not in api.runtime.log().lower()


def test_erasures_are_listed_newest_first_page_by_page(api: Api, fresh: str) -> None:
    made = [api("POST", "/erasures", {"address": f"{n}.{fresh}@example.com"}).json()["erasure_id"] for n in range(3)]
    seen: list[str] = []
    before = ""
    while not set(made) <= set(seen):
        page = api.get(f"/erasures?limit=2{before and f'&before={before}'}")
        seen += [each["erasure_id"] for each in page["erasures"]]
        before = page["next"]
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({}, "address"),
        ({"address": ""}, "address"),
        ({"address": "not an address"}, "address"),
        ({"address": "a@example.com,b@example.com"}, "address"),
        ({"address": 5}, "address"),
        ({"address": "a@example.com", "reference": "of a@example.com"}, "reference"),
        ({"address": "a@example.com", "delete_all": True}, "delete_all"),
    ],
)
def test_a_wish_that_cannot_be_carried_out_is_refused(api: Api, wish: Document, field: str) -> None:
    answer = api("POST", "/erasures", wish)
    assert_problem(answer, 400, field=field)
    assert "example.com" not in answer.body


@pytest.mark.parametrize("name", ["20260101T000000Z-abcdef", "x", "..%2Fnews%2Fturn"])
def test_an_erasure_that_does_not_exist_is_a_problem(api: Api, name: str) -> None:
    assert_problem(api("GET", f"/erasures/{name}"), 404, code="not_found")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_only_administrators_erase_and_look(viewer: Api, contributor: Api, administrator: Api, method: str) -> None:
    body = {"address": "nobody@example.com"} if method == "POST" else None
    for api in (viewer, contributor):
        assert_problem(api(method, "/erasures", body), 403, code="role_too_small")
    answer = administrator(method, "/erasures", body)
    assert answer.status in {200, 202}
    if method == "POST":
        assert answer.json()["requested_by"] == "admin@contoso.example"

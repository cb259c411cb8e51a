import pytest
import requests

from local.sendgrid.control import SimulatedSendGrid
from tests.unit.local_sendgrid.conftest import CONTACTS, FIELDS, LISTS, Api, messages


def statuses(api: Api, count: int) -> list[int]:
    return [api.call("GET", LISTS).status_code for _ in range(count)]


def test_a_fault_meets_the_next_requests_of_its_route_and_method(sim: SimulatedSendGrid, api: Api) -> None:
    sim.fault(route=LISTS, method="GET", times=2, status=503)
    assert api.call("GET", FIELDS).status_code == 200
    assert api.call("POST", LISTS, json={"name": "x"}).status_code == 201
    assert statuses(api, 3) == [503, 503, 200]


def test_a_fault_may_meet_every_nth_request_after_some(sim: SimulatedSendGrid, api: Api) -> None:
    fault = sim.fault(route="/v3/marketing/*", skip=1, every=2, times=None, status=500)
    assert statuses(api, 6) == [200, 200, 500, 200, 500, 200]
    sim.clear_faults(fault)
    assert statuses(api, 2) == [200, 200]


def test_chance_is_drawn_from_a_seed(sim: SimulatedSendGrid, api: Api) -> None:
    drawn = []
    for seed in (1, 1, 2):
        sim.clear_faults()
        sim.fault(route=LISTS, times=None, probability=0.5, seed=seed, status=429)
        drawn.append(statuses(api, 12))
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "The provided authorization grant is invalid, expired, or revoked"),
        (403, "access forbidden"),
        (413, "request entity too large"),
        (429, "too many requests"),
    ],
)
def test_a_status_comes_with_sendgrids_message(sim: SimulatedSendGrid, api: Api, status: int, message: str) -> None:
    sim.fault(route=LISTS, status=status)
    assert messages(api.call("GET", LISTS)) == [(None, message)]


def test_message_body_and_headers_can_be_given(sim: SimulatedSendGrid, api: Api) -> None:
    sim.fault(route=LISTS, status=403, message="Too many bad requests. Temporary block")
    assert messages(api.call("GET", LISTS)) == [(None, "Too many bad requests. Temporary block")]
    sim.fault(route=LISTS, status=503, body="<html>", content_type="text/html", headers={"retry-after": "7"})
    response = api.call("GET", LISTS)
    assert (response.text, response.headers["retry-after"]) == ("<html>", "7")
    assert response.headers["content-type"] == "text/html"


@pytest.mark.parametrize(("drop", "taken"), [("before", set()), ("after", {"a@example.com"})])
def test_a_connection_breaks_before_or_after_the_request_is_taken(
    sim: SimulatedSendGrid, api: Api, drop: str, taken: set[str]
) -> None:
    sim.fault(route=CONTACTS, drop=drop)
    with pytest.raises(requests.ConnectionError):
        api.upsert({"email": "a@example.com"})
    sim.finish_jobs()
    assert sim.addresses() == taken
    assert sim.stats()["requests"] == {f"PUT {CONTACTS}": {"0": 1}}
    assert api.upsert({"email": "b@example.com"}).status_code == 202


def test_an_answer_can_be_late_while_the_request_is_taken(sim: SimulatedSendGrid, api: Api) -> None:
    sim.fault(route=CONTACTS, latency=60)
    with pytest.raises(requests.ReadTimeout):
        requests.put(
            sim.url + CONTACTS,
            json={"contacts": [{"email": "a@example.com"}]},
            headers={"Authorization": "Bearer SG.test.full-access"},
            timeout=0.2,
        )
    sim.finish_jobs()
    assert sim.addresses() == {"a@example.com"}


def test_a_fault_that_does_not_exist_is_refused(sim: SimulatedSendGrid) -> None:
    for parts in ({"drop": "sometimes"}, {"job": "late"}, {"colour": "red"}):
        with pytest.raises(ValueError, match="fault"):
            sim.fault(**parts)

import pytest
import requests

from local.sendgrid.control import SimulatedSendGrid
from tests.unit.local_sendgrid.conftest import LISTS, Api, messages
from tests.unit.local_sendgrid.openapi import check


def test_a_request_without_a_key_is_unauthorized(sim: SimulatedSendGrid) -> None:
    response = requests.get(sim.url + LISTS, timeout=30)
    assert response.status_code == 401
    assert messages(response) == [(None, "authorization required")]


def test_an_unknown_or_revoked_key_is_unauthorized(sim: SimulatedSendGrid) -> None:
    sim.add_key("SG.gone")
    headers = {"Authorization": "Bearer SG.gone"}
    assert requests.get(sim.url + LISTS, headers=headers, timeout=30).status_code == 200
    sim.revoke_key("SG.gone")
    response = requests.get(sim.url + LISTS, headers=headers, timeout=30)
    assert response.status_code == 401
    assert messages(response) == [(None, "The provided authorization grant is invalid, expired, or revoked")]


def test_a_key_without_the_marketing_scope_may_only_ask_for_its_scopes(sim: SimulatedSendGrid) -> None:
    sim.add_key("SG.mail", scopes=["mail.send"])
    headers = {"Authorization": "Bearer SG.mail"}
    refused = requests.get(sim.url + LISTS, headers=headers, timeout=30)
    assert refused.status_code == 403
    assert messages(refused) == [(None, "access forbidden")]
    scopes = requests.get(sim.url + "/v3/scopes", headers=headers, timeout=30)
    check(scopes)
    assert scopes.json() == {"scopes": ["mail.send"]}


def test_a_full_key_lists_the_marketing_scope(api: Api) -> None:
    assert "marketing.read" in api.call("GET", "/v3/scopes").json()["scopes"]


@pytest.mark.parametrize("accept", [None, "text/html"])
def test_an_accept_header_that_takes_no_json_is_not_acceptable(api: Api, accept: str | None) -> None:
    assert api.call("GET", LISTS, headers={"Accept": accept}).status_code == 406


def test_the_retired_api_is_forbidden_and_an_unknown_path_is_not_found(sim: SimulatedSendGrid) -> None:
    assert requests.get(sim.url + "/v3/contactdb/lists", timeout=30).status_code == 403
    assert requests.get(sim.url + "/v3/nothing", timeout=30).status_code == 404

from local.sendgrid.control import SimulatedSendGrid
from tests.unit.local_sendgrid.conftest import CONTACTS, Api, settled

SEARCH = f"{CONTACTS}/search/emails"


def test_a_search_answers_in_lower_case_and_names_who_is_not_there(sim: SimulatedSendGrid, api: Api) -> None:
    list_id = sim.create_list("Newsletter")
    settled(sim, api, api.upsert({"email": "a@example.com"}, lists=(list_id,)))
    response = api.call("POST", SEARCH, json={"emails": ["A@Example.com", "b@example.com", ""]})
    assert response.status_code == 200
    result = response.json()["result"]
    assert result["a@example.com"]["contact"]["list_ids"] == [list_id]
    assert result["b@example.com"] == {"error": "contact not found"}
    assert len(result) == 2


def test_a_search_that_finds_nobody_is_not_found(api: Api) -> None:
    assert api.call("POST", SEARCH, json={"emails": ["a@example.com"]}).status_code == 404


def test_one_invalid_address_refuses_the_whole_search(sim: SimulatedSendGrid, api: Api) -> None:
    settled(sim, api, api.upsert({"email": "a@example.com"}))
    for bad in ("no", "a" * 89 + "@example.com"):  # 101 characters: fewer can be searched than stored
        assert api.call("POST", SEARCH, json={"emails": ["a@example.com", bad]}).status_code == 400


def test_a_search_takes_a_hundred_addresses(sim: SimulatedSendGrid, api: Api) -> None:
    settled(sim, api, api.upsert({"email": "a0@example.com"}))
    addresses = [f"a{number}@example.com" for number in range(101)]
    assert api.call("POST", SEARCH, json={"emails": addresses[:100]}).status_code == 200
    assert api.call("POST", SEARCH, json={"emails": addresses}).status_code == 400
    assert api.call("POST", SEARCH, json={}).status_code == 400


def test_alternate_addresses_are_found_too(sim: SimulatedSendGrid, api: Api) -> None:
    settled(sim, api, api.upsert({"email": "a@example.com", "alternate_emails": ["Second@example.com"]}))
    found = api.call("POST", SEARCH, json={"emails": ["second@example.com"]}).json()["result"]
    assert found["second@example.com"]["contact"]["email"] == "a@example.com"


def test_contacts_are_read_by_id(sim: SimulatedSendGrid, api: Api) -> None:
    settled(sim, api, api.upsert({"email": "a@example.com"}, {"email": "b@example.com"}))
    ids = {address: contact["id"] for address, contact in sim.members().items()}
    assert all(len(contact) == 36 for contact in ids.values())
    assert api.call("GET", f"{CONTACTS}/{ids['b@example.com']}").json()["email"] == "b@example.com"
    batch = api.call("POST", f"{CONTACTS}/batch", json={"ids": [*ids.values(), "none"]}).json()["result"]
    assert [contact["email"] for contact in batch] == ["a@example.com", "b@example.com"]
    assert api.call("GET", f"{CONTACTS}/none").status_code == 404
    assert api.call("POST", f"{CONTACTS}/batch", json={"ids": ["none"]}).status_code == 404


def test_the_account_counts_and_shows_a_sample(sim: SimulatedSendGrid, api: Api) -> None:
    settled(sim, api, api.upsert(*({"email": f"a{number:02}@example.com"} for number in range(60))))
    assert api.call("GET", f"{CONTACTS}/count").json() == {"contact_count": 60, "billable_count": 60}
    sample = api.call("GET", CONTACTS).json()
    assert sample["contact_count"] == 60
    assert [contact["email"] for contact in sample["result"]] == [f"a{number}@example.com" for number in range(10, 60)]

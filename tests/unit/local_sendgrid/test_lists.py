import pytest

from local.sendgrid.control import SimulatedSendGrid
from tests.unit.local_sendgrid.conftest import LISTS, Api, messages, settled

NOWHERE = "00000000-0000-4000-8000-000000000000"


def test_a_list_is_created_read_renamed_and_deleted(api: Api) -> None:
    created = api.call("POST", LISTS, json={"name": "Newsletter"})
    assert created.status_code == 201
    path = f"{LISTS}/{created.json()['id']}"
    assert api.call("GET", path).json() == created.json()
    assert api.call("PATCH", path, json={"name": "News"}).json()["name"] == "News"
    assert api.call("DELETE", path).status_code == 204
    assert api.call("GET", path).status_code == 404


@pytest.mark.parametrize("name", ["", "x" * 101, None])
def test_a_list_needs_a_name_of_up_to_a_hundred_characters(api: Api, name: str | None) -> None:
    assert api.call("POST", LISTS, json={"name": name}).status_code == 400


def test_the_pages_of_lists_lead_to_one_another(sim: SimulatedSendGrid, api: Api) -> None:
    made = [sim.create_list(f"list {number}") for number in range(5)]
    seen = []
    path = f"{LISTS}?page_size=2"
    while path:
        page = api.call("GET", path).json()
        seen += [item["id"] for item in page["result"]]
        path = page["_metadata"].get("next", "").removeprefix(sim.url)
    assert seen == made
    assert page["_metadata"]["count"] == 5


@pytest.mark.parametrize("size", ["0", "1001", "many"])
def test_a_page_has_one_to_a_thousand_lists(api: Api, size: str) -> None:
    assert api.call("GET", f"{LISTS}?page_size={size}").status_code == 400


def test_a_list_counts_its_members(sim: SimulatedSendGrid, api: Api) -> None:
    list_id = sim.create_list("Newsletter")
    settled(sim, api, api.upsert({"email": "a@example.com"}, {"email": "b@example.com"}, lists=(list_id,)))
    assert api.call("GET", f"{LISTS}/{list_id}").json()["contact_count"] == 2
    assert api.call("GET", f"{LISTS}/{list_id}/contacts/count").json()["contact_count"] == 2
    sample = api.call("GET", f"{LISTS}/{list_id}?contact_sample=true").json()["contact_sample"]
    assert sample["list_ids"] == [list_id]
    assert api.call("GET", f"{LISTS}/{NOWHERE}/contacts/count").status_code == 404


def test_removal_takes_contacts_off_the_list_and_keeps_them(sim: SimulatedSendGrid, api: Api) -> None:
    list_id = sim.create_list("Newsletter")
    settled(sim, api, api.upsert({"email": "a@example.com"}, {"email": "b@example.com"}, lists=(list_id,)))
    gone = sim.members(list_id)["a@example.com"]["id"]
    removal = api.call("DELETE", f"{LISTS}/{list_id}/contacts?contact_ids={gone}")
    assert removal.status_code == 202
    assert sim.addresses(list_id) == {"a@example.com", "b@example.com"}  # not yet
    assert settled(sim, api, removal)["status"] == "completed"
    assert sim.addresses(list_id) == {"b@example.com"}
    assert sim.addresses() == {"a@example.com", "b@example.com"}


def test_one_unknown_contact_refuses_the_whole_removal(sim: SimulatedSendGrid, api: Api) -> None:
    list_id = sim.create_list("Newsletter")
    settled(sim, api, api.upsert({"email": "a@example.com"}, lists=(list_id,)))
    known = sim.members()["a@example.com"]["id"]
    refused = api.call("DELETE", f"{LISTS}/{list_id}/contacts?contact_ids={known},{NOWHERE}")
    assert refused.status_code == 404
    assert api.call("DELETE", f"{LISTS}/{NOWHERE}/contacts?contact_ids={known}").status_code == 404
    assert api.call("DELETE", f"{LISTS}/{list_id}/contacts").status_code == 400
    assert sim.addresses(list_id) == {"a@example.com"}


def test_a_url_over_the_servers_limit_is_answered_with_a_page_of_html(sim: SimulatedSendGrid, api: Api) -> None:
    list_id = sim.create_list("Newsletter")
    path = f"{LISTS}/{list_id}/contacts?contact_ids="
    assert api.call("DELETE", path + "x" * (8_190 - len(path))).status_code == 404
    refused = api.call("DELETE", path + "x" * (8_191 - len(path)))
    assert refused.status_code == 414
    assert refused.text.startswith("<html>")


def test_deleting_a_list_leaves_its_contacts_unless_told_otherwise(sim: SimulatedSendGrid, api: Api) -> None:
    first, second = sim.create_list("first"), sim.create_list("second")
    settled(sim, api, api.upsert({"email": "a@example.com"}, lists=(first,)))
    settled(sim, api, api.upsert({"email": "b@example.com"}, lists=(second,)))
    assert api.call("DELETE", f"{LISTS}/{first}").status_code == 204
    assert sim.members()["a@example.com"]["list_ids"] == []
    deletion = api.call("DELETE", f"{LISTS}/{second}?delete_contacts=true")
    assert deletion.status_code == 200
    assert settled(sim, api, deletion)["results"]["deleted_count"] == 1
    assert sim.addresses() == {"a@example.com"}


def test_an_upsert_to_a_list_that_is_gone_is_not_found(sim: SimulatedSendGrid, api: Api) -> None:
    refused = api.upsert({"email": "a@example.com"}, lists=(NOWHERE,))
    assert refused.status_code == 404
    assert api.upsert({"email": "a@example.com"}, lists=("no uuid",)).status_code == 400
    assert messages(refused)
    assert sim.pending_jobs() == 0

import json

import pytest
import requests

from local.sendgrid.control import SimulatedSendGrid
from tests.unit.local_sendgrid.conftest import CONTACTS, Api, errors_of, messages, settled


def test_an_upsert_is_applied_only_when_its_job_ends(sim: SimulatedSendGrid, api: Api) -> None:
    list_id = sim.create_list("Newsletter")
    response = api.upsert({"email": "A@Example.com", "first_name": "Ada"}, lists=(list_id,))
    assert response.status_code == 202
    assert sim.members() == {}
    settled(sim, api, response)
    contact = sim.members(list_id)["a@example.com"]
    assert (contact["first_name"], contact["list_ids"], contact["segment_ids"]) == ("Ada", [list_id], None)


def test_invalid_addresses_refuse_the_whole_batch_and_are_named(sim: SimulatedSendGrid, api: Api) -> None:
    response = api.upsert({"email": "000"}, {"email": "ok@example.com"}, {"email": "a b@example.com"})
    assert response.status_code == 400
    assert messages(response) == [
        ("contacts[0].identifier", "email '000' is not valid"),
        ("contacts[2].identifier", "email 'a b@example.com' is not valid"),
    ]
    sim.finish_jobs()
    assert sim.members() == {}


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a@b",
        "@example.com",
        "a@.com",
        "a..b@example.com",
        ".a@example.com",
        "a@example.com.",
        "a@-example.com",
        "a@example.123",
        "ä@example.com",
        "a@exämple.com",
        "a@example.com;b@example.com",
        "a@example.com ",
        "a" * 250 + "@example.com",
    ],
)
def test_what_is_no_address_is_refused(api: Api, address: str) -> None:
    assert api.upsert({"email": address}).status_code == 400


@pytest.mark.parametrize("address", ["o'hara+x@mail.example.co.uk", "a@xn--exmple-cua.com", "A_1@example.museum"])
def test_unusual_addresses_are_taken(api: Api, address: str) -> None:
    assert api.upsert({"email": address}).status_code == 202


def test_a_400_lists_only_so_many_errors(sim: SimulatedSendGrid, api: Api) -> None:
    sim.configure(listed_errors=2)
    assert len(api.upsert(*({"email": "no"} for _ in range(5))).json()["errors"]) == 2


def test_unknown_custom_fields_are_named_together(sim: SimulatedSendGrid, api: Api) -> None:
    sim.define_field("tier")
    response = api.upsert({"email": "a@example.com", "custom_fields": {"tier": "Gold", "e9_T": "x"}})
    assert response.status_code == 400
    assert messages(response) == [("", "invalid custom field ids supplied - tier,e9_T")]


def test_null_is_refused_for_a_number_and_passed_over_for_a_text(sim: SimulatedSendGrid, api: Api) -> None:
    text, number = sim.define_field("tier"), sim.define_field("ltv", "Number")
    assert api.upsert({"email": "a@example.com", "custom_fields": {text: None}}).status_code == 202
    response = api.upsert({"email": "a@example.com", "custom_fields": {number: None}})
    assert messages(response) == [("contacts[0].custom_fields", f'custom field "{number}" cannot be null')]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "invalid JSON"),
        ("[]", "invalid input"),
        ('{"contacts":{}}', "invalid input"),
        ('{"contacts":["a@example.com"]}', "invalid input"),
        ('{"contacts":[{"email":1}]}', "invalid input"),
        ('{"contacts":[{"email":"a@example.com","first_name":1}]}', "invalid input"),
        ('{"contacts":[{"email":"a@example.com","custom_fields":[]}]}', "invalid input"),
        ('{"contacts":[{"email":"a@example.com"},{"email"}]}', "invalid JSON"),
        ('{"contacts":[{"email":"a@example.com"} {"email":"b@example.com"}]}', "invalid JSON"),
        ('{"contacts":[{"first_name":"Ada"}]}', "contact does not have any valid identifiers"),
    ],
)
def test_wrong_shapes_are_refused(api: Api, body: str, message: str) -> None:
    response = api.call("PUT", CONTACTS, data=body)
    assert response.status_code == 400
    assert message in response.text


def test_a_batch_holds_one_to_thirty_thousand_contacts(api: Api) -> None:
    contacts = [{"email": f"a{number}@example.com"} for number in range(30_001)]
    assert api.upsert().status_code == 400
    assert api.upsert(*contacts).status_code == 400
    assert api.upsert(*contacts[1:]).status_code == 202


def test_a_body_over_the_byte_limit_is_too_large(sim: SimulatedSendGrid, api: Api) -> None:
    body = json.dumps({"contacts": [{"email": "a@example.com"}]})
    sim.configure(byte_limit=len(body) - 1)
    assert api.call("PUT", CONTACTS, data=body).status_code == 413
    sim.configure(byte_limit=len(body))
    assert api.call("PUT", CONTACTS, data=body).status_code == 202


def test_a_body_without_length_is_refused(api: Api) -> None:
    assert api.call("PUT", CONTACTS, data=iter([b"{}"])).status_code == 411


def test_unknown_names_are_ignored_in_silence(sim: SimulatedSendGrid, api: Api) -> None:
    list_id = sim.create_list("Newsletter")
    document = {"listIds": [list_id], "contacts": [{"email": "a@example.com", "firstName": "Ada"}]}
    settled(sim, api, api.call("PUT", CONTACTS, json=document))
    assert sim.addresses(list_id) == set()
    assert sim.addresses() == {"a@example.com"}


def test_rows_that_do_not_fit_are_errors_of_the_job_and_the_others_are_applied(
    sim: SimulatedSendGrid, api: Api
) -> None:
    text, number = sim.define_field("tier"), sim.define_field("ltv", "Number")
    day = sim.define_field("custom_date", "Date")
    job = settled(
        sim,
        api,
        api.upsert(
            {"email": "good@example.com", "custom_fields": {day: "2/28/2026", number: 1, text: "x" * 1_000}},
            {"email": "date@example.com", "custom_fields": {day: "10-03-2021"}},
            {"email": "feb@example.com", "custom_fields": {day: "2021-02-30T00:00:00Z"}},
            {"email": "number@example.com", "custom_fields": {number: "12"}},
            {"email": "long@example.com", "first_name": "é" * 51},
            {"email": "text@example.com", "custom_fields": {text: "x" * 1_001}},
            {"email": "phone@example.com", "phone_number": "000"},
        ),
    )
    assert job["status"] == "errored"
    assert {name: job["results"][name] for name in ("requested_count", "created_count", "errored_count")} == {
        "requested_count": 7,
        "created_count": 1,
        "errored_count": 6,
    }
    found = errors_of(job)
    assert found["date@example.com"] == (
        'error storing custom field name=custom_date type=Date as value="10-03-2021": custom field value is not in any '
        "of the following date formats: RFC3339, MM/DD/YYYY, or M/D/YYYY"
    )
    assert set(found) == {f"{name}@example.com" for name in ("date", "feb", "number", "long", "text", "phone")}
    assert sim.addresses() == {"good@example.com"}


def test_omitted_fields_stay_and_empty_text_clears(sim: SimulatedSendGrid, api: Api) -> None:
    tier = sim.define_field("tier")
    first = {"email": "a@example.com", "first_name": "Ada", "last_name": "Lovelace", "custom_fields": {tier: "Gold"}}
    settled(sim, api, api.upsert(first))
    job = settled(sim, api, api.upsert({"email": "a@example.com", "first_name": "", "custom_fields": {}}))
    assert job["results"] == {"requested_count": 1, "updated_count": 1}
    contact = sim.members()["a@example.com"]
    assert (contact["first_name"], contact["last_name"]) == ("", "Lovelace")
    assert contact["custom_fields"] == {"tier": "Gold"}
    settled(sim, api, api.upsert({"email": "a@example.com", "custom_fields": {tier: ""}}))
    assert "custom_fields" not in sim.members()["a@example.com"]


def test_lists_are_added_never_taken_away(sim: SimulatedSendGrid, api: Api) -> None:
    first, second = sim.create_list("first"), sim.create_list("second")
    settled(sim, api, api.upsert({"email": "a@example.com"}, lists=(first,)))
    settled(sim, api, api.upsert({"email": "a@example.com"}, {"email": "b@example.com"}, lists=(second,)))
    assert (sim.addresses(first), sim.addresses(second)) == ({"a@example.com"}, {"a@example.com", "b@example.com"})


def test_all_identifiers_of_a_contact_must_be_sent_again(sim: SimulatedSendGrid, api: Api) -> None:
    settled(sim, api, api.upsert({"email": "a@example.com", "external_id": "7"}))
    job = settled(sim, api, api.upsert({"email": "a@example.com", "first_name": "Ada"}))
    assert job["status"] == "failed"
    assert set(errors_of(job)) == {"a@example.com"}
    again = settled(sim, api, api.upsert({"email": "a@example.com", "external_id": "7", "first_name": "Ada"}))
    assert again["status"] == "completed"


def test_an_account_over_its_contact_limit_refuses_new_contacts_only(sim: SimulatedSendGrid, api: Api) -> None:
    sim.configure(contact_limit=1)
    settled(sim, api, api.upsert({"email": "a@example.com"}))
    assert api.upsert({"email": "a@example.com"}).status_code == 202
    refused = api.upsert({"email": "b@example.com"})
    assert messages(refused) == [(None, "you have hit your contact limit")]


def test_deletion_wants_ids_in_the_query_and_gives_a_new_id_afterwards(sim: SimulatedSendGrid, api: Api) -> None:
    settled(sim, api, api.upsert({"email": "a@example.com"}, {"email": "b@example.com"}))
    old = sim.members()["a@example.com"]["id"]
    assert api.call("DELETE", CONTACTS).status_code == 400
    assert api.call("DELETE", f"{CONTACTS}?ids={old}", json={"ids": [old]}).status_code == 400
    assert settled(sim, api, api.call("DELETE", f"{CONTACTS}?ids={old}"))["results"]["deleted_count"] == 1
    assert sim.addresses() == {"b@example.com"}
    settled(sim, api, api.upsert({"email": "a@example.com"}))
    assert sim.members()["a@example.com"]["id"] != old
    settled(sim, api, api.call("DELETE", f"{CONTACTS}?delete_all_contacts=true"))
    assert sim.addresses() == set()


def test_the_errors_file_wants_no_authorization(sim: SimulatedSendGrid, api: Api) -> None:
    sim.fail_rows({"Bad@example.com": "suppressed"})
    job = settled(sim, api, api.upsert({"email": "bad@example.com"}, {"email": "good@example.com"}))
    assert errors_of(job) == {"bad@example.com": "suppressed"}
    headers = {"Authorization": "Bearer SG.x"}
    assert requests.get(job["results"]["errors_url"], headers=headers, timeout=30).status_code == 400

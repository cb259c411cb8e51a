import pytest

from local.sendgrid.control import SimulatedSendGrid
from tests.unit.local_sendgrid.conftest import FIELDS, Api, settled


def test_a_field_is_created_listed_renamed_and_deleted(api: Api) -> None:
    created = api.call("POST", FIELDS, json={"name": "loyalty_tier", "field_type": "Text"}).json()
    path = f"{FIELDS}/{created['id']}"
    listed = api.call("GET", FIELDS).json()["custom_fields"]
    assert listed == [{"id": created["id"], "name": "loyalty_tier", "field_type": "Text"}]
    assert api.call("PATCH", path, json={"name": "tier"}).json()["name"] == "tier"
    assert api.call("DELETE", path).status_code == 204
    assert api.call("DELETE", path).status_code == 404
    assert api.call("PATCH", path, json={"name": "tier"}).status_code == 404


def test_the_reserved_fields_have_sendgrids_ids(api: Api) -> None:
    reserved = {field["name"]: field for field in api.call("GET", FIELDS).json()["reserved_fields"]}
    ids = {"first_name": "_rf0_T", "email": "_rf2_T", "country": "_rf9_T", "last_emailed": "_rf18_D"}
    ids |= {"contact_id": "_rf23_T", "external_id": "_rf25_T", "segment_ids": "_rf28_T"}
    assert {name: reserved[name]["id"] for name in ids} == ids
    assert reserved["contact_id"]["read_only"]
    assert "read_only" not in reserved["email"]


@pytest.mark.parametrize("name", ["", "1st", "with space", "ümlaut", "x" * 101, "EMAIL", "Tier"])
def test_bad_names_and_names_in_use_are_refused(sim: SimulatedSendGrid, api: Api, name: str) -> None:
    sim.define_field("tier")
    assert api.call("POST", FIELDS, json={"name": name, "field_type": "Text"}).status_code == 400


def test_only_three_types_exist(api: Api) -> None:
    assert api.call("POST", FIELDS, json={"name": "ok", "field_type": "Boolean"}).status_code == 400


def test_an_account_has_five_hundred_fields_at_most(sim: SimulatedSendGrid, api: Api) -> None:
    for number in range(500):
        sim.define_field(f"field_{number}")
    assert api.call("POST", FIELDS, json={"name": "one_more", "field_type": "Text"}).status_code == 400


def test_values_are_written_by_id_and_read_by_name(sim: SimulatedSendGrid, api: Api) -> None:
    tier, value, day = sim.define_field("tier"), sim.define_field("ltv", "Number"), sim.define_field("day", "Date")
    custom = {tier: "Gold", value: 15.5, day: "2021-02-11T23:03:03.000Z"}
    settled(sim, api, api.upsert({"email": "a@example.com", "custom_fields": custom}))
    read = sim.members()["a@example.com"]["custom_fields"]
    assert read == {"tier": "Gold", "ltv": 15.5, "day": "2021-02-11T23:03:03Z"}
    api.call("DELETE", f"{FIELDS}/{tier}")
    assert "tier" not in sim.members()["a@example.com"]["custom_fields"]

"""Each endpoint against the simulated SendGrid, and answers that are not as they should be."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from local.sendgrid.control import SimulatedSendGrid
from shared.sendgrid import errors
from shared.sendgrid.client import LONGEST_URL, ContactCount, ContactExport, ContactList, FieldDefinition, SendGrid
from shared.sendgrid.downloads import Downloads
from shared.sendgrid.transport import Transport
from tests.unit.sendgrid.conftest import KEY, batch

NOBODY = "00000000-0000-4000-8000-000000000000"
UPSERT = {"route": "/v3/marketing/contacts", "method": "PUT"}
SEARCH = {"route": "/v3/marketing/contacts/search/emails", "method": "POST"}


@pytest.fixture
def list_id(sim: SimulatedSendGrid) -> str:
    return sim.create_list("Newsletter")


def put(sim: SimulatedSendGrid, sendgrid: SendGrid, list_id: str, *addresses: str) -> None:
    sendgrid.upsert(batch(list_id, *addresses))
    sim.finish_jobs()


def calls(sim: SimulatedSendGrid, route: str) -> int:
    return sum(sim.stats()["requests"].get(route, {}).values())


# The key


def test_a_key_with_access_to_marketing_passes_the_check(sendgrid: SendGrid) -> None:
    sendgrid.check_key()
    assert "marketing.read" in sendgrid.scopes()


def test_a_key_without_access_to_marketing_is_told_what_it_lacks(sim: SimulatedSendGrid, sendgrid: SendGrid) -> None:
    sim.add_key(KEY, ["mail.send"])
    with pytest.raises(errors.Forbidden) as caught:
        sendgrid.check_key()
    assert "Marketing > Full Access" in caught.value.advice


def test_a_key_that_may_not_read_its_rights_is_tried_on_a_list(sim: SimulatedSendGrid, sendgrid: SendGrid) -> None:
    sim.fault(route="/v3/scopes", status=403, times=None)
    sendgrid.check_key()
    sim.fault(route="/v3/marketing/lists", status=403)
    with pytest.raises(errors.Forbidden):
        sendgrid.check_key()


# Lists


def test_a_list_is_found_by_its_id(sim: SimulatedSendGrid, sendgrid: SendGrid, list_id: str) -> None:
    put(sim, sendgrid, list_id, "ann@example.com", "bob@example.com")
    assert sendgrid.contact_list(list_id) == ContactList(list_id, "Newsletter", 2)
    assert sendgrid.list_count(list_id) == 2
    assert sendgrid.contact_count() == ContactCount(2, 2)


def test_a_list_that_is_gone_is_said_to_be(sendgrid: SendGrid) -> None:
    for ask in (sendgrid.contact_list, sendgrid.list_count):
        with pytest.raises(errors.ListNotFound) as caught:
            ask(NOBODY)
        assert "list_id" in caught.value.advice


def test_lists_are_read_to_the_last_page(
    sim: SimulatedSendGrid, sendgrid: SendGrid, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.sendgrid.client.PAGE_SIZE", 2)
    ids = [sim.create_list(f"List {number}") for number in range(5)]
    assert sorted(found.id for found in sendgrid.lists()) == sorted(ids)
    assert calls(sim, "GET /v3/marketing/lists") == 3


def test_pages_that_go_round_in_circles_end(sim: SimulatedSendGrid, sendgrid: SendGrid) -> None:
    page = {"result": [], "_metadata": {"next": "https://evil.example/v3/marketing/lists?page_token=again"}}
    sim.fault(route="/v3/marketing/lists", status=200, body=json.dumps(page), times=None)
    with pytest.raises(errors.SendGridUnavailable, match="no end"):
        sendgrid.lists()
    assert calls(sim, "GET /v3/marketing/lists") == 2


# Fields


def test_fields_are_read_and_made(sim: SimulatedSendGrid, sendgrid: SendGrid) -> None:
    tier = sim.define_field("loyalty_tier", "Text")
    score = sendgrid.create_field("score", "Number")
    fields = {definition.name: definition for definition in sendgrid.field_definitions()}
    assert fields["loyalty_tier"] == FieldDefinition(tier, "loyalty_tier", "Text")
    assert fields["score"] == score
    assert (fields["email"].reserved, fields["email"].read_only) == (True, False)
    assert fields["updated_at"].read_only


def test_a_field_name_that_sendgrid_refuses_is_explained_in_its_words(sendgrid: SendGrid) -> None:
    with pytest.raises(errors.RequestRefused) as caught:
        sendgrid.create_field("email", "Text")
    assert caught.value.said
    assert caught.value.said[0] in str(caught.value)


# Upserts


def test_an_upsert_becomes_a_job_that_ends(sim: SimulatedSendGrid, sendgrid: SendGrid, list_id: str) -> None:
    sim.configure(job_seconds=60)
    job_id = sendgrid.upsert(batch(list_id, "ann@example.com"))
    assert not sendgrid.job(job_id).ended
    sim.finish_jobs()
    job = sendgrid.job(job_id)
    assert (job.status, job.requested, job.created, job.updated, job.errored) == ("completed", 1, 1, 0, 0)
    assert job.ended
    assert job.errors_url is None


def test_a_400_that_names_rows_says_which(sim: SimulatedSendGrid, sendgrid: SendGrid, list_id: str) -> None:
    with pytest.raises(errors.RowsRefused) as caught:
        sendgrid.upsert(batch(list_id, "ann@example.com", "bob@", "eve@example.com", "@"))
    assert set(caught.value.rows) == {1, 3}
    sim.finish_jobs()
    assert sim.members() == {}


def test_unknown_fields_a_gone_list_and_too_large_a_body_are_told_apart(
    sim: SimulatedSendGrid, sendgrid: SendGrid, list_id: str
) -> None:
    contact = {"email": "ann@example.com", "custom_fields": {"w9_T": "x"}}
    with pytest.raises(errors.UnknownFields, match="w9_T"):
        sendgrid.upsert(json.dumps({"list_ids": [list_id], "contacts": [contact]}).encode())
    with pytest.raises(errors.ListNotFound):
        sendgrid.upsert(batch(NOBODY, "ann@example.com"))
    sim.configure(byte_limit=100)
    with pytest.raises(errors.PayloadTooLarge):
        sendgrid.upsert(batch(list_id, *(f"{number}@example.com" for number in range(10))))


def test_a_plan_that_is_full_ends_the_run_with_advice(sim: SimulatedSendGrid, sendgrid: SendGrid, list_id: str) -> None:
    sim.configure(contact_limit=1)
    put(sim, sendgrid, list_id, "ann@example.com")
    with pytest.raises(errors.ContactLimitReached) as caught:
        sendgrid.upsert(batch(list_id, "bob@example.com"))
    assert "plan" in caught.value.advice


def test_a_job_that_sendgrid_does_not_know_is_not_found(sendgrid: SendGrid) -> None:
    with pytest.raises(errors.JobNotFound):
        sendgrid.job(NOBODY)


# Searches


def test_a_search_finds_contacts_and_their_lists(sim: SimulatedSendGrid, sendgrid: SendGrid, list_id: str) -> None:
    put(sim, sendgrid, list_id, "ann@example.com")
    search = sendgrid.search_emails(["Ann@Example.com", "bob@example.com"])
    assert {address: contact.list_ids for address, contact in search.found.items()} == {
        "ann@example.com": frozenset({list_id})
    }
    assert search.refused == frozenset()
    assert "ann" not in repr(search)


def test_a_search_that_finds_nobody_is_empty(sendgrid: SendGrid) -> None:
    assert sendgrid.search_emails(["bob@example.com"]).found == {}
    assert sendgrid.search_emails([]).found == {}


def test_an_address_that_sendgrid_dislikes_does_not_lose_the_others(
    sim: SimulatedSendGrid, sendgrid: SendGrid, list_id: str
) -> None:
    good = [f"{number}@example.com" for number in range(98)]
    put(sim, sendgrid, list_id, *good)
    search = sendgrid.search_emails([*good[:30], "bad", *good[30:], "worse@"])
    assert set(search.found) == set(good)
    assert search.refused == {"bad", "worse@"}
    assert calls(sim, f"POST {SEARCH['route']}") < 30, "halving, not one by one"


def test_a_search_of_more_than_a_hundred_is_a_mistake_of_the_caller(sendgrid: SendGrid) -> None:
    with pytest.raises(ValueError, match="100"):
        sendgrid.search_emails(["ann@example.com"] * 101)


# Removals


def members(sim: SimulatedSendGrid, list_id: str) -> dict[str, str]:
    return {address: contact["id"] for address, contact in sim.members(list_id).items()}


def test_contacts_are_taken_off_the_list_and_stay_in_the_account(
    sim: SimulatedSendGrid, sendgrid: SendGrid, list_id: str
) -> None:
    put(sim, sendgrid, list_id, "ann@example.com", "bob@example.com")
    removal = sendgrid.remove_from_list(list_id, [members(sim, list_id)["ann@example.com"]])
    sim.finish_jobs()
    assert [sendgrid.job(job_id).status for job_id in removal.job_ids] == ["completed"]
    assert (set(members(sim, list_id)), len(sim.members())) == ({"bob@example.com"}, 2)


def test_an_unknown_contact_does_not_keep_the_others_on_the_list(
    sim: SimulatedSendGrid, sendgrid: SendGrid, list_id: str
) -> None:
    put(sim, sendgrid, list_id, *(f"{number}@example.com" for number in range(40)))
    ids = list(members(sim, list_id).values())
    removal = sendgrid.remove_from_list(list_id, [*ids[:13], NOBODY, *ids[13:]])
    sim.finish_jobs()
    assert members(sim, list_id) == {}
    assert removal.unknown == (NOBODY,)
    assert calls(sim, "GET /v3/marketing/lists/{id}") == 1, "one look whether the list is there"


def test_removing_from_a_list_that_is_gone_says_so(sendgrid: SendGrid) -> None:
    with pytest.raises(errors.ListNotFound):
        sendgrid.remove_from_list(NOBODY, [NOBODY])


def watched(make_transport: Callable[..., Transport]) -> tuple[Transport, list[str]]:
    """A transport, and the URLs that it will have asked for."""
    urls: list[str] = []

    class Watching(Transport):
        def url(self, *args: Any, **options: Any) -> str:
            urls.append(super().url(*args, **options))
            return urls[-1]

    transport = make_transport()
    transport.__class__ = Watching
    return transport, urls


def test_many_removals_are_cut_so_that_no_url_is_too_long(
    sim: SimulatedSendGrid, sendgrid: SendGrid, make_transport: Callable[..., Transport], list_id: str
) -> None:
    put(sim, sendgrid, list_id, *(f"{number}@example.com" for number in range(500)))
    ids = list(members(sim, list_id).values())
    transport, urls = watched(make_transport)
    removal = SendGrid(transport).remove_from_list(list_id, ids)
    sim.finish_jobs()
    assert members(sim, list_id) == {}
    assert len(removal.job_ids) == 3
    lengths = [len(url) for url in urls]
    assert max(lengths) <= LONGEST_URL
    assert max(lengths) > LONGEST_URL - 40, "as many as fit"
    sent = [
        value
        for url in urls
        for text in parse_qs(urlsplit(url).query).get("contact_ids", [])
        for value in text.split(",")
    ]
    assert sent == ids


def test_what_is_no_contact_id_is_not_sent(sim: SimulatedSendGrid, sendgrid: SendGrid, list_id: str) -> None:
    for value in ("", "a,b", "a&delete_all_contacts=true"):
        with pytest.raises(ValueError, match="not a contact id"):
            sendgrid.remove_from_list(list_id, [value])
    assert sim.stats()["requests"] == {}


def test_removing_nobody_asks_nothing(sim: SimulatedSendGrid, sendgrid: SendGrid, list_id: str) -> None:
    assert sendgrid.remove_from_list(list_id, []).job_ids == ()
    assert sim.stats()["requests"] == {}


# Deletion from the account


def test_one_contact_is_deleted_by_its_id_and_nothing_else_is_said(
    sim: SimulatedSendGrid, sendgrid: SendGrid, make_transport: Callable[..., Transport], list_id: str
) -> None:
    put(sim, sendgrid, list_id, "ann@example.com", "bob@example.com")
    contact = sendgrid.search_emails(["ann@example.com"]).found["ann@example.com"]
    assert contact.address == "ann@example.com"
    transport, urls = watched(make_transport)
    job_id = SendGrid(transport).delete_contact(contact.id)
    sim.finish_jobs()
    assert sendgrid.job(job_id).deleted == 1
    assert members(sim, list_id).keys() == {"bob@example.com"}
    assert {urlsplit(url).query for url in urls} == {f"ids={contact.id}"}


@pytest.mark.parametrize("no_id", ["", "a,b", "x&delete_all_contacts=true", "a b"])
def test_what_is_no_single_id_deletes_nobody(sim: SimulatedSendGrid, sendgrid: SendGrid, no_id: str) -> None:
    with pytest.raises(ValueError, match="not a contact id"):
        sendgrid.delete_contact(no_id)
    assert sim.stats()["requests"] == {}


# Answers that are not as they should be


@pytest.mark.parametrize("answer", ["[]", "null", "{}", '{"job_id": 7}', '{"job_id": "../x"}', '"text"', ""])
def test_an_accepted_batch_without_a_job_may_have_been_taken(
    sim: SimulatedSendGrid, sendgrid: SendGrid, list_id: str, answer: str
) -> None:
    sim.fault(**UPSERT, status=202, body=answer)
    with pytest.raises(errors.SendGridUnavailable) as caught:
        sendgrid.upsert(batch(list_id, "ann@example.com"))
    assert caught.value.maybe_taken


def test_unknown_keys_and_odd_members_of_an_answer_are_passed_over(sim: SimulatedSendGrid, sendgrid: SendGrid) -> None:
    result = {
        "ann@example.com": {"contact": {"id": "a-1", "list_ids": None, "segment_ids": None, "new": {}}},
        "bob@example.com": {"error": "contact not found"},
        "eve@example.com": None,
        "joe@example.com": {"contact": {"id": None}},
    }
    sim.fault(**SEARCH, status=200, body=json.dumps({"result": result, "more": 1}))
    found = sendgrid.search_emails(list(result)).found
    assert {address: (contact.id, contact.list_ids) for address, contact in found.items()} == {
        "ann@example.com": ("a-1", frozenset())
    }


def test_what_a_report_on_an_export_leaves_out_is_made_up_for(sim: SimulatedSendGrid, sendgrid: SendGrid) -> None:
    route = "/v3/marketing/contacts/exports/*"
    sim.fault(route=route, status=200, body='{"status": "READY", "urls": ["https://x.example/f?sig=s", 5], "new": 1}')
    ready = sendgrid.export_status("e-1")
    assert (ready.status, ready.urls, ready.contact_count) == ("ready", ("https://x.example/f?sig=s",), 0)
    assert "sig" not in repr(ready)
    sim.fault(route=route, status=200, body='{"urls": null}')
    assert sendgrid.export_status("e-1") == ContactExport("e-1", "pending", 0, None, ())


# Exports


def test_the_members_of_a_list_are_exported_into_files(
    sim: SimulatedSendGrid, sendgrid: SendGrid, list_id: str
) -> None:
    sim.configure(export_megabyte=2000)
    addresses = {f"{number}@example.com" for number in range(50)}
    put(sim, sendgrid, list_id, *addresses)
    put(sim, sendgrid, sim.create_list("Another"), "stranger@example.com")
    export_id = sendgrid.create_export(list_id, max_file_size=1)
    sim.finish_jobs()
    export = sendgrid.export_status(export_id)
    assert (export.status, export.contact_count) == ("ready", 50)
    assert len(export.urls) > 1
    assert export.expires_at
    downloads = Downloads(sim.url)
    lines = [line for url in export.urls for line in b"".join(downloads.fetch(url)).splitlines()]
    assert {json.loads(line)["email"] for line in lines} == addresses


def test_an_export_that_sendgrid_does_not_know_is_not_found(sendgrid: SendGrid) -> None:
    with pytest.raises(errors.JobNotFound):
        sendgrid.export_status(NOBODY)
    with pytest.raises(errors.ListNotFound):
        sendgrid.create_export(NOBODY)

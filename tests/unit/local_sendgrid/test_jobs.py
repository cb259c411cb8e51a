import time

import pytest
import requests

from local.sendgrid.control import SimulatedSendGrid
from tests.unit.local_sendgrid.conftest import CONTACTS, LISTS, Api, errors_of, settled


def test_a_pending_job_tells_nothing_then_only_what_was_requested(sim: SimulatedSendGrid, api: Api) -> None:
    job_id = api.upsert({"email": "a@example.com"}).json()["job_id"]
    first, second = api.job(job_id), api.job(job_id)
    assert first["status"] == second["status"] == "pending"
    assert "results" not in first
    assert "finished_at" not in second
    assert second["results"] == {"requested_count": 1}


def test_a_finished_job_leaves_out_zero_counts(sim: SimulatedSendGrid, api: Api) -> None:
    job = settled(sim, api, api.upsert({"email": "a@example.com"}))
    assert (job["status"], job["job_type"]) == ("completed", "upsert_contacts")
    assert job["results"] == {"requested_count": 1, "created_count": 1}
    assert job["finished_at"]


def test_a_job_whose_rows_all_fail_has_failed(sim: SimulatedSendGrid, api: Api) -> None:
    job = settled(sim, api, api.upsert({"email": "a@example.com", "city": "x" * 61}))
    assert job["status"] == "failed"
    assert job["results"]["errored_count"] == 1
    assert set(errors_of(job)) == {"a@example.com"}


def test_jobs_end_by_themselves(sim: SimulatedSendGrid, api: Api) -> None:
    sim.configure(job_seconds=0)
    job_id = api.upsert({"email": "a@example.com"}).json()["job_id"]
    deadline = time.monotonic() + 30
    while api.job(job_id)["status"] == "pending":
        assert time.monotonic() < deadline
    assert sim.addresses() == {"a@example.com"}


def test_an_unknown_job_is_not_found(api: Api) -> None:
    assert api.call("GET", f"{CONTACTS}/imports/none").status_code == 404


def test_a_job_can_be_made_to_fail(sim: SimulatedSendGrid, api: Api) -> None:
    sim.fault(route=CONTACTS, method="PUT", job="failed")
    job = settled(sim, api, api.upsert({"email": "a@example.com"}))
    assert (job["status"], job["results"]["errored_count"]) == ("failed", 1)
    assert sim.addresses() == set()


def test_a_job_can_be_made_never_to_end(sim: SimulatedSendGrid, api: Api) -> None:
    sim.fault(route=CONTACTS, job="never")
    assert settled(sim, api, api.upsert({"email": "a@example.com"}))["status"] == "pending"


def test_a_list_removal_can_be_accepted_and_do_nothing(sim: SimulatedSendGrid, api: Api) -> None:
    list_id = sim.create_list("Newsletter")
    settled(sim, api, api.upsert({"email": "a@example.com"}, lists=(list_id,)))
    contact = sim.members()["a@example.com"]["id"]
    sim.fault(route="/v3/marketing/lists/{id}/contacts", method="DELETE", job="nothing")
    job = settled(sim, api, api.call("DELETE", f"{LISTS}/{list_id}/contacts?contact_ids={contact}"))
    assert job["status"] == "completed"
    assert sim.addresses(list_id) == {"a@example.com"}


@pytest.mark.parametrize(("fate", "status"), [("errors_gone", 404), ("errors_garbled", 200)])
def test_the_errors_file_can_be_gone_or_garbled(sim: SimulatedSendGrid, api: Api, fate: str, status: int) -> None:
    sim.fail_rows(["a@example.com"])
    sim.fault(route=CONTACTS, job=fate)
    job = settled(sim, api, api.upsert({"email": "a@example.com"}))
    response = requests.get(job["results"]["errors_url"], timeout=30)
    assert response.status_code == status
    assert "primary_email" not in response.text


def test_the_errors_file_can_be_missing(sim: SimulatedSendGrid, api: Api) -> None:
    sim.fail_rows(["a@example.com"])
    sim.fault(route=CONTACTS, job="errors_missing")
    job = settled(sim, api, api.upsert({"email": "a@example.com"}))
    assert job["results"] == {"requested_count": 1, "errored_count": 1}

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.sendgrid.control import SimulatedSendGrid
from tests.unit.local_sendgrid.openapi import check

KEY = "SG.test.full-access"
CONTACTS = "/v3/marketing/contacts"
LISTS = "/v3/marketing/lists"
FIELDS = "/v3/marketing/field_definitions"


class Api:
    """A client of the simulated service that holds every answer against SendGrid's OpenAPI files."""

    def __init__(self, base: str, session: requests.Session) -> None:
        self._base = base
        self._session = session

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        response = self._session.request(method, self._base + path, timeout=30, **options)
        check(response)
        return response

    def upsert(self, *contacts: object, lists: tuple[str, ...] = ()) -> requests.Response:
        return self.call("PUT", CONTACTS, json={"list_ids": list(lists), "contacts": list(contacts)})

    def job(self, job_id: str) -> dict[str, Any]:
        document: dict[str, Any] = self.call("GET", f"{CONTACTS}/imports/{job_id}").json()
        return document


@pytest.fixture(scope="session")
def simulated() -> Iterator[SimulatedSendGrid]:
    with SimulatedSendGrid(KEY) as running:
        yield running


@pytest.fixture
def sim(simulated: SimulatedSendGrid) -> SimulatedSendGrid:
    """The simulated service, emptied; jobs end when a test says so."""
    simulated.reset()
    simulated.configure(job_seconds=300)
    return simulated


@pytest.fixture
def api(sim: SimulatedSendGrid) -> Iterator[Api]:
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {KEY}"
        yield Api(sim.url, session)


def settled(sim: SimulatedSendGrid, api: Api, response: requests.Response) -> dict[str, Any]:
    """Let the job that this answer announces end, and give its status."""
    assert response.status_code in (200, 202), response.text
    sim.finish_jobs()
    return api.job(response.json()["job_id"])


def errors_of(job: dict[str, Any]) -> dict[str, str]:
    """Fetch a job's errors_url: address -> message."""
    response = requests.get(job["results"]["errors_url"], timeout=30)
    assert response.status_code == 200
    header, *rows = csv.reader(io.StringIO(response.text))
    assert header == ["primary_email", " contact_id", " errors_occurred"]
    return {address: message for address, _, message in rows}


def messages(response: requests.Response) -> list[tuple[str | None, str]]:
    return [(error["field"], error["message"]) for error in response.json()["errors"]]

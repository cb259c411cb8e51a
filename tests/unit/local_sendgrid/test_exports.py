import csv
import gzip
import io
import json

import requests

from local.sendgrid.control import SimulatedSendGrid
from tests.unit.local_sendgrid.conftest import CONTACTS, Api, settled

EXPORTS = f"{CONTACTS}/exports"


def fetched(api: Api, export_id: str) -> list[str]:
    status = api.call("GET", f"{EXPORTS}/{export_id}").json()
    assert status["status"] == "ready"
    return [gzip.decompress(requests.get(url, timeout=30).content).decode() for url in status["urls"]]


def test_an_export_lists_a_list_once_it_is_ready(sim: SimulatedSendGrid, api: Api) -> None:
    list_id, tier = sim.create_list("Newsletter"), sim.define_field("tier")
    settled(sim, api, api.upsert({"email": "a@example.com", "custom_fields": {tier: "Gold"}}, lists=(list_id,)))
    settled(sim, api, api.upsert({"email": "b@example.com"}))
    started = api.call("POST", EXPORTS, json={"list_ids": [list_id], "file_type": "json"})
    assert started.status_code == 202
    pending = api.call("GET", f"{EXPORTS}/{started.json()['id']}").json()
    assert (pending["status"], pending.get("urls")) == ("pending", None)
    sim.finish_jobs()
    (file,) = fetched(api, started.json()["id"])
    (record,) = map(json.loads, file.splitlines())
    assert (record["email"], record["tier"]) == ("a@example.com", "Gold")
    assert record["contact_id"] == sim.members()["a@example.com"]["id"]
    (listed,) = api.call("GET", EXPORTS).json()["result"]
    assert (listed["export_type"], listed["lists"]) == ("list_export", [{"ID": list_id, "Name": "Newsletter"}])


def test_a_small_file_size_cuts_an_export_into_several_files(sim: SimulatedSendGrid, api: Api) -> None:
    sim.configure(export_megabyte=1_000)
    settled(sim, api, api.upsert(*({"email": f"a{number}@example.com"} for number in range(20))))
    export_id = api.call("POST", EXPORTS, json={"max_file_size": 1}).json()["id"]
    sim.finish_jobs()
    files = fetched(api, export_id)
    assert len(files) > 2
    rows = [row for file in files for row in csv.DictReader(io.StringIO(file))]
    assert {row["EMAIL"] for row in rows} == sim.addresses()
    assert api.call("GET", f"{EXPORTS}/{export_id}").json()["contact_count"] == len(rows) == 20


def test_export_files_want_no_authorization(sim: SimulatedSendGrid, api: Api) -> None:
    export_id = api.call("POST", EXPORTS, json={}).json()["id"]
    sim.finish_jobs()
    (url,) = api.call("GET", f"{EXPORTS}/{export_id}").json()["urls"]
    assert ".gzip" in url
    assert requests.get(url, headers={"Authorization": "Bearer SG.x"}, timeout=30).status_code == 400
    assert requests.get(url.replace("/1.", "/2."), timeout=30).status_code == 404


def test_an_export_can_fail(sim: SimulatedSendGrid, api: Api) -> None:
    sim.fault(route=EXPORTS, method="POST", job="failed")
    export_id = api.call("POST", EXPORTS, json={}).json()["id"]
    sim.finish_jobs()
    status = api.call("GET", f"{EXPORTS}/{export_id}").json()
    assert status["status"] == "failure"
    assert status["message"]


def test_bad_exports_are_refused(api: Api) -> None:
    assert api.call("POST", EXPORTS, json={"file_type": "xml"}).status_code == 400
    assert api.call("POST", EXPORTS, json={"max_file_size": 0}).status_code == 400
    assert api.call("POST", EXPORTS, json={"list_ids": ["00000000-0000-4000-8000-000000000000"]}).status_code == 404
    assert api.call("GET", f"{EXPORTS}/none").status_code == 404

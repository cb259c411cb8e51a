import os
import subprocess
import sys
import time

import pytest

from local.sendgrid.control import SimulatedSendGrid
from tests.unit.local_sendgrid.conftest import CONTACTS, LISTS, Api, settled


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_statistics_count_requests_contacts_and_bytes_in_order(sim: SimulatedSendGrid, api: Api) -> None:
    api.upsert({"email": "a@example.com"}, {"email": "b@example.com"})
    api.upsert({"email": "no"})
    api.call("GET", LISTS)
    stats = sim.stats(log=True)
    assert stats["requests"] == {f"PUT {CONTACTS}": {"202": 1, "400": 1}, f"GET {LISTS}": {"200": 1}}
    assert (stats["contacts"], stats["most_contacts"], stats["stored"]) == (2, 2, 0)
    assert stats["largest_body"] == stats["log"][0]["bytes"] > stats["log"][1]["bytes"]
    assert [entry["request"] for entry in stats["log"]] == [f"PUT {CONTACTS}", f"PUT {CONTACTS}", f"GET {LISTS}"]
    assert sim.stats()["log"] == []


def test_reset_empties_the_account_and_keeps_the_first_keys(sim: SimulatedSendGrid, api: Api) -> None:
    list_id = sim.create_list("Newsletter", "11111111-2222-4333-8444-555555555555")
    assert list_id == "11111111-2222-4333-8444-555555555555"
    settled(sim, api, api.upsert({"email": "a@example.com"}, lists=(list_id,)))
    api.upsert({"email": "b@example.com"})
    sim.fault(status=500, times=None)
    sim.reset()
    assert (sim.pending_jobs(), sim.members(), sim.stats()["requests"]) == (0, {}, {})
    assert api.call("GET", LISTS).json()["result"] == []


def test_members_and_single_contacts_can_be_looked_at(sim: SimulatedSendGrid, api: Api) -> None:
    settled(sim, api, api.upsert(*({"email": f"a{number}@example.com"} for number in range(12_000))))
    assert len(list(sim.iter_members())) == len(sim.addresses()) == 12_000
    found = sim.contact("A7@example.com")
    assert found is not None
    assert found["email"] == "a7@example.com"
    assert sim.contact("b@example.com") is None


def test_wrong_settings_are_refused(sim: SimulatedSendGrid) -> None:
    with pytest.raises(ValueError, match="unknown settings: speed"):
        sim.configure(speed=1)


def test_the_process_ends_with_its_context() -> None:
    with SimulatedSendGrid() as running:
        pid = running.pid
        assert _alive(pid)
    assert not _alive(pid)
    assert running.pid == 0


def test_the_process_ends_when_its_parent_dies() -> None:
    program = (
        "import os\nfrom local.sendgrid.control import SimulatedSendGrid\n"
        "sim = SimulatedSendGrid().__enter__()\nprint(sim.pid, flush=True)\nos._exit(0)"
    )
    parent = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=60)
    pid = int(parent.stdout)
    deadline = time.monotonic() + 30
    while _alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)

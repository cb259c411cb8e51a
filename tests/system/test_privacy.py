"""What a run leaves behind: addresses and names in the report only, keys nowhere."""

import json

from local.stack import Stack
from tests.system.scene import Scene

STAY, GO, ERRORED, NAMED, FORBIDDEN = (
    f"{word}@private-person.example"
    for word in ("stay.zwart", "go.zwart", "errored.zwart", "named.zwart", "said.zwart")
)
FIRST_NAME, LAST_NAME, BAD_ADDRESS = "Wilhelmina", "Zwartkruis", "zwartkruis at home"


def test_neither_log_nor_records_name_a_person_or_a_key(stack: Stack, scene: Scene) -> None:
    """A run with every kind of refusal, then one whose error from SendGrid quotes an address."""
    sendgrid = stack.sendgrid
    key = scene.connect()
    mapping = {"email": "EMail", "first_name": "FirstName", "last_name": "LastName"}
    scene.export(mapping=mapping, run_on_landing=False)
    land(scene, STAY, GO)
    assert scene.start()["state"] == "successful"

    land(scene, STAY, ERRORED, NAMED, BAD_ADDRESS, STAY)
    words = f"{ERRORED} of {FIRST_NAME} {LAST_NAME} refused"
    sendgrid.fail_rows(dict.fromkeys((STAY, ERRORED, NAMED), words))
    named = {"errors": [{"field": "contacts[1].email", "message": f"'{NAMED}' is not valid"}]}
    sendgrid.fault(route="/v3/marketing/contacts", method="PUT", status=400, body=json.dumps(named))
    run = scene.start(mode="full")
    sendgrid.fail_rows([])
    assert run["state"] == "completed_with_warnings"
    assert (run["counts"]["rejected_by_sendgrid"], run["counts"]["removed"]) == (3, 1)
    report = scene.report(run)
    assert sorted(line["stage"] for line in report) == ["prepare", "prepare", "send", "settle", "settle"]
    assert {line["email"] for line in report} == {BAD_ADDRESS, STAY, ERRORED, NAMED}

    said = {"errors": [{"field": "", "message": f"{FORBIDDEN} may not be stored with key {key}"}]}
    fault = sendgrid.fault(route="/v3/marketing/contacts", method="PUT", times=None, status=400, body=json.dumps(said))
    failed = scene.start(mode="full")
    sendgrid.clear_faults(fault)
    assert failed["state"] == "failed"
    scene.rest()

    kept = {item.name for item in stack.storage.runs.list(f"{scene.export_id}/")}
    assert all(name.endswith(("/run.json", "/report.csv")) for name in kept)  # no plan outlives its run
    texts = {name: stack.storage.runs.read(name).content.decode() for name in kept if name.endswith("run.json")}
    texts["turn"] = stack.storage.state.read(f"{scene.export_id}/turn.json").content.decode()
    texts["log"] = stack.host_log.read_text(encoding="utf-8")
    ends = [json.loads(line[line.index("{") :]) for line in texts["log"].splitlines() if '"run_ended"' in line]
    assert [line["state"] for line in ends if line["export_id"] == scene.export_id] == [
        "successful",
        "completed_with_warnings",
        "failed",
    ]
    secrets = (key, stack.function_key, stack.master_key)
    for name, text in texts.items():
        found = [each for each in ("zwart", FIRST_NAME.lower(), "private-person") if each in text.lower()]
        assert not found, name
        assert not any(secret in text for secret in secrets), name


def land(scene: Scene, *addresses: str) -> None:
    lines = [f"{address},{FIRST_NAME},{LAST_NAME}" for address in addresses]
    scene.land("\n".join(["EMail,FirstName,LastName", *lines, ""]).encode())

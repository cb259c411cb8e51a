"""The Customer Insights export of tests/data, traps and all, from landing to list, by the blob trigger alone."""

from pathlib import Path

import pytest

from local.stack import Stack
from tests.system.scene import Document, Scene

EXPORT = Path(__file__).parents[1] / "data" / "customer-insights-export"
SEGMENT = "HighValueCustomers"
FIRST, SECOND = (f"{SEGMENT}/2022/04/27/0300/{SEGMENT}_{number}.csv" for number in (1, 2))

MAPPING = {
    "email": "EMail",
    "first_name": "FirstName",
    "last_name": "LastName",
    "city": "City",
    "state_province_region": "State",
    "postal_code": "PostCode",
    "country": "Country",
    "custom_fields": {"ci_spend": "TotalSpend", "ci_born": "DateOfBirth", "ci_consent": "EmailConsent"},
}
PEOPLE = {
    "amelia.hart@example.com",
    "bob.o'neil@example.com",
    "grace.bell@example.org",
    "jonas.weber@example.net",
    "hanako.yamada@example.jp",
    "ana.lopez@example.com",
    "jennifer.null@example.com",
    "minimal@example.com",
    "zoe@xn--exmple-cua.example",
    "layla.haddad@example.com",
    "formula@example.com",
    "max.long@example.com",
    "chidi.okafor@example.ng",
    "sam.ito+news@example.com",
    "marta.silva@example.pt",
}


@pytest.fixture(scope="module")
def scene(stack: Stack) -> Scene:
    """The scene after the export has landed: `location` rewritten to this stack's container, model.json last."""
    for name, kind in (("ci_spend", "Number"), ("ci_born", "Date"), ("ci_consent", "Text")):
        stack.sendgrid.define_field(name, kind)
    scene = Scene(stack)
    scene.connect()
    scene.export(segments=[SEGMENT], mapping=MAPPING)
    here = f"{stack.azurite.blob_url}/{stack.segments.name}"
    for path in sorted(EXPORT.glob("*/**/*.*"), key=lambda path: path.name == "model.json"):
        content = path.read_bytes()
        if path.name == "model.json":
            content = content.replace(
                b"https://contosociexports.blob.core.windows.net/dynamics365customerinsights", here.encode()
            )
        stack.land(path.relative_to(EXPORT).as_posix(), content)
    return scene


@pytest.fixture(scope="module")
def run(scene: Scene) -> Document:
    return scene.wait()


def test_every_row_is_accounted_for(run: Document) -> None:
    assert run["state"] == "completed_with_warnings"
    assert run["kind"] == "segment_landed"
    expected = {
        "rows": 20,
        "malformed": 0,
        "filtered": 0,
        "no_email": 1,
        "invalid_email": 2,
        "duplicate": 2,
        "contacts": 15,
        "upserts": 15,
        "accepted": 15,
        "created": 15,
        "leavers": 0,
    }
    assert {name: run["counts"][name] for name in expected} == expected
    assert run["snapshots"][SEGMENT]["files"] == 2


def test_the_list_holds_the_people_and_nobody_else(scene: Scene, run: Document) -> None:
    assert scene.members.keys() == PEOPLE


def test_fields_arrive_as_they_are_meant(scene: Scene, run: Document) -> None:
    members = scene.members
    assert members["bob.o'neil@example.com"]["first_name"] == 'Robert "Bob"'
    assert members["hanako.yamada@example.jp"]["last_name"] == "山田"
    assert members["jennifer.null@example.com"]["last_name"] == "Null"
    assert members["formula@example.com"]["first_name"] == "=1+1"
    grace = members["grace.bell@example.org"]
    assert grace["postal_code"] == "05860"  # no number
    assert grace["custom_fields"]["ci_spend"] == 2210.10  # the first of her two rows
    assert grace["custom_fields"]["ci_consent"] == "False"
    amelia = members["amelia.hart@example.com"]
    assert amelia["custom_fields"]["ci_spend"] == 1250.50
    assert amelia["custom_fields"]["ci_born"].startswith("1984-02-29T00:00:00")


def test_what_was_cut_is_told(scene: Scene, run: Document) -> None:
    name = scene.members["max.long@example.com"]["first_name"]
    assert len(name) == 50
    assert "MaximilianaMaximilianaMaximilianaMaximilianaMaximilianaAnnab".startswith(name)
    assert sum(run["warnings"].values()) == 1
    assert "1 value cut" in run["reason"]


def test_every_reject_is_in_the_report_with_its_row(scene: Scene, run: Document) -> None:
    lines = [(line["file"].split("/", 2)[2], line["row"], line["code"], line["email"]) for line in scene.report(run)]
    assert lines == [
        (FIRST, "6", "no_email", ""),
        (FIRST, "8", "invalid_email", "not-an-email"),
        (SECOND, "1", "duplicate", "amelia.hart@example.com"),
        (SECOND, "2", "duplicate", "grace.bell@example.org"),
        (SECOND, "3", "multiple_addresses", "tomasz@example.pl;t.zak@example.pl"),
    ]
    assert {line["stage"] for line in scene.report(run)} == {"prepare"}
    customers = [line["customer_id"] for line in scene.report(run)]
    assert customers[0] == "af8b1c0dac939fbd7322205aac8e25bf"
    assert customers[3] == "6ab35a3e63bd2a29ca21f1c3b4466dce"


def test_the_same_landing_again_sends_nothing(scene: Scene, run: Document) -> None:
    scene.look_from_here()
    again = scene.start()
    assert again["state"] == "completed_with_warnings"  # the same rows are still no contacts
    assert (again["counts"]["unchanged"], again["counts"]["upserts"]) == (15, 0)
    assert scene.writes() == {}

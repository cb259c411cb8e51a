"""A segment lands again: only the difference is sent, and who left the segment leaves the list."""

import pytest

from local.stack import Stack
from tests.system.scene import Scene

FIRST = {f"person{number}@example.com": f"Name{number}" for number in range(10)}


@pytest.fixture
def landed(scene: Scene) -> Scene:
    """Ten people on the list; from now on landings start runs."""
    scene.connect()
    scene.export(run_on_landing=False)
    scene.land_people(FIRST)
    assert scene.start()["state"] == "successful"
    assert scene.members.keys() == FIRST.keys()
    scene.export()
    scene.look_from_here()
    return scene


def test_new_changed_and_gone_people_are_all_that_is_sent(landed: Scene) -> None:
    people = {
        email: name for email, name in FIRST.items() if email not in {"person0@example.com", "person1@example.com"}
    }
    people |= {"person2@example.com": "Renamed", "new@example.com": "New"}
    sent = landed.stack.sendgrid.stats()["contacts"]
    landed.land_people(people)
    run = landed.wait()
    assert (run["state"], run["kind"]) == ("successful", "segment_landed")
    expected = {"contacts": 9, "unchanged": 7, "upserts": 2, "created": 1, "updated": 1, "leavers": 2, "removed": 2}
    assert {name: run["counts"][name] for name in expected} == expected
    assert landed.stack.sendgrid.stats()["contacts"] - sent == 2
    assert {email: member["first_name"] for email, member in landed.members.items()} == people


def test_leavers_stay_contacts_of_the_account(landed: Scene) -> None:
    landed.land_people({email: name for email, name in FIRST.items() if email != "person0@example.com"})
    assert landed.wait()["counts"]["removed"] == 1
    assert "person0@example.com" not in landed.members
    assert landed.stack.sendgrid.contact("person0@example.com")
    assert "DELETE /v3/marketing/contacts" not in landed.writes()


def test_a_run_on_demand_of_what_is_already_there_sends_nothing(landed: Scene) -> None:
    run = landed.start()
    assert (run["state"], run["kind"]) == ("successful", "on_demand")
    assert (run["counts"]["unchanged"], run["counts"]["upserts"], run["counts"]["leavers"]) == (10, 0, 0)
    assert landed.writes() == {}


def test_a_full_run_sends_everybody_again(landed: Scene) -> None:
    run = landed.start(mode="full")
    assert (run["mode"], run["counts"]["upserts"], run["counts"]["updated"]) == ("full", 10, 10)
    assert landed.members.keys() == FIRST.keys()


def test_a_dry_run_tells_and_sends_nothing(landed: Scene) -> None:
    landed.export(run_on_landing=False)
    landed.land_people({"person0@example.com": "Renamed", **dict(list(FIRST.items())[1:8]), "new@example.com": "New"})
    run = landed.start(dry_run=True)
    assert run["state"] == "successful"
    assert "nothing was sent" in run["reason"]
    assert (run["counts"]["upserts"], run["counts"]["leavers"]) == (2, 2)
    assert landed.writes() == {}
    assert landed.start()["counts"]["accepted"] == 2  # and nothing was taken for done


def test_force_lets_a_segment_shrink(landed: Scene) -> None:
    landed.export(run_on_landing=False)
    landed.land_people({"person0@example.com": "Name0"})
    assert landed.start()["state"] == "skipped"
    assert landed.start(force=True)["counts"]["removed"] == 9
    assert landed.members.keys() == {"person0@example.com"}


def test_what_another_export_of_the_list_holds_stays(stack: Stack, landed: Scene) -> None:
    other = Scene(stack)
    other.connect()
    other.export(list_id=landed.list_id)
    other.land_people({"person0@example.com": "Name0", "other@example.com": "Other"})
    assert other.wait()["state"] == "successful"
    landed.land_people(
        {email: name for email, name in FIRST.items() if email not in {"person0@example.com", "person1@example.com"}}
    )
    run = landed.wait()
    assert (run["counts"]["kept_by_other_export"], run["counts"]["removed"]) == (1, 1)
    assert landed.members.keys() == (FIRST.keys() - {"person1@example.com"}) | {"other@example.com"}


def test_contacts_that_sendgrid_refuses_are_reported_and_tried_again(landed: Scene) -> None:
    landed.stack.sendgrid.fail_rows({"refused@example.com": "no such mailbox here"})
    landed.land_people({**FIRST, "refused@example.com": "R", "new@example.com": "New"})
    run = landed.wait()
    landed.stack.sendgrid.fail_rows([])
    assert run["state"] == "completed_with_warnings"
    assert (run["counts"]["accepted"], run["counts"]["rejected_by_sendgrid"]) == (1, 1)
    [line] = landed.report(run)
    assert (line["file"], line["row"], line["email"], line["stage"], line["message"]) == (
        f"{landed.segment}.csv",
        "11",
        "refused@example.com",
        "settle",
        "no such mailbox here",
    )
    again = landed.start()
    assert (again["counts"]["upserts"], again["counts"]["accepted"]) == (1, 1)
    assert "refused@example.com" in landed.members

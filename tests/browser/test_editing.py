"""Changing things: nothing is lost, nothing is overwritten unseen, and what costs people says how many."""

from typing import TYPE_CHECKING

from local.stack import Stack
from tests.browser.console import Console
from tests.browser.scene import MAPPING, Scene

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog

HOSTILE = '<img src=x onerror="window.hit=1">'


def test_an_edit_that_comes_second_is_shown_what_the_first_has_changed(console: Console, scene: Scene) -> None:
    scene.connect()
    scene.land()
    scene.put()
    console.open(f"exports/{scene.export}/edit")
    console.page.get_by_label("Name", exact=True).fill("Mine")
    scene.put(display_name="Theirs", max_profiles=5)
    console.click("Save")
    console.sees("Not saved: somebody else was quicker")
    console.sees("Written by other means than this app, ")
    console.sees(f"{scene.name} → Theirs")
    console.sees("100000 → 5")
    console.click("Take theirs, drop mine")
    console.holds("Name", "Theirs")
    console.page.get_by_label("Name", exact=True).fill("Both")
    console.click("Save")
    console.at("Both")


def test_a_connection_is_not_overwritten_unseen(console: Console, scene: Scene) -> None:
    scene.connect()
    console.open(f"connections/{scene.connection}")
    console.click("Edit")
    console.page.get_by_label("Name", exact=True).fill("Mine")
    path = f"/api/connections/{scene.connection}"
    document = {"display_name": "Theirs", "api_key_secret": f"sendgrid-{scene.connection}"}
    scene.stack.http("PUT", path, json=document, headers={"If-Match": "*"})
    console.click("Save")
    console.sees("Saved by function key, ")
    console.sees(f"{scene.connection.title()} → Theirs")
    console.click("Take theirs, drop mine")
    console.at("Theirs")
    console.open("connections")
    assert "by function key" in console.page.get_by_role("row", name="Theirs").first.inner_text()


def test_what_is_typed_is_not_lost_by_a_wrong_click(console: Console, scene: Scene) -> None:
    scene.connect()
    scene.put()
    asked: list[str] = []

    def stay(dialog: "Dialog") -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    console.page.on("dialog", stay)
    console.open(f"exports/{scene.export}/edit")
    console.page.get_by_label("Name", exact=True).fill("Half done")
    with console.page.expect_event("dialog"):
        console.click("History", role="link")
    console.holds("Name", "Half done")
    assert len(asked) == 1


def test_what_is_missing_is_said_and_nothing_is_saved(console: Console, scene: Scene) -> None:
    scene.connect()
    console.open("exports/new")
    console.page.get_by_label("Name", exact=True).fill(scene.export)
    console.click("Save")
    console.sees("Not saved yet. Something is missing:")
    console.sees("Choose at least one segment.")
    assert scene.stack.http("GET", f"/api/exports/{scene.export}").status_code == 404


def test_a_schedule_shows_its_next_five_times(console: Console, scene: Scene) -> None:
    scene.connect()
    scene.land()
    scene.put()
    console.open(f"exports/{scene.export}/edit")
    console.page.get_by_label("By the clock").select_option("week")
    console.page.get_by_label("At", exact=True).fill("06:30")
    console.page.get_by_label("Time zone").fill("Europe/Athens")
    console.page.get_by_label("Thu").check()
    console.sees("6:30 AM")
    assert console.page.locator(".times li").count() == 5
    console.click("Save")
    console.at(scene.name)
    saved = scene.stack.http("GET", f"/api/exports/{scene.export}").json()
    assert (saved["schedule"], saved["timezone"]) == ("30 6 * * 1,4", "Europe/Athens")


def test_people_elsewhere_see_their_own_times_and_the_labels_that_they_know(
    browser: "Browser", stack: Stack, scene: Scene
) -> None:
    scene.connect()
    scene.land()
    scene.put(schedule="0 7 * * *", timezone="Europe/Athens")
    console = Console(browser, stack, key=stack.function_key, locale="el-GR", timezone_id="Asia/Tokyo")
    console.open(f"exports/{scene.export}/edit")
    console.sees("Ηλεκτρονικό ταχυδρομείο")
    console.sees("GMT+9 where you are")
    console.page.get_by_label("Field names also in").select_option("eu")
    console.sees("posta kodea")
    console.close()
    assert not console.errors


def test_a_connection_in_use_cannot_be_removed_and_says_by_what(console: Console, scene: Scene) -> None:
    scene.connect()
    scene.put()
    console.open(f"connections/{scene.connection}")
    console.click("Remove connection")
    dialog = console.page.get_by_role("dialog")
    dialog.get_by_role("link", name=scene.name).wait_for()
    assert dialog.get_by_role("button", name="Remove connection").count() == 0
    console.click("Cancel", within=dialog)
    console.page.get_by_role("link", name=scene.name).click()
    console.page.get_by_text("More", exact=True).click()
    console.click("Detach connection …")
    console.click("Detach")
    console.sees("No connection")
    console.open(f"connections/{scene.connection}")
    console.click("Remove connection")
    console.click("Remove connection", within=console.page.get_by_role("dialog"))
    console.at("Connections")
    assert scene.stack.http("GET", f"/api/connections/{scene.connection}").status_code == 404


def test_an_export_is_removed_with_its_people_after_saying_how_many(console: Console, scene: Scene) -> None:
    scene.connect()
    scene.land(12)
    scene.put()
    scene.run()
    assert len(scene.members) == 12
    console.open(f"exports/{scene.export}")
    console.page.get_by_text("More", exact=True).click()
    console.click("Remove …")
    console.page.get_by_label("Take all 12 off the list").check()
    console.click("Take 12 people off and remove the export")
    assert console.follow() == "Successful"
    assert scene.members == {}
    console.open("exports")
    assert console.page.get_by_role("link", name=scene.name).count() == 0


def test_an_export_is_paused_enabled_and_duplicated(console: Console, scene: Scene) -> None:
    scene.connect()
    scene.land()
    scene.put()
    console.open(f"exports/{scene.export}")
    console.page.get_by_text("More", exact=True).click()
    console.click("Pause")
    console.sees("Paused")
    console.page.get_by_text("More", exact=True).click()
    console.click("Enable")
    console.sees("Never run")
    console.page.get_by_text("More", exact=True).click()
    console.click("Duplicate", role="link")
    console.holds("Name", f"Copy of {scene.name}")
    console.page.get_by_label("SendGrid list").select_option(scene.list_id)
    console.click("Save")
    console.at(f"Copy of {scene.name}")


def test_hostile_names_are_only_text(console: Console, scene: Scene) -> None:
    scene.connect(display_name=HOSTILE)
    scene.segment = 'Segment <b onclick="window.hit=1">&amp;'
    column = "<script>window.hit=1<\\script>"
    scene.land(columns={column: "value"})
    scene.put(display_name=HOSTILE, mapping=MAPPING | {"city": column})
    console.open(f"exports/{scene.export}/edit")
    console.holds("City optional", column)
    console.sees("p•••@e•••.com")
    for address in (
        "",
        "exports",
        f"exports/{scene.export}",
        "segments",
        "connections",
        f"connections/{scene.connection}",
    ):
        console.open(address)
    console.open("segments")
    console.sees(scene.segment)
    assert console.page.evaluate("window.hit") is None
    assert console.page.locator("main img, main b, main script").count() == 0

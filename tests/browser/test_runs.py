"""Running and watching: what a run's page says of runs that go well, not so well, and not at all."""

import csv
import re
import time
from datetime import UTC, datetime, timedelta

from tests.browser.console import Console
from tests.browser.scene import BAD_ROWS, Scene


def test_a_dry_run_tells_what_would_be_done_and_sends_nothing(console: Console, scene: Scene) -> None:
    scene.connect()
    scene.land(5, rows=BAD_ROWS)
    scene.put()
    console.open(f"exports/{scene.export}")
    console.page.get_by_role("button", name="Dry run").first.click()
    assert console.follow() == "Completed with warnings"
    console.sees("What a run would do")
    console.sees("A real run would send 5 contacts and take 0 people off the list.")
    assert scene.members == {}
    console.click("Run now")
    console.sees("What became of every row")
    assert len(scene.members) == 5


def test_a_run_with_warnings_accounts_for_every_row_and_gives_the_report(console: Console, scene: Scene) -> None:
    scene.connect()
    scene.land(5, rows=BAD_ROWS)
    scene.put()
    console.open(f"exports/{scene.export}")
    console.page.get_by_role("button", name="Run now").first.click()
    assert console.follow() == "Completed with warnings"
    console.sees("5 + 0 + 0 + 1 + 1 + 0 = 7")
    console.sees("this is no e-mail address")
    console.sees("the e-mail address is empty")
    with console.page.expect_download() as download:
        console.click("Download report")
    with download.value.path().open(newline="") as file:
        assert [row["code"] for row in csv.DictReader(file)] == ["no_email", "invalid_email"]


def test_a_failed_run_says_what_to_do(console: Console, scene: Scene) -> None:
    scene.connect(scopes=["mail.send"])
    scene.land()
    scene.put()
    console.open(f"exports/{scene.export}")
    console.page.get_by_role("button", name="Run now").first.click()
    assert console.follow() == "Failed"
    advice = console.page.get_by_role("alert").inner_text()
    assert "What to do:" in advice
    assert "Marketing" in advice, "which right the key lacks"
    console.open(f"exports/{scene.export}")
    console.sees("Last run: Failed")
    console.sees("What to do:")
    console.open()
    badges = console.page.locator(".tile .badge").all_inner_texts()
    troubled = [badge in {"Failed", "Skipped", "Completed with warnings", "No connection"} for badge in badges]
    assert troubled == sorted(troubled, reverse=True), "what needs a look comes first"


def test_a_run_under_way_tells_phase_rate_and_time_left(console: Console, scene: Scene) -> None:
    """The figures are put into a real record, so that they are known."""
    scene.connect()
    scene.land()
    scene.put()
    run = scene.run()
    began = datetime.now(UTC) - timedelta(seconds=100)
    going = {"state": "processing", "phase": "send", "ended_at": None, "started_at": began.isoformat()}
    record = run | going | {"progress": {"done": 50_000, "total": 150_000}}
    console.page.route(f"**/api/runs/{run['run_id']}", lambda route: route.fulfill(json=record))
    console.open(f"runs/{run['run_id']}")
    console.sees("50,000 / 150,000")
    text = console.text()
    assert "Sending contacts" in text
    rate = re.search(r"(\d+) contacts/s", text)
    assert rate
    assert 450 <= int(rate[1]) <= 500
    assert re.search(r"about 3 min (2\d|3\d) s", text)


def test_the_history_is_drawn_and_told(console: Console, scene: Scene) -> None:
    scene.connect()
    scene.land(5)
    scene.put()
    scene.run()
    scene.run(mode="full")
    console.open(f"history?export={scene.export}")
    chart = console.page.locator(".chart")
    assert chart.get_by_role("img").count() == 5
    added = str(chart.get_by_role("img").first.get_attribute("aria-label"))
    assert added == "Added in the last 2 runs: at most 5, most recently 0"
    console.page.get_by_label("State", exact=True).select_option("failed")
    console.sees("No run is in this state.")


def test_a_run_is_watched_and_canceled(console: Console, scene: Scene) -> None:
    scene.connect()
    scene.land(20)
    scene.put()
    slow = scene.stack.sendgrid.fault(route="/v3/marketing/contacts", method="PUT", times=None, latency=2.0)
    try:
        console.open(f"exports/{scene.export}")
        console.page.get_by_role("button", name="Run now").first.click()
        console.page.get_by_role("progressbar").wait_for()
        console.click("Cancel run")
        assert console.follow() == "Canceled"
    finally:
        scene.stack.sendgrid.clear_faults(slow)
    console.sees("The run was canceled by function key.")


def test_all_exports_with_a_schedule_are_run_at_once(console: Console, scene: Scene) -> None:
    scene.connect()
    scene.land()
    scene.put(schedule="0 3 1 1 *")
    console.open()
    console.click("Run all")
    console.sees("started.")
    assert scene.stack.wait_for_run(scene.export)["state"] == "successful"
    console.open("history")
    console.page.get_by_role("link", name=scene.name).first.wait_for()


def test_what_happens_elsewhere_shows_up_by_itself(console: Console, scene: Scene) -> None:
    scene.connect()
    scene.land()
    scene.put()
    console.open(f"exports/{scene.export}")
    console.sees("It has not run yet.")
    scene.run()
    began = time.monotonic()
    console.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as when one comes back to the tab
    console.page.get_by_role("link", name="seconds ago").or_(
        console.page.get_by_role("link", name="now")
    ).first.wait_for()
    assert time.monotonic() - began < 15, "at once, not at the next look"

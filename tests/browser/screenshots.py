"""Pictures of the console's pages on a local stack, for the documentation: `make screenshots`.

A company's week in small: a connection is made, a newsletter is kept over some snapshots, one export fails, one is
under way. What is to be seen comes from real runs; only the people are made up.
"""

import datetime as dt
import shutil
import sys
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.demo import MAPPING, land
from local.generator import Segment
from local.stack import ROOT, Stack
from tests.browser.console import PHONE, Console, launch

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOLDER = ROOT / "docs" / "images"
SNAPSHOTS = 9
HIGHEST = 1900  # pixels of a picture
MANY = 120_000
PEOPLE = {"email": "EMail", "first_name": "FirstName", "city": "City"}
# Pictures of the editor, how high each is, and the step that it begins with.
EDITOR = (("editor", 1000, "Destination"), ("editor-matching", 1400, "Data matching"), ("editor-rules", 1880, "Rules"))
CITIES = ("Athens", "Riga", "Zagreb", "Bilbao", "Hong Kong")


class Album:
    """Takes the pictures of one stack."""

    def __init__(self, browser: "Browser", stack: Stack) -> None:
        self._browser, self.stack = browser, stack
        self._windows: list[Console] = []
        self.desk = self._window()

    def _window(self, **options: Any) -> Console:
        window = Console(self._browser, self.stack, key=self.stack.function_key, reduced_motion="reduce", **options)
        self._windows.append(window)
        return window

    def dark(self) -> Console:
        return self._window(color_scheme="dark")

    def phone(self) -> Console:
        return self._window(viewport=PHONE, device_scale_factor=2, has_touch=True)

    def close(self) -> None:
        for window in self._windows:
            window.close()


def picture(
    console: Console, name: str, *, address: str | None = None, whole: bool = True, wait: str = "", top: bool = True
) -> None:
    """Take the page as it is, or the one at `address` once `wait` is to be seen; `whole`: beyond the window's end."""
    page = console.page
    if address is not None:
        console.open(address)
    if wait:
        console.sees(wait)
    before = page.viewport_size or {"width": 1280, "height": 860}
    if top:
        page.evaluate("scrollTo(0, 0)")
    if whole:
        high = int(page.evaluate("document.documentElement.scrollHeight"))
        page.set_viewport_size({"width": before["width"], "height": min(HIGHEST, max(before["height"], high))})
    page.screenshot(path=FOLDER / f"{name}.png")
    page.set_viewport_size({"width": before["width"], "height": before["height"]})
    print(f"{name}.png")  # noqa: T201 -- a command's output


def csv_of(people: int) -> bytes:
    """A clean segment."""
    rows = (f"{i},person{i}@example.com,Name{i},{CITIES[i % len(CITIES)]}\n" for i in range(people))
    return "".join(["CustomerId,EMail,FirstName,City\n", *rows]).encode()


def first_steps(album: Album) -> None:
    """From nothing to a dry run."""
    stack, desk = album.stack, album.desk
    stranger = Console(album._browser, stack)
    stranger.page.goto(stranger.url)
    stranger.page.get_by_label("Function key").wait_for()
    picture(stranger, "door", whole=False)
    stranger.close()
    picture(desk, "welcome", address="", wait="Three steps to the first list", whole=False)
    desk.click("Add connection", role="link")
    desk.page.get_by_label("Name", exact=True).fill("Marketing")
    picture(desk, "connection-new", whole=False)
    desk.click("Save")
    picture(desk, "connection-without-key", wait="does not exist")
    stack.vault.set("sendgrid-marketing", _key(stack))
    desk.page.get_by_label("I have read this").check()
    desk.click("I agree")
    picture(desk, "connection", wait="The connection works")


def _key(stack: Stack, scopes: list[str] | None = None) -> str:
    import secrets

    key = f"SG.{secrets.token_urlsafe(16)}.{secrets.token_urlsafe(32)}"
    stack.sendgrid.add_key(key, scopes)
    return key


def newsletter(album: Album) -> None:
    """The editor, the dry run, and the first run."""
    stack, desk = album.stack, album.desk
    segment = Segment(people=5000)
    list_id = stack.sendgrid.create_list("Newsletter readers")
    for name, kind in (("loyalty_tier", "Text"), ("total_spend", "Number"), ("date_of_birth", "Date")):
        stack.sendgrid.define_field(name, kind)
    land(stack, segment, dt.datetime.now(dt.UTC))
    stack.land("LoyaltyMembers.csv", csv_of(2400))
    desk.open("exports/new")
    desk.page.get_by_label("Name", exact=True).fill("Newsletter")
    desk.page.get_by_label("SendGrid list").select_option(list_id)
    desk.page.get_by_label(segment.name).check()
    desk.holds("Email", "EMail")
    desk.click("Add a custom field")
    desk.page.get_by_label("Custom field 1 in SendGrid").fill("loyalty_tier")
    desk.page.get_by_label("Column for custom field 1").select_option("LoyaltyTier")
    desk.click("Add a condition")
    desk.page.get_by_label("Column of condition 1").select_option("EmailConsent")
    desk.page.get_by_label("Values of condition 1").fill("True")
    desk.page.get_by_label("By the clock").select_option("workday")
    desk.page.get_by_label("Time zone").fill("Europe/Athens")
    desk.sees("where you are")
    desk.page.locator(".sample td").first.wait_for()
    for name, height, step in EDITOR:
        desk.page.set_viewport_size({"width": 1280, "height": height})
        desk.page.get_by_role("link", name=step).click()
        picture(desk, name, whole=False, top=name == "editor")
    desk.page.set_viewport_size({"width": 1280, "height": 860})
    desk.click("Save")
    picture(desk, "export-new", wait="Look before you send", whole=False)
    desk.page.get_by_role("button", name="Dry run").last.click()
    desk.follow()
    picture(desk, "dry-run")


def save(stack: Stack, path: str, **document: Any) -> None:
    """Put a document as a colleague does, through the API."""
    answer = stack.http("PUT", f"/api/{path}", json=document, headers={"If-Match": "*"})
    if answer.status_code == HTTPStatus.PRECONDITION_FAILED:
        answer = stack.http("PUT", f"/api/{path}", json=document, headers={"If-None-Match": "*"})
    answer.raise_for_status()


def kept(stack: Stack, *keys: str) -> dict[str, Any]:
    """These keys of the newsletter's document."""
    document = stack.http("GET", "/api/exports/newsletter").json()
    return {key: document[key] for key in keys}


def history(album: Album) -> None:
    """Snapshot after snapshot of the newsletter; each run is watched to its end."""
    stack, segment = album.stack, Segment(people=5000)
    same = kept(stack, "display_name", "connection", "list_id", "segments", "schedule", "timezone")
    save(stack, "exports/newsletter", **same, mapping=MAPPING)
    for number in range(SNAPSHOTS):
        if number:
            segment = segment.next()
        known = [run["run_id"] for run in stack.runs("newsletter")]
        land(stack, segment, dt.datetime.now(dt.UTC) + dt.timedelta(seconds=number))
        if number == 0:
            stack.http("POST", "/api/exports/newsletter/runs", json={})
        if number == SNAPSHOTS - 1:
            stack.sendgrid.fail_rows(list(dict.fromkeys(segment.addresses()))[::97])
        stack.wait_for_run("newsletter", known=known, seconds=120)
    stack.sendgrid.fail_rows([])


def others(album: Album) -> None:
    """Exports that do well, fail, rest, and are under way."""
    stack = album.stack
    consent = stack.http("GET", "/api/connections/marketing").json()["consent"]
    stack.vault.set("sendgrid-press", _key(stack, ["mail.send"]))
    save(stack, "connections/press", display_name="Press office", api_key_secret="sendgrid-press", consent=consent)
    lists = {name: stack.sendgrid.create_list(name) for name in ("Loyalty members", "Press contacts", "Spring 2027")}
    quiet = {"connection": "marketing", "mapping": PEOPLE, "run_on_landing": False, "schedule": "off"}
    members = quiet | {"segments": ["LoyaltyMembers"], "list_id": lists["Loyalty members"]}
    save(stack, "exports/loyalty", **members | {"display_name": "Loyalty programme", "schedule": "0 6 * * 1"})
    press = {"display_name": "Press contacts", "connection": "press", "list_id": lists["Press contacts"]}
    save(stack, "exports/press", **members | press)
    save(stack, "exports/winback", **members | {"display_name": "Win back", "enabled": False})
    stack.land("EventGuests.csv", b"CustomerId,EMail,FirstName,City\n1,,Ada,Athens\n2,,Ivo,Zagreb\n")
    guests = {"segments": ["EventGuests"], "list_id": stack.sendgrid.create_list("Event guests")}
    save(stack, "exports/guests", **quiet | guests | {"display_name": "Event guests"})
    for export_id in ("loyalty", "press", "guests"):
        stack.http("POST", f"/api/exports/{export_id}/runs", json={})
        stack.wait_for_run(export_id, seconds=120)
    stack.land("SpringVisitors.csv", csv_of(MANY))
    spring = {"segments": ["SpringVisitors"], "list_id": lists["Spring 2027"], "max_profiles": 200_000}
    save(stack, "exports/spring", **quiet | spring | {"display_name": "Spring campaign"})


def running(album: Album) -> None:
    """A large run in the middle of its sending: SendGrid takes its time from the third batch on."""
    stack, desk = album.stack, album.desk
    slow = stack.sendgrid.fault(route="/v3/marketing/contacts", method="PUT", times=None, skip=2, latency=20.0)
    run = stack.http("POST", "/api/exports/spring/runs", json={}).json()
    desk.open(f"runs/{run['run_id']}")
    desk.page.locator("progress[value]").wait_for()
    desk.page.wait_for_timeout(1500)
    picture(desk, "run-running")
    picture(desk, "overview", address="", wait="need")
    dark = album.dark()
    picture(dark, "overview-dark", address="", wait="need")
    phone = album.phone()
    picture(phone, "overview-phone", address="", wait="need", whole=False)
    stack.sendgrid.clear_faults(slow)
    stack.http("POST", f"/api/runs/{run['run_id']}/cancel", json={})
    stack.wait_for_run("spring", seconds=120)


def afterwards(album: Album) -> None:
    """What there is to look at when all has ended."""
    stack, desk, dark, phone = album.stack, album.desk, album.dark(), album.phone()
    latest = stack.runs("newsletter")[-1]["run_id"]
    failed = stack.runs("press")[-1]["run_id"]
    picture(desk, "run-warnings", address=f"runs/{latest}", wait="Why rows were left out")
    picture(dark, "run-warnings-dark", address=f"runs/{latest}", wait="Why rows were left out")
    picture(phone, "run-warnings-phone", address=f"runs/{latest}", wait="What became of every row", whole=False)
    picture(desk, "run-failed", address=f"runs/{failed}", wait="What to do:", whole=False)
    skipped = stack.runs("guests")[-1]["run_id"]
    picture(desk, "run-skipped", address=f"runs/{skipped}", wait="What to do:", whole=False)
    picture(desk, "history", address="history?export=newsletter", wait="Over time")
    picture(desk, "exports", address="exports", whole=False)
    picture(desk, "segments", address="segments", whole=False)
    picture(desk, "connections", address="connections", whole=False)
    picture(desk, "export", address="exports/newsletter", wait="Segment landed")
    picture(phone, "editor-phone", address="exports/newsletter/edit", wait="Data matching", whole=False)
    desk.open("exports/newsletter")
    desk.page.get_by_text("More", exact=True).click()
    desk.click("Remove …")
    desk.page.get_by_label("off the list").check()
    picture(desk, "export-remove", whole=False)
    desk.click("Cancel")
    desk.open("exports/newsletter/edit")
    desk.page.get_by_label("Name", exact=True).fill("Weekly newsletter")
    same = kept(stack, "display_name", "connection", "list_id", "segments", "mapping", "timezone")
    save(stack, "exports/newsletter", **same, schedule="0 7 * * *", max_profiles=20000)
    desk.click("Save")
    desk.page.get_by_text("Not saved: somebody else was quicker").scroll_into_view_if_needed()
    desk.sees("100000 → 20000")
    picture(desk, "conflict", whole=False, top=False)


def main() -> int:
    chromium = shutil.which("chromium")
    if not chromium:
        return 1
    from playwright.sync_api import sync_playwright

    FOLDER.mkdir(parents=True, exist_ok=True)
    acts: tuple[Callable[[Album], None], ...] = (first_steps, newsletter, history, others, running, afterwards)
    with Stack(settings={"LANDING_SETTLE_SECONDS": "0"}) as stack, sync_playwright() as playwright:
        stack.sendgrid.configure(job_seconds=0)
        browser = launch(playwright, Path(chromium))
        album = Album(browser, stack)
        for act in acts:
            act(album)
        album.close()
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

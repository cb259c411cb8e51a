"""Every page for everybody: axe-core's rules in light and dark, on a phone, at once, and without another host."""

from typing import TYPE_CHECKING

import pytest

from local.stack import Stack
from tests.browser.console import PHONE, Console
from tests.browser.scene import BAD_ROWS, Scene

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FIRST_VIEW = 100_000  # bytes, headers apart

# Rules for good practice besides WCAG 2.2 A and AA.
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}


@pytest.fixture(scope="module")
def addresses(stack: Stack) -> dict[str, str]:
    """Each page with something on it."""
    scene = Scene(stack)
    scene.connect()
    scene.land(
        30, rows=BAD_ROWS, columns={"A very long name of a column, as customer data platforms make them": "x" * 80}
    )
    scene.put(display_name="An export with quite a long name, as people give them when they are in a hurry")
    scene.run()
    run = scene.run(mode="full")
    erasure = {"address": f"person0.{scene.mark}@example.com", "reference": "a case"}
    assert stack.http("POST", "/api/erasures", json=erasure).status_code == 202
    failing = Scene(stack)
    failing.connect(scopes=["mail.send"])
    failing.land()
    failing.put()
    failed = failing.run()
    guarded = Scene(stack)
    guarded.connect()
    guarded.land(0, rows=BAD_ROWS)
    guarded.put()
    skipped = guarded.run()
    assert (failed["state"], skipped["state"]) == ("failed", "skipped")
    return {
        "overview": "",
        "exports": "exports",
        "export": f"exports/{scene.export}",
        "editor": f"exports/{scene.export}/edit",
        "new export": "exports/new",
        "run": f"runs/{run['run_id']}",
        "failed run": f"runs/{failed['run_id']}",
        "skipped run": f"runs/{skipped['run_id']}",
        "export that failed": f"exports/{failing.export}",
        "history": "history",
        "erasures": "erasures",
        "segments": "segments",
        "connections": "connections",
        "connection": f"connections/{scene.connection}",
        "new connection": "connections/new",
        "no page": "nowhere",
    }


def test_axe_finds_nothing(browser: "Browser", stack: Stack, addresses: dict[str, str]) -> None:
    console = Console(browser, stack, key=stack.function_key, reduced_motion="reduce")
    found = {}
    for name, address in addresses.items():
        console.open(address)
        if name in {"editor", "new export"}:
            console.page.locator(".step").last.wait_for()
        if name == "connection":
            console.page.locator(".checks").wait_for()
        found[name] = violations(console)
    console.open(addresses["new export"])
    console.click("Save")
    console.sees("Something is missing")
    found["what is missing"] = violations(console)
    console.open(addresses["export"])
    console.page.get_by_text("More", exact=True).click()
    found["menu"] = violations(console)
    console.click("Remove …")
    found["dialog"] = violations(console)
    console.close()
    assert not console.errors
    assert {name: rules for name, rules in found.items() if rules} == {}


def test_axe_finds_nothing_at_the_door(browser: "Browser", stack: Stack) -> None:
    console = Console(browser, stack)
    console.page.goto(console.url)
    console.page.get_by_label("Function key").wait_for()
    assert violations(console) == []
    console.close()


def violations(console: Console) -> list[str]:
    """What axe-core says is wrong with the page as it is now, in light and dark: rule, and the first element.

    The dark page is the same with other colours, so there the rules about colours are asked alone.
    """
    from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]

    page, found = console.page, []
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    for scheme, run_only in (("light", RULES), ("dark", COLOURS)):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        results = page.evaluate("(rules) => axe.run({runOnly: rules, resultTypes: ['violations']})", run_only)
        found += [f"{scheme}, {each['id']}: {each['nodes'][0]['html'][:200]}" for each in results["violations"]]
    return found


def test_nothing_is_wider_than_a_phone(browser: "Browser", stack: Stack, addresses: dict[str, str]) -> None:
    console = Console(browser, stack, key=stack.function_key, viewport=PHONE, has_touch=True)
    wide = []
    for name, address in addresses.items():
        console.open(address)
        if console.is_too_wide():
            wide.append(name)
    console.close()
    assert wide == []


def test_the_first_view_is_small_and_asks_nobody_else(browser: "Browser", stack: Stack) -> None:
    console = Console(browser, stack, key=stack.function_key)
    sizes: list[int] = []
    console.page.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))
    console.open()
    console.page.wait_for_load_state("networkidle")
    console.close()
    assert console.hosts == {stack.url}
    assert 10_000 < sum(sizes) < FIRST_VIEW


def test_the_keyboard_is_enough(console: Console, addresses: dict[str, str]) -> None:
    console.open()
    page = console.page
    page.keyboard.press("Tab")
    assert focused(console) == "Skip to the page"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.get_by_role("link", name="Segments", exact=True).focus()
    page.keyboard.press("Enter")
    console.at("Segments")
    assert focused(console) == "Segments", "the heading of a page that one goes to has the focus"
    assert page.title() == "Segments · Segments to SendGrid"
    console.open(addresses["export"])
    page.get_by_text("More", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Remove …").focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")


def focused(console: Console) -> str:
    text: str = console.page.evaluate("document.activeElement.innerText")
    return text

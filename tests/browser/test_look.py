"""Every page for everybody: axe-core's rules in light and dark, on a phone, at once, and without another host."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from local.stack import Stack
from tests.browser.console import PHONE, Console
from tests.browser.scene import BAD_ROWS, Scene

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FIRST_VIEW = 100_000  # bytes, headers apart

# Rules for good practice besides WCAG 2.2 A and AA.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


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
    failing = Scene(stack)
    failing.connect(scopes=["mail.send"])
    failing.land()
    failing.put()
    failed = failing.run()
    return {
        "overview": "",
        "exports": "exports",
        "export": f"exports/{scene.export}",
        "editor": f"exports/{scene.export}/edit",
        "new export": "exports/new",
        "run": f"runs/{run['run_id']}",
        "failed run": f"runs/{failed['run_id']}",
        "history": "history",
        "segments": "segments",
        "connections": "connections",
        "connection": f"connections/{scene.connection}",
        "new connection": "connections/new",
        "no page": "nowhere",
    }


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, browser: "Browser", stack: Stack) -> Iterator[Console]:
    console = Console(browser, stack, key=stack.function_key, color_scheme=request.param, reduced_motion="reduce")
    yield console
    console.close()
    assert not console.errors


def test_axe_finds_nothing(themed: Console, addresses: dict[str, str]) -> None:
    found = {}
    for name, address in addresses.items():
        themed.open(address)
        if name in {"editor", "new export"}:
            themed.page.locator(".step").last.wait_for()
        if name == "connection":
            themed.page.locator(".checks").wait_for()
        found[name] = violations(themed)
    themed.open(addresses["export"])
    themed.page.get_by_text("More", exact=True).click()
    found["menu"] = violations(themed)
    themed.click("Remove …")
    found["dialog"] = violations(themed)
    assert {name: rules for name, rules in found.items() if rules} == {}


def test_axe_finds_nothing_at_the_door(browser: "Browser", stack: Stack) -> None:
    console = Console(browser, stack)
    console.page.goto(console.url)
    console.page.get_by_label("Function key").wait_for()
    assert violations(console) == []
    console.close()


def violations(console: Console) -> list[str]:
    """What axe-core says is wrong with the page as it is now: rule, and the first element."""
    from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]

    page = console.page
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate("(tags) => axe.run({runOnly: tags, resultTypes: ['violations']})", TAGS)["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]


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

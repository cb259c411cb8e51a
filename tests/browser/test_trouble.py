"""When the app cannot be reached, does not know the caller any more, or nobody looks: what the page does then."""

from typing import TYPE_CHECKING

from tests.browser.console import Console
from tests.browser.scene import Scene

if TYPE_CHECKING:
    from playwright.sync_api import Request, Route


def test_no_answer_is_said_and_can_be_tried_again(console: Console, scene: Scene) -> None:
    scene.connect()
    console.page.route("**/api/connections", lambda route: route.abort())
    console.open("connections")
    console.sees("The app did not answer.")
    console.page.unroute("**/api/connections")
    console.click("Try again")
    console.sees(scene.connection.title())


def test_an_error_of_the_app_is_said_in_words(console: Console) -> None:
    console.page.route("**/api/segments", lambda route: route.fulfill(status=500, body=""))
    console.open("segments")
    console.sees("The app answered with error 500.")


def test_a_key_that_no_longer_counts_costs_nothing_that_was_typed(console: Console, scene: Scene) -> None:
    scene.connect()
    scene.land()
    scene.put()
    console.open(f"exports/{scene.export}/edit")
    console.page.get_by_label("Name", exact=True).fill("Typed before")
    console.page.evaluate("sessionStorage.setItem('function-key', 'rolled over')")
    console.click("Save")
    console.sees("This key was not accepted.")
    console.page.get_by_label("Function key").fill(scene.stack.function_key)
    console.click("Open the console")
    console.holds("Name", "Typed before")
    console.click("Save")
    console.at("Typed before")


def test_the_page_that_was_asked_for_last_is_the_one_that_is_shown(console: Console) -> None:
    held: list[Route] = []
    console.page.route("**/console/history.js", lambda route: held.append(route))  # noqa: PLW0108 -- Playwright marks it
    console.open()
    console.click("History", role="link")
    console.click("Segments", role="link")
    console.at("Segments")
    held[0].continue_()
    console.page.evaluate("import('/api/console/history.js')")
    console.at("Segments")


def test_nothing_is_asked_for_while_nobody_looks(console: Console) -> None:
    asked: list[str] = []

    def count(request: "Request") -> None:
        if request.url.endswith("/api/exports"):
            asked.append(request.url)

    console.page.clock.install()
    console.open()
    console.page.on("request", count)
    with console.page.expect_response("**/api/exports"):
        console.page.clock.run_for(25_000)
    console.page.evaluate("""
        Object.defineProperty(document, "hidden", {value: true, configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));
    """)
    asked.clear()
    console.page.clock.run_for(600_000)
    assert asked == []
    with console.page.expect_response("**/api/exports"):
        console.page.evaluate("""
            Object.defineProperty(document, "hidden", {value: false});
            document.dispatchEvent(new Event("visibilitychange"));
        """)

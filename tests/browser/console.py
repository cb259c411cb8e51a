"""What a test does with the console: open its pages, see what a person would, and notice what goes wrong."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Playwright

PATIENCE = 60_000  # milliseconds; generous, because the machine may be busy
DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 360, "height": 740}
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# How often a person pressed, chose or typed; scripts' own clicks do not count.
_COUNT = """
window.steps = {clicks: 0, choices: 0, texts: 0};
addEventListener("click", (event) => event.isTrusted && event.detail && (window.steps.clicks += 1), true);
addEventListener("change", (event) => {
  if (event.target.tagName === "SELECT") window.steps.choices += 1;
  else if (!["checkbox", "radio"].includes(event.target.type)) window.steps.texts += 1;
}, true);
"""


def launch(playwright: "Playwright", chromium: Path) -> "Browser":
    """A headless browser with a profile of its own."""
    return playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))


class Console:
    """A browser window on the console. `key` is the function key that it has already; `options` are the context's."""

    def __init__(self, browser: "Browser", stack: Stack, *, key: str = "", url: str = "", **options: Any) -> None:
        self.stack, self.url = stack, f"{url or stack.url}/api/console"
        self._context = browser.new_context(**{"viewport": DESKTOP, **options})
        self._context.set_default_timeout(PATIENCE)
        self._context.add_init_script(_COUNT)
        if key:
            self._context.add_init_script(f"sessionStorage.setItem('function-key', '{key}')")
        self.page: Page = self._context.new_page()
        self.errors: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.hosts.add(request.url.split("/api/")[0]))

    def _hear(self, message: "ConsoleMessage") -> None:
        """A refusal of the API is shown by the browser, too, and is no fault of the page."""
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    def open(self, address: str = "") -> None:
        """Go to a page, such as `exports/newsletter`, and wait until it shows what it is about."""
        self.page.goto(f"{self.url}#/{address}")
        self.page.locator(f'main[data-address="{address}"] h1, main.door h1').first.wait_for()
        self.gone(".loading")

    def click(self, name: str, *, role: Any = "button", within: "Locator | None" = None) -> None:
        """Press what is called so."""
        (within or self.page).get_by_role(role, name=name, exact=True).click()

    def sees(self, text: str) -> None:
        """Wait until the text is there to be seen."""
        self.page.get_by_text(text).filter(visible=True).first.wait_for()

    def at(self, title: str) -> None:
        """Wait until the page of this title is there."""
        self.page.get_by_role("heading", name=title, level=1, exact=True).wait_for()

    def gone(self, selector: str) -> None:
        """Wait until nothing on the page matches. (The page's policy lets no test wait with a script of its own.)"""
        from playwright.sync_api import expect

        expect(self.page.locator(selector)).to_have_count(0, timeout=PATIENCE)

    def holds(self, label: str, value: str) -> None:
        """Wait until the field has this value."""
        from playwright.sync_api import expect

        expect(self.page.get_by_label(label, exact=True)).to_have_value(value, timeout=PATIENCE)

    def lacks(self, *names: str) -> None:
        """None of these buttons and links is there."""
        for name in names:
            for role in ("button", "link"):
                assert self.page.get_by_role(role, name=name).count() == 0, name

    def follow(self) -> str:
        """On a run's page: wait for its end, and give the state that is shown."""
        self.page.get_by_role("heading", name="Run of").wait_for()
        self.page.locator(".notice").first.wait_for()
        self.gone(".phases")
        return self.page.locator(".lead .badge").first.inner_text()

    def text(self) -> str:
        return self.page.locator("main").inner_text()

    def steps(self) -> dict[str, int]:
        """Clicks, choices in a list and texts typed so far."""
        steps: dict[str, int] = self.page.evaluate("window.steps")
        return steps

    def is_too_wide(self) -> bool:
        """Whether one would have to scroll sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > innerWidth"))

    def close(self) -> None:
        self._context.close()

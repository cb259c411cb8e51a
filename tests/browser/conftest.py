"""One stack and one browser for all tests; each test has a browser context of its own, and exports of its own.

Without Chromium or Playwright the tests that need them are left out: `make browser` brings both.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.stack import Stack
from tests.browser.console import Console, launch
from tests.browser.scene import Scene

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="package")
def stack(browser: "Browser") -> Iterator[Stack]:  # without a browser none is needed
    """Landings count at once and jobs end at once, so that no test waits for time to pass."""
    with Stack(settings={"LANDING_SETTLE_SECONDS": "0"}) as stack:
        stack.sendgrid.configure(job_seconds=0)
        yield stack


@pytest.fixture(scope="package")
def browser() -> "Iterator[Browser]":
    """Until the last test that needs it: Playwright's event loop runs in this thread, where others may want one."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: make browser")
    if not CHROMIUM:
        pytest.skip("Chromium is not installed: make browser")
    with api.sync_playwright() as playwright:
        browser = launch(playwright, Path(CHROMIUM))
        yield browser
        browser.close()


@pytest.fixture
def console(browser: "Browser", stack: Stack) -> Iterator[Console]:
    """The console as an administrator sees it, the key already given; at the end nothing may have gone wrong in it."""
    console = Console(browser, stack, key=stack.function_key)
    yield console
    console.close()
    assert not console.errors


@pytest.fixture
def scene(stack: Stack) -> Scene:
    return Scene(stack)

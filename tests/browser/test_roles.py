"""What people see who may do less, with App Service authentication before the app."""

import base64
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from local import process
from local.stack import Stack
from tests.browser.console import Console
from tests.browser.scene import Scene

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def entra(stack: Stack) -> Iterator[str]:
    """Where the app answers in entra mode: one more host on the same storage."""
    port = process.free_ports(1)[0]
    before = stack._overrides
    stack._overrides = {**before, "AUTH_MODE": "entra", "WEBSITE_AUTH_ENABLED": "True"}
    host = stack._launch(port, stack.folder / "entra.log")
    stack._overrides = before
    yield f"http://127.0.0.1:{port}"
    process.stop(host, patience=60)


def principal(role: str) -> dict[str, str]:
    """What App Service tells the app of somebody who has signed in."""
    claims = [{"typ": "preferred_username", "val": f"{role}@contoso.example"}, {"typ": "roles", "val": role}]
    told = json.dumps({"auth_typ": "aad", "claims": claims}).encode()
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(told).decode()}


def test_a_viewer_sees_everything_and_can_press_nothing(
    browser: "Browser", stack: Stack, scene: Scene, entra: str
) -> None:
    scene.connect()
    scene.land()
    scene.put()
    run = scene.run()
    console = Console(browser, stack, url=entra, extra_http_headers=principal("viewer"))
    for address in ("", "exports", f"exports/{scene.export}", "connections", "segments", "history", "erasures"):
        console.open(address)
        console.lacks(
            "Eras", "Run now", "Run all", "Dry run", "New export", "Edit", "Add connection", "More", "Make an export"
        )
    console.open(f"runs/{run['run_id']}")
    console.lacks("Download report", "Cancel run")
    console.sees("viewer@contoso.example")
    console.sees("What became of every row")
    console.close()
    assert not console.errors


def test_a_contributor_uses_what_is_shared_and_sees_no_more_of_it(
    browser: "Browser", stack: Stack, scene: Scene, entra: str
) -> None:
    scene.connect(allowed_roles=["admin", "contributor"])
    scene.land()
    hidden = Scene(stack)
    hidden.connect()
    console = Console(browser, stack, url=entra, extra_http_headers=principal("contributor"))
    console.open("connections")
    console.sees(scene.connection.title())
    console.lacks("Add connection")
    assert "sendgrid-" not in console.text(), "the secret's name is the administrators' business"
    console.open("exports/new")
    choices = console.page.get_by_label("Connection", exact=True).inner_text()
    assert scene.connection.title() in choices
    assert hidden.connection.title() not in choices
    console.page.get_by_label("Name", exact=True).fill(scene.name)
    console.page.get_by_label("Connection", exact=True).select_option(scene.connection)
    console.page.get_by_label("SendGrid list").select_option(scene.list_id)
    console.page.get_by_label(scene.segment).check()
    console.holds("Email", "EMail")
    console.click("Save")
    console.at(scene.name)
    console.page.get_by_role("button", name="Run now").first.wait_for()
    hidden.put()
    console.open(f"exports/{hidden.export}")
    console.lacks("Run now", "Dry run", "Edit", "More")
    console.close()
    assert not console.errors


def test_who_has_not_signed_in_is_asked_to(browser: "Browser", stack: Stack, entra: str) -> None:
    console = Console(browser, stack, url=entra)
    console.open()
    link = console.page.get_by_role("link", name="Sign in with Microsoft")
    assert str(link.get_attribute("href")).startswith("/.auth/login/aad?")
    console.close()


def test_a_wrong_key_is_refused_and_not_kept(browser: "Browser", stack: Stack) -> None:
    console = Console(browser, stack)
    console.page.goto(console.url)
    console.page.get_by_label("Function key").fill("wrong")
    console.click("Open the console")
    console.sees("This key was not accepted.")
    console.page.get_by_label("Function key").fill(stack.function_key)
    console.click("Open the console")
    console.at("Overview")
    assert console.page.evaluate("localStorage.length + document.cookie.length") == 0
    console.click("Forget the key")
    console.page.get_by_label("Function key").wait_for()
    console.page.reload()
    console.page.get_by_label("Function key").wait_for()
    console.close()

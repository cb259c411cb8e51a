"""From an empty stack to the first list that is kept, as a person does it: nothing but the page and one az command."""

import secrets
import time

import pytest

from local.stack import Stack
from tests.browser.console import Console

PEOPLE = b"CustomerId,EMail,FirstName,City\n" + b"".join(
    f"c{i},person{i}@example.com,Name{i},Town{i}\n".encode() for i in range(40)
)


@pytest.fixture
def empty(stack: Stack) -> Stack:
    """The stack as after its deployment, whatever other tests have left."""
    for container in (stack.storage.config, stack.segments):
        for item in list(container.list("")):
            container.delete(item.name)
    return stack


def test_an_empty_stack_comes_to_its_first_export(
    empty: Stack, browser: object, capsys: pytest.CaptureFixture[str]
) -> None:
    list_id = empty.sendgrid.create_list("Newsletter readers")
    empty.land("Readers.csv", PEOPLE)
    console = Console(browser, empty)  # type: ignore[arg-type]
    page, began = console.page, time.monotonic()

    page.goto(console.url)
    page.get_by_label("Function key").fill(empty.function_key)
    page.keyboard.press("Enter")
    console.sees("Three steps to the first list")

    console.click("Add connection", role="link")
    page.get_by_label("Name", exact=True).fill("Marketing")
    console.click("Save")
    console.sees("does not exist")
    assert "sendgrid-marketing" in page.get_by_role("group", name="Put the key into Key Vault").inner_text()
    key = f"SG.{secrets.token_urlsafe(16)}.{secrets.token_urlsafe(32)}"  # the az command that the page shows
    empty.sendgrid.add_key(key)
    empty.vault.set("sendgrid-marketing", key)
    page.get_by_label("I have read this").check()
    console.click("I agree")
    console.sees("The connection works")

    console.click("Overview", role="link")
    console.click("New export", role="link")
    page.get_by_label("Name", exact=True).fill("Newsletter")
    page.get_by_label("SendGrid list").select_option(list_id)
    page.get_by_label("Readers").check()
    console.holds("Email", "EMail")
    console.sees("p•••@e•••.com")
    console.click("Save")
    console.sees("Look before you send")
    assert empty.sendgrid.members(list_id) == {}, "saving runs nothing"

    page.get_by_role("button", name="Dry run").last.click()
    assert console.follow() == "Successful"
    console.sees("A real run would send 40 contacts")
    assert empty.sendgrid.members(list_id) == {}, "a dry run sends nothing"
    page.go_back()
    console.sees("It would send 40 contacts")
    page.get_by_role("button", name="Run now").last.click()
    assert console.follow() == "Successful"
    console.sees("Nothing was rejected.")

    took, steps = time.monotonic() - began, console.steps()
    assert len(empty.sendgrid.members(list_id)) == 40
    assert not console.errors
    console.close()
    with capsys.disabled():
        print(  # noqa: T201 -- a figure for whoever runs the test
            f"\nempty stack to finished first export: {steps['clicks']} clicks, {steps['choices']} choices, "
            f"{steps['texts']} texts typed, {took:.0f} s"
        )

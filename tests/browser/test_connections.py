"""A connection: what it lacks is said exactly, and no data leaves without an agreement that can be taken back."""

from tests.browser.console import Console
from tests.browser.scene import Scene


def test_what_a_key_lacks_is_said_with_what_to_do(console: Console, scene: Scene) -> None:
    scene.connect(scopes=["mail.send"])
    console.open(f"connections/{scene.connection}")
    console.sees("Something is missing")
    checks = console.page.locator(".checks").inner_text()
    assert "SendGrid knows the key." in checks
    assert "The key lacks the right to marketing contacts (marketing.read)." in checks
    assert "Marketing: Full Access" in checks


def test_a_wrong_name_of_a_secret_is_said_at_its_field_and_a_key_is_no_name(console: Console, scene: Scene) -> None:
    console.open("connections/new")
    console.page.get_by_label("Name", exact=True).fill(scene.connection)
    secret = console.page.get_by_label("Name of the secret in Key Vault")
    for wrong in ("no good", f"SG.{'a' * 22}.{'B7' * 21}b"):
        secret.fill(wrong)
        console.click("Save")
        console.page.locator(".wrong #secret").wait_for()
        assert wrong not in console.page.locator("#secret-problem").inner_text()
    assert scene.stack.http("GET", f"/api/connections/{scene.connection}").status_code == 404


def test_consent_is_given_to_a_text_and_without_it_nothing_is_sent(console: Console, scene: Scene) -> None:
    scene.connect(consent=None)
    scene.land()
    scene.put()
    console.open(f"connections/{scene.connection}")
    console.sees("leaves the compliance boundary")
    console.sees("handles the data after it has been taken over")
    console.page.get_by_label("I have read this").check()
    console.click("I agree")
    console.sees("The connection works")
    agreed = console.page.locator(".card", has_text="Data privacy and compliance").inner_text()
    assert "function key" in agreed
    assert "2026-11" in agreed
    console.click("Withdraw consent")
    dialog = console.page.get_by_role("dialog")
    assert "1 export does not run" in dialog.inner_text()
    console.click("Withdraw consent", within=dialog)
    console.sees("Not agreed")
    console.open(f"exports/{scene.export}")
    console.page.get_by_role("button", name="Run now").first.click()
    assert console.follow() == "Skipped"
    console.sees("Nothing was sent")
    console.sees("What to do:")
    assert scene.members == {}

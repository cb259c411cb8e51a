"""A person is erased from the page: what is asked first, what is said of it, and that nobody is named afterwards."""

from tests.browser.console import Console
from tests.browser.scene import Scene


def test_a_person_is_erased_and_what_remains_is_said(console: Console, scene: Scene) -> None:
    scene.connect()
    scene.land(2)
    scene.put()
    scene.run()
    address, page = f"person0.{scene.mark}@example.com", console.page
    assert address in scene.members
    console.open("history")
    console.click("Erasures", role="link")
    console.at("Erasures")
    typed, delete = page.get_by_label("E-mail address"), page.get_by_label("Delete the contact in SendGrid, too")
    typed.fill("no address")
    delete.check()
    with page.expect_request(lambda request: request.method == "POST") as asked:
        confirm(console, "no address")
    assert asked.value.post_data_json == {"address": "no address", "delete_contact": True, "reference": None}
    page.locator(".wrong #address").wait_for()
    typed.fill(address)
    delete.uncheck()
    page.get_by_label("Case number").fill(f"case {scene.mark}")
    confirm(console, address)
    row = page.get_by_role("row").filter(has_text=f"case {scene.mark}")
    row.get_by_text("Completed with warnings").wait_for()
    said = row.inner_text()
    assert "1 membership" in said
    assert f"Segment {scene.segment} still holds the person" in said
    assert f"Export {scene.export} had put the person on a list" in said
    assert typed.input_value() == ""
    assert address not in page.content()
    assert address in scene.members, "the contact itself was to stay"


def confirm(console: Console, address: str) -> None:
    console.click("Erase …")
    dialog = console.page.get_by_role("dialog")
    assert address in dialog.inner_text()
    console.click("Erase", within=dialog)

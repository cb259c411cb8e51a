"""From segments to fields: what the editor shows of a segment, suggests, and says of where data goes."""

from tests.browser.console import Console
from tests.browser.scene import Scene

IN_GREEK = {"Επώνυμο": "Παππά", "Πόλη": "Αθήνα", "Χώρα": "Ελλάδα", "Ταχυδρομικός κώδικας": "10434", "Πόντοι": "12"}


def test_columns_are_suggested_and_shown_as_sendgrid_will_get_them(console: Console, scene: Scene) -> None:
    scene.connect()
    scene.land(7, columns=IN_GREEK)
    scene.stack.sendgrid.define_field(f"points_{scene.mark}", "Number")
    console.open("exports/new")
    page = console.page
    page.get_by_label("Connection", exact=True).select_option(scene.connection)
    segment = page.locator(".choice").filter(has_text=scene.segment)
    assert "7 rows · " in segment.inner_text()
    assert "produced" in segment.inner_text()
    segment.get_by_role("checkbox").check()
    for field, column in {
        "Email": "EMail",
        "First name optional": "FirstName",
        "Last name optional": "Επώνυμο",
        "Country/Region optional": "Χώρα",
        "City optional": "Πόλη",
        "Post code optional": "Ταχυδρομικός κώδικας",
    }.items():
        console.holds(field, column)
    console.click("Add a custom field")
    page.get_by_label("Custom field 1 in SendGrid").fill(f"points_{scene.mark}")
    page.get_by_label("Column for custom field 1").select_option("Πόντοι")
    console.sees("Number field")
    page.get_by_role("columnheader", name=f"points_{scene.mark}").wait_for()
    sample = page.get_by_role("group", name="Five contacts, as SendGrid gets them")
    assert sample.get_by_role("row").count() == 6
    assert "p•••@e•••.com" in sample.inner_text()
    assert "Παππά" not in sample.inner_text()


def test_files_leave_for_another_place_and_the_page_says_so(console: Console, scene: Scene) -> None:
    scene.connect(region="eu")
    scene.land()
    scene.put()
    console.open(f"exports/{scene.export}/edit")
    console.sees("so far Amazon S3 in the United States")
    console.page.get_by_label("As a file", exact=True).check()
    console.sees("The connection is in the European Union, and a file would leave it.")
    console.page.get_by_label("Never as a file").check()
    console.click("Save")
    console.at(scene.name)
    assert scene.stack.http("GET", f"/api/exports/{scene.export}").json()["delivery"] == "upsert"

"""Which cells are addresses, and what becomes of them."""

import pytest

from shared.contacts.problems import Problem
from tests.unit.contacts.build import plan, table

LONG_DOMAIN = ".".join(["y" * 60] * 4)
USABLE = {
    "A@B.co": "a@b.co",
    " \t\u00a0x1@b.co\u200b\u3000": "x1@b.co",
    "\ufeffx2@b.co\r\n": "x2@b.co",
    "o'brien+tag@sub.b-c.co.uk": "o'brien+tag@sub.b-c.co.uk",
    "!#$%&'*+/=?^_`{|}~-@b.co": "!#$%&'*+/=?^_`{|}~-@b.co",
    "joe@b.XN--p1ai": "joe@b.xn--p1ai",
    "joe@Bücher.example": "joe@xn--bcher-kva.example",
    "joe@faß.de": "joe@xn--fa-hia.de",
    "joe@日本。jp": "joe@xn--wgv71a.jp",
    "joe@a.рф": "joe@a.xn--p1ai",
    f"{'x' * 64}@b.de": f"{'x' * 64}@b.de",
    f"x@{'y' * 63}.de": f"x@{'y' * 63}.de",
    f"x@{LONG_DOMAIN}.{'z' * 8}": f"x@{LONG_DOMAIN}.{'z' * 8}",
}
REFUSED = {
    Problem.NO_EMAIL: ["", "  ", "\u00a0", "\u200b\ufeff"],
    Problem.INVALID_EMAIL: [
        "x", "@", "@b.co", "x@", "x@b", "x@b.co.", "x@b..co", "x@.co", ".x@b.co", "x.@b.co", "x..y@b.co", "x y@b.co",
        "x@y@b.co", "x@-b.co", "x@b-.co", "x@b_c.co", "x@1.2.3.4", "x@[1.2.3.4]", "x@b.123", "x@b.c1", "N/A", "null",
        "Joe <joe@b.de>", "<joe@b.de>", "mailto:joe@b.de", '"joe x"@b.de', "joe(c)@b.de", "a@b,de", "joe@ö",
        "joe@ö..de",
        "joe@ö.de.", "joe@ö .de", "joe@xn--.de", "joe\uff20b.de", "x\x00@b.de", f"x@{'y' * 64}.de", f"x@{'ö' * 60}.de",
        "x@y.\u202e.de", "x" * 5000,
    ],
    Problem.MULTIPLE_ADDRESSES: [
        "a@b.de;c@d.de", "a@b.de, c@d.de", "a@b.de c@d.de", "a@b.de/c@d.de", "a@b.de|c@d.de", "a@b.de\nc@d.de",
        "a@b.de\nor\nc@d.de", "A <a@b.de>, C <c@d.de>", "ö@b.de;z@x.de", "x@ö.de;y@ö.de",
    ],
    Problem.NON_ASCII_LOCAL_PART: ["cormac.ó@b.ie", "ö@ö.de", "用户@例子.公司"],
    Problem.ADDRESS_TOO_LONG: [
        f"{'x' * 65}@b.de", f"x@{LONG_DOMAIN}.{'z' * 9}", f"{'x' * 65}@ö.de", f"{'x' * 100_000}@ö.de",
        f"{'x' * 64}@{'ö.' * 30}de",
    ],
}  # fmt: skip


def test_addresses_that_can_be_used() -> None:
    found = plan(table(["EMail", "CustomerId"], *([cell, str(i)] for i, cell in enumerate(USABLE))))
    assert not found.rejects
    assert [address for address, *_ in found.upserts] == list(USABLE.values())


@pytest.mark.parametrize("code", REFUSED)
def test_addresses_that_cannot(code: Problem) -> None:
    found = plan(table(["EMail", "x"], *([cell, "x"] for cell in REFUSED[code])))
    assert found.codes() == dict.fromkeys(range(1, len(REFUSED[code]) + 1), code)
    counted = {Problem.NO_EMAIL: found.counts.no_email}.get(code, found.counts.invalid_email)
    assert counted == found.counts.rows == len(REFUSED[code])


def test_what_was_given_goes_to_the_report_at_most_320_characters_of_it() -> None:
    found = plan(table(["EMail", "CustomerId"], [" Joe <j@b.de> ", "7"], ["x" * 1000, "8"]))
    assert [reject[1:4] for reject in found.rejects] == [(1, "7", " Joe <j@b.de> "), (2, "8", "x" * 320)]


def test_duplicates_show_after_cleaning_and_punycode() -> None:
    cells = ["joe@ö.de", "JOE@Ö.DE ", "joe@xn--nda.de", "joe@o\u0308.de", "ann@b.de", "ANN@B.DE"]
    found = plan(table(["EMail", "x"], *([cell, "x"] for cell in cells)))
    assert found.rows() == {1: "joe@xn--nda.de", 5: "ann@b.de"}
    assert found.codes() == dict.fromkeys((2, 3, 4, 6), Problem.DUPLICATE)

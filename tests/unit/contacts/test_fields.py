"""What becomes of a cell on its way to a field of SendGrid's."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contacts.mapping import SPACES, Field, FieldType
from shared.contacts.problems import Problem
from shared.segments.snapshot import FileFormat, NdjsonFormat
from tests.unit.contacts.build import HEADED, custom, mapping, plan, reserved, table


def values(field: Field, *cells: str, clear_empty: bool = False) -> tuple[list[Any], list[str | None]]:
    """The field's value in each contact, None if it is omitted; and the warnings."""
    rows = ([f"a{i}@b.co", cell] for i, cell in enumerate(cells))
    found = plan(table(["EMail", field.column], *rows), by=mapping(field, clear_empty=clear_empty))
    addresses = [f"a{i}@b.co" for i in range(len(cells))]
    sent = [found.contacts[address] for address in addresses]
    members = [contact.get("custom_fields", {}) if field.custom else contact for contact in sent]
    return [each.get(field.key) for each in members], [found.warnings.get(address) for address in addresses]


NUMBERS = {
    "1": 1, " 2 ": 2, "\u00a07\u2003": 7, "-3.5": -3.5, "+4": 4, "1e3": 1000, ".5": 0.5, "1.": 1, "00012": 12, "0": 0,
    "12345678901234567890": 1.2345678901234567e19, "": None,
}  # fmt: skip
NO_NUMBERS = [
    "1e400",
    "-1e400",
    "NaN",
    "inf",
    "-Infinity",
    "1_000",
    "1 000",
    "1,5",
    "1.000,5",
    "0x10",
    "true",
    "1e",
    "x",
]


def test_numbers() -> None:
    cells = [*NUMBERS, *NO_NUMBERS]
    found, warnings = values(custom("n", "n", FieldType.NUMBER), *cells)
    assert dict(zip(cells, found, strict=True)) == NUMBERS | dict.fromkeys(NO_NUMBERS)
    assert warnings == [None] * len(NUMBERS) + ["name of n:left_out "] * len(NO_NUMBERS)


DATES = {
    "2021-03-04": "2021-03-04T00:00:00Z",
    " 2021-03-04 ": "2021-03-04T00:00:00Z",
    "2021-03-04T05:06": "2021-03-04T05:06:00Z",
    "2021-03-04 05:06:07": "2021-03-04T05:06:07Z",
    "2021-03-04T05:06:07Z": "2021-03-04T05:06:07Z",
    "2021-03-04t05:06:07z": "2021-03-04T05:06:07Z",
    "1971-09-29T00:00:00.000Z": "1971-09-29T00:00:00Z",
    "2021-03-04T05:06:07.123456789Z": "2021-03-04T05:06:07Z",
    "2021-03-04T05:06:07+02:00": "2021-03-04T03:06:07Z",
    "2021-03-04T05:06:07.5-05:30": "2021-03-04T10:36:07Z",
    "2021-03-04T01:06:07+0200": "2021-03-03T23:06:07Z",
    "2020-12-31T23:00:00-02": "2021-01-01T01:00:00Z",
    "2024-02-29": "2024-02-29T00:00:00Z",
    "9999-12-31": "9999-12-31T00:00:00Z",
    "": None,
}
NO_DATES = [
    "2021-02-30", "2023-02-29", "2021-13-01", "03/04/2021", "4.3.2021", "2021-3-4", "20210304", "2021-03-04T25:00:00",
    "2021-03-04T", "2021-03-04Z", "2021-03-04T5:6:7", "2021-03-04 05:06:07 PM", "2021-03-04T05:06:07 Europe/Berlin",
    "2021-03-04 (BC)", "9999-12-31T23:00:00-05:00", "0000-01-01", "today", "infinity", "epoch", "x",
]  # fmt: skip


def test_dates() -> None:
    cells = [*DATES, *NO_DATES]
    found, warnings = values(custom("d", "d", FieldType.DATE), *cells)
    assert dict(zip(cells, found, strict=True)) == DATES | dict.fromkeys(NO_DATES)
    assert warnings == [None] * len(DATES) + ["name of d:left_out "] * len(NO_DATES)


@pytest.mark.parametrize("field", [reserved("first_name", "v"), reserved("city", "v"), custom("t", "v")])
@pytest.mark.parametrize("character", ["x", "é", "漢", "😀"])
def test_text_is_cut_to_the_fields_length_in_characters(field: Field, character: str) -> None:
    longest = character * field.max_length
    found, warnings = values(field, longest, longest + character, f"  {longest}\u00a0", longest[:-2] + "  x")
    assert found == [longest, longest, longest, longest[:-2]]
    assert warnings == [None, f"{field.name}:cut ", None, f"{field.name}:cut "]


def test_spaces_of_every_kind_go_from_both_ends_only() -> None:
    found, _ = values(reserved("city", "v"), "  New\u00a0 York \t", "\u200b\u3000Oslo\ufeff\u2028", "\u00a0", "   ", "")
    assert found == ["New\u00a0 York", "Oslo", None, None, None]


def test_empty_members_are_omitted_and_custom_fields_vanish_with_the_last() -> None:
    by = mapping(reserved("city", "City"), custom("a", "A"), custom("b", "B"))
    sent = plan(b"EMail,City,A,B\na@b.co,Oslo,1,2\nb@b.co,,,2\nc@b.co,,,\nd@b.co,Oslo, ,\n", by=by).contacts
    assert sent == {
        "a@b.co": {"city": "Oslo", "custom_fields": {"a": "1", "b": "2"}},
        "b@b.co": {"custom_fields": {"b": "2"}},
        "c@b.co": {},
        "d@b.co": {"city": "Oslo"},
    }


def test_clear_empty_sends_empty_text_and_never_an_empty_number_or_date() -> None:
    cells = ["", " ", "x"]
    assert values(reserved("city", "v"), *cells, clear_empty=True)[0] == ["", "", "x"]
    assert values(custom("t", "v"), *cells, clear_empty=True)[0] == ["", "", "x"]
    assert values(custom("n", "v", FieldType.NUMBER), *cells, clear_empty=True)[0] == [None] * 3
    assert values(custom("d", "v", FieldType.DATE), *cells, clear_empty=True)[0] == [None] * 3


def test_a_column_may_feed_several_fields() -> None:
    by = mapping(reserved("city", "v"), custom("n", "v", FieldType.NUMBER), custom("mail", "EMail"))
    found = plan(b"EMail,v\nA@b.co,7\n", by=by)
    assert found.contacts == {"a@b.co": {"city": "7", "custom_fields": {"n": 7, "mail": "A@b.co"}}}


def test_only_where_looks_at_words_not_at_case_or_spaces_around() -> None:
    content = (
        "EMail,Consent,State\na@b.co, TRUE\u00a0,x\nb@b.co,no,x\nc@b.co,,x\nd@b.co,yes,\ne@b.co,Yes,X\nnobody,no,x\n"
    )
    found = plan(content.encode(), by=mapping(Consent=(" true", "YES"), State=("x",)))
    assert found.rows() == {1: "a@b.co", 5: "e@b.co"}
    assert found.codes() == dict.fromkeys((2, 3, 4, 6), Problem.FILTERED)


def test_only_where_may_ask_for_empty_cells() -> None:
    assert plan(b"EMail,OptOut\na@b.co,\nb@b.co,1\n", by=mapping(OptOut=("",))).rows() == {1: "a@b.co"}


@settings(max_examples=10, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=40))
def test_any_text_arrives_as_it_is_between_its_spaces(cells: list[str]) -> None:
    objects = b"\n".join(orjson.dumps({"EMail": f"a{i}@b.co", "v": f"<{cell}>"}) for i, cell in enumerate(cells))
    sent = plan(objects, how=NdjsonFormat(), by=mapping(custom("v", "v"))).contacts
    assert [sent[f"a{i}@b.co"]["custom_fields"]["v"] for i in range(len(cells))] == [f"<{cell}>" for cell in cells]


@pytest.mark.parametrize(
    "text", ['say "x"', '"', "back\\slash", "a\tb", "a\nb", "a\x01b", "\x7f", "\u2028", "é", "x" * 51]
)
@pytest.mark.parametrize("how", [HEADED, NdjsonFormat()])
def test_a_text_arrives_as_it_is_whatever_json_makes_of_it(text: str, how: FileFormat) -> None:
    for cells in ([text, "plain", ""], ["", text, "plain"], ["plain", "", text]):
        names = ["City", "Note", "More"]
        by = mapping(reserved("city", "City"), custom("t1", "Note"), custom("t2", "More"))
        rows = [
            {"EMail": "a@b.co"} | dict(zip(names, cells, strict=True)),
            {"EMail": "b@b.co", **dict.fromkeys(names, "")},
        ]
        content = (
            table(list(rows[0]), *(list(row.values()) for row in rows))
            if how == HEADED
            else b"\n".join(orjson.dumps(row) for row in rows)
        )
        texts = [each.strip(SPACES) for each in cells]
        wanted = {"city": texts[0]} if texts[0] else {}
        custom_ones = {key: each for key, each in zip(("t1", "t2"), texts[1:], strict=True) if each}
        assert plan(content, how=how, by=by).contacts == {
            "a@b.co": wanted | {"custom_fields": custom_ones} if custom_ones else wanted,
            "b@b.co": {},
        }

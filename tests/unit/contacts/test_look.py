"""What a quick look at a CSV file says must be true: what it denies, nothing that is read afterwards makes up for."""

import pytest

from shared.contacts.csv_look import Look
from shared.contacts.text import Doubt


def look(*blocks: bytes, cells: int = 3, quote: bool = True) -> Look:
    found = Look(",", cells, quote)
    for block in blocks:
        found.take(block)
    return found


@pytest.mark.parametrize(
    "block",
    [
        b" a,b,c\n", b"a ,b,c\n", b"a, b,c\n", b"a,b,c \n", b"a,b,c \r\n", b"a,b, c\n", b"x,y,z\n a,b,c\n", b"a,b,c ",
        b'" a",b,c\n', b'"a ",b,c\n', b'a," b",c\n', b'a,b,"c "\n', b'a,b,"c "\r\n', b'x,y,z\n" a",b,c\n', b'a,b,"c "',
        b'a, "b",c\n', b'a,"b" ,c\n', b'a,b," ""c"""\n', b"a, ,c\n", b'a," ",c\n', b'" ",b,c', b"a,b, ",
    ],
)  # fmt: skip
def test_spaces_around_values_are_seen(block: bytes) -> None:
    assert Doubt.SPACES in look(b"a,b,c\n", block).all_doubts


@pytest.mark.parametrize("block", [b"a b,c d,e\n", b'"a, b",c d,"say ""x y"""\r\n', b'"",,\n', b"o'neil jr,b,c"])
def test_spaces_within_values_are_none_around_them(block: bytes) -> None:
    assert not look(b"a,b,c\n", block).all_doubts & (Doubt.SPACES | Doubt.ODD_SPACES)


@pytest.mark.parametrize(
    ("block", "doubts"),
    [
        (b'"a, b",,"c d"\n', Doubt.NONE),
        (b'"",,""\n', Doubt.NONE),
        (b'a,"say ""x""",c\n', Doubt.QUOTES),
        (b'"""x",b,c\n', Doubt.QUOTES),
        (b'a,b,"x"""\n', Doubt.QUOTES),
        (b'a,b,""""', Doubt.QUOTES),
        (b"a,b\\,c\n", Doubt.ESCAPES),
        (b'a,"b\nb",c\n', Doubt.ODD_SPACES | Doubt.SPACES | Doubt.ESCAPES),
        (b"a,b\x01,c\n", Doubt.ODD_SPACES | Doubt.SPACES | Doubt.ESCAPES),
        (b"a,b\xc2\xa0,c\n", Doubt.ODD_SPACES | Doubt.SPACES | Doubt.ESCAPES),
        (b'a,b"c,d\n', Doubt.ALL),
    ],
)
def test_what_json_writes_otherwise_is_seen(block: bytes, doubts: Doubt) -> None:
    assert look(b"a,b,c\n", block, b"a,b,c\n").all_doubts == doubts


def test_every_quotation_mark_is_one_where_none_stands_for_another() -> None:
    assert look(b'a,"b",c\n', quote=False).all_doubts == Doubt.QUOTES


@pytest.mark.parametrize("block", [b'a,"b, ""c""",d\n', b"a,b,c\r\nd,e,f\r\n", b"\xc3\xa9,b,c\n"])
def test_sound_rows_that_are_lines(block: bytes) -> None:
    assert look(block).lines


@pytest.mark.parametrize(
    "block", [b'a,"b\nb",c\n', b'a,"b\rb",c\n', b"a,b,c\n\n", b"a,b\n", b"a,b,c,d\n", b"\xff,b,c\n", b'a,b"c"d,e"\n']
)
def test_lines_that_may_be_no_rows(block: bytes) -> None:
    assert not look(b"a,b,c\n", block, b"a,b,c\n").lines


def test_a_line_that_is_too_long_for_a_row() -> None:
    assert look(b"a,b," + b"x" * 1000 + b"\n").lines
    assert not look(b"a,b," + b"x" * 2**20 + b"\n").lines

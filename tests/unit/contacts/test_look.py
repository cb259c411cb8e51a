"""What a quick look at a CSV file says must be true: what it denies, nothing that is read afterwards makes up for."""

import pytest

from shared.contacts.csv_look import Look


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
    assert look(b"a,b,c\n", block).spaced


@pytest.mark.parametrize("block", [b"a b,c d,e\n", b'"a, b",c d,"say ""x y"""\r\n', b'"",,\n', b"o'neil jr,b,c"])
def test_spaces_within_values_are_none_around_them(block: bytes) -> None:
    found = look(b"a,b,c\n", block)
    assert not found.spaced
    assert not found.odd


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

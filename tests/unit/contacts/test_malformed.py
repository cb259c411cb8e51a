"""Rows that cannot be read: they are reported with the number that a person would count, and cost nobody else."""

import pytest

from shared.contacts.problems import Problem
from shared.errors import UnreadableSegment
from tests.unit.contacts.build import HEADLESS, custom, mapping, plan

MIB = 1024 * 1024
GOOD = b"a@b.co,1\n"
BY_NAME = mapping(custom("n", "Name"), Consent=("yes",))


@pytest.mark.parametrize(
    "bad",
    [
        b"x@b.co",
        b"x@b.co,1,2",
        b"x@b.co,\xff",
        b'x@b.co,"1"2',
        b'x@b.co,"say "hi""',
        b"x@b.co," + b"x" * (MIB + 1),
        b"x@b.co," + b"x" * 10 * MIB,
    ],
    ids=["too few", "too many", "encoding", "after quote", "bare quotes", "long", "longer than a buffer"],
)
def test_a_malformed_row_is_reported_and_later_rows_keep_their_numbers(bad: bytes) -> None:
    content = b"EMail,CustomerId\n" + GOOD + bad + b"\n" + b'c@b.co,"3\n3"\nd@b.co,4\n' + bad + b"\n" + b"e@b.co,6\n"
    found = plan(content)
    assert found.codes() == {2: Problem.MALFORMED, 5: Problem.MALFORMED}
    assert found.rows() == {1: "a@b.co", 3: "c@b.co", 4: "d@b.co", 6: "e@b.co"}
    assert found.counts.rows == 6


def test_several_malformed_rows_in_a_row_and_at_both_ends() -> None:
    content = b"x\nx\na@b.co,1\nx\nx,y,z\n\xff,1\nb@b.co,2\nnobody,3\nx\nc@b.co,4\nx\n"
    found = plan(content, how=HEADLESS, columns=("EMail", "CustomerId"))
    assert found.rows() == {3: "a@b.co", 7: "b@b.co", 10: "c@b.co"}
    bad = dict.fromkeys((1, 2, 4, 5, 6, 9, 11), Problem.MALFORMED)
    assert found.codes() == bad | {8: Problem.INVALID_EMAIL}
    assert [row for file, row, customer, *_ in found.rejects if customer] == [8]


def test_numbers_are_a_files_own() -> None:
    found = plan(b"EMail,Id\nx\na@b.co,1\n", b"EMail,Id\nb@b.co,1\nx\nc@b.co,2\n", b"EMail,Id\nd@b.co,1\n")
    assert [(file, row, address) for address, _, file, row, _ in found.upserts] == [
        ("file0", 2, "a@b.co"),
        ("file1", 1, "b@b.co"),
        ("file1", 3, "c@b.co"),
        ("file2", 1, "d@b.co"),
    ]
    assert [reject[:2] for reject in found.rejects] == [("file0", 1), ("file1", 2)]


@pytest.mark.parametrize("column", range(5))
def test_nobody_gets_the_values_of_the_row_before_wherever_the_bad_encoding_is(column: int) -> None:
    """A column that only decides and is not sent must be read both times."""
    bad = [b"x@b.co", b"Bob", b"yes", b"2", b"other"]
    bad[column] = b"\xff"
    content = b"EMail,Name,Consent,CustomerId,Other\na@b.co,Ann,yes,1,x\n" + b",".join(bad) + b"\nc@b.co,Cid,yes,3,x\n"
    sent = plan(content, by=BY_NAME).contacts
    assert sent["a@b.co"] == {"custom_fields": {"n": "Ann"}}
    assert sent["c@b.co"] == {"custom_fields": {"n": "Cid"}}


@pytest.mark.parametrize("lines", [20, 20_000], ids=["short notes", "long notes"])
def test_no_line_of_a_quoted_note_becomes_a_row_wherever_the_reader_takes_a_breath(lines: int) -> None:
    note = b'"note\n' + b"".join(b"evil%d@x.co,%d\n" % (i, i) for i in range(lines)) + b'"\n'
    people = 6_000_000 // len(note)
    content = b"EMail,Note\n" + b"".join(b"a%d@b.co,%s" % (i, note) for i in range(people))
    found = plan(content)
    assert found.rows() == {i + 1: f"a{i}@b.co" for i in range(people)}
    assert not found.rejects


@pytest.mark.parametrize("rows_after", [1, 2, 400_000], ids=["at the end", "near the end", "far from the end"])
def test_a_quotation_mark_that_is_never_closed_is_refused(rows_after: int) -> None:
    """Whoever comes after it would be missing, and be taken off the list."""
    content = b'EMail,CustomerId\na@b.co,1\nb@b.co,"2\n' + b"".join(b"c%d@b.co,3\n" % i for i in range(rows_after))
    with pytest.raises(UnreadableSegment) as raised:
        plan(content)
    assert raised.value.code == "unclosed_quote"
    assert "@" not in raised.value.message + raised.value.advice


@pytest.mark.parametrize(
    "end",
    [
        b'a@b.co,5" pipe\nb@b.co,"2\nc@b.co,3\n',
        b'a@b.co,5"\nb@b.co,"2\nc@b.co,3\n',
        b'a@b.co,5"\nb@b.co,"2"" pipe\nc@b.co,3\n',
        b'a@b.co,5"\n"b@b.co,2\nc@b.co,3\n',
        b'a@b.co,5"\nb@b.co,3\nc@b.co,"',
        b'a@b.co,5\nb@b.co, "2\nc@b.co,3\n',
        b'a@b.co,5\n "b@b.co,2\nc@b.co,3\n',
    ],
    ids=["inches within", "inches", "doubled", "first cell", "last character", "after a space", "space first"],
)
def test_one_that_is_never_closed_is_refused_beside_marks_that_stand_for_themselves(end: bytes) -> None:
    """Their number is even, or they do not open a cell for everybody: the reader drops such an end without a word."""
    with pytest.raises(UnreadableSegment) as raised:
        plan(b"EMail,CustomerId\n" + end)
    assert raised.value.code == "unclosed_quote"


@pytest.mark.parametrize("last", [b'""', b'"say ""hi"""', b'", "', b' "x"', b'x "y', b'5"'])
def test_a_quotation_mark_at_the_end_of_the_file_that_is_in_order_is_no_reason_to_refuse(last: bytes) -> None:
    found = plan(b"EMail,CustomerId,Note\na@b.co,1,x\nb@b.co,2," + last + b"\nc@b.co,3,\n")
    assert found.rows() == {1: "a@b.co", 2: "b@b.co", 3: "c@b.co"}


def test_quotation_marks_so_far_apart_that_rows_between_them_are_lost_are_refused() -> None:
    rows = b"".join(b"c%d@b.co,3\n" % i for i in range(800_000))
    with pytest.raises(UnreadableSegment) as raised:
        plan(b'EMail,CustomerId\na@b.co,"1\n' + rows + b'b@b.co,"2\n')
    assert raised.value.code == "unclosed_quote"


def test_an_odd_number_of_quotation_marks_alone_is_no_reason_to_refuse() -> None:
    assert plan(b'EMail,Size\na@b.co,5" pipe\nb@b.co,"x"y"\nc@b.co,z\n').rows() == {1: "a@b.co", 3: "c@b.co"}


def test_a_file_of_nothing_but_malformed_rows_is_counted_in_little_memory() -> None:
    found = plan(b"EMail,CustomerId\n" + b"x\n" * 60_000, limit=96 * MIB)
    assert found.counts.malformed == found.counts.rows == 60_000
    assert found.rejects[-1][1] == 60_000


def test_blank_lines_are_no_rows() -> None:
    found = plan(b"EMail,CustomerId\n\na@b.co,1\n\n\nb@b.co,2\n\n")
    assert found.rows() == {1: "a@b.co", 2: "b@b.co"}
    assert found.counts.rows == 2


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_blank_lines_do_not_shift_the_numbers_of_rows_after_them(end: bytes) -> None:
    rows = [b"EMail,CustomerId", b"", b"x", b"", b"", b'a@b.co,"1', b"", b'1"', b"y", b"", b"b@b.co,2", b"z,z,z", b""]
    found = plan(end.join(rows), b"EMail,CustomerId\nc@b.co,3\nx\nd@b.co,4\n")
    assert [(file, row) for _, _, file, row, _ in found.upserts] == [
        ("file0", 2),
        ("file0", 4),
        ("file1", 1),
        ("file1", 3),
    ]
    assert [reject[:2] for reject in found.rejects] == [("file0", 1), ("file0", 3), ("file0", 5), ("file1", 2)]


def test_an_empty_line_of_a_file_with_one_column_is_a_row() -> None:
    found = plan(b"EMail\n\na@b.co\nx,y\n\nb@b.co\n")
    assert found.codes() == {1: Problem.NO_EMAIL, 3: Problem.MALFORMED, 4: Problem.NO_EMAIL}
    assert found.rows() == {2: "a@b.co", 5: "b@b.co"}


def test_too_many_malformed_rows_are_refused() -> None:
    with pytest.raises(UnreadableSegment) as raised:
        plan(b"EMail,CustomerId\n" + b"a@b.co;1\n" * 100_001)
    assert raised.value.code == "too_many_malformed"
    assert "@" not in raised.value.message + raised.value.advice


def test_a_quoted_row_of_more_than_a_mebibyte_and_many_lines_is_refused() -> None:
    """The reader would go on somewhere inside it, with lines that somebody typed."""
    with pytest.raises(UnreadableSegment) as raised:
        plan(b'EMail,Note\nx@b.co,"' + b"evil@x.co,1\n" * 200_000 + b'"\na@b.co,1\n')
    assert raised.value.code == "unclosed_quote"

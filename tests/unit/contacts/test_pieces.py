"""A file that is read in pieces while it arrives comes to the same as one that is read whole."""

import gzip
import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.contacts import pieces as cutting
from shared.contacts.engine import engine
from shared.contacts.mapping import Mapping
from shared.contacts.parsed import parsed
from shared.contacts.pieces import pieces
from shared.contacts.plan import PlanCounts, Planner
from shared.contacts.problems import Problem
from shared.contacts.reading import LONGEST_ROW, LocalFile
from shared.errors import UnreadableSegment
from shared.segments.snapshot import CsvFormat, FileFormat, NdjsonFormat
from tests.unit.contacts.build import HEADED, custom, mapping, rows_of

BY = mapping(custom("n", "Name"), custom("t", "Note"))
NDJSON = NdjsonFormat()


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "SIZES", (100, 200))
    monkeypatch.setattr(cutting, "_BLOCK", 64)


def arriving(content: bytes, size: int = 50) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


def planned(
    content: bytes, how: FileFormat, *, cut: bool, by: Mapping = BY
) -> tuple[PlanCounts, list[Any], list[Any], set[bytes]]:
    """Counts, upserts and rejects by row, and the contacts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with engine(folder) as database:
            planner = Planner(database, by)
            file = LocalFile("people", folder / "in", how, None)
            if cut:
                for piece in parsed(database, by, pieces(file, arriving(content))):
                    planner.add(piece)
            else:
                file.path.write_bytes(content)
                planner.add(file)
            counts = planner.decide(members=None, others=[], everything=True, leave=False)
            planner.write_rows(folder / "rows")
            planner.write_rejects(folder / "rejects")
            upserts = rows_of(database, folder / "rows", "row, file, address, customer_id", "row")
            rejects = rows_of(database, folder / "rejects", "row, file, code, email", "row")
            contacts = {contact for chunk in planner.contacts() for contact, _ in chunk}
            return counts, list(upserts), list(rejects), contacts


def people(count: int, breaks: str = "\n") -> bytes:
    """Rows with what makes it hard to tell where one ends, every ninth of them malformed."""
    chance = random.Random(5)  # noqa: S311
    cells = ["plain", '"in, quotes"', '"two\nlines"', '"said ""so"""', "", '""', "\u00a0odd\u00a0", '"a\n\n\nb"']
    rows = [f"p{i}@b.co,{chance.choice(cells)},{chance.choice(cells)},{i}" for i in range(count)]
    rows[::9] = [f"{row},too many" for row in rows[::9]]
    rows[4::50] = ["" for _ in rows[4::50]]
    return breaks.join(["EMail,Name,Note,CustomerId", *rows, ""]).encode()


@pytest.mark.parametrize("breaks", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_pieces_come_to_the_same_as_the_whole(breaks: str, mark: bytes) -> None:
    content = mark + people(300).replace(b"\n", breaks.encode())
    whole = planned(mark + people(300), HEADED, cut=False)
    assert planned(content, HEADED, cut=True) == whole
    assert whole[0].malformed == 33


def test_a_large_file_is_cut_and_its_later_pieces_have_no_header() -> None:
    with tempfile.TemporaryDirectory() as name:
        file = LocalFile("people", Path(name, "in"), HEADED, None)
        cut = list(pieces(file, arriving(people(300))))
        assert len(cut) > 10
        assert [piece.continues for piece in cut] == [False] + [True] * (len(cut) - 1)
        assert b"".join(piece.path.read_bytes() for piece in cut) == people(300)


@pytest.mark.parametrize("stray", ['5" pipe', 'a"b"c', ' "after a space"', '"closed"early'])
def test_nothing_is_cut_from_a_stray_quotation_mark_on(stray: str) -> None:
    content = people(40) + f'x@b.co,{stray},"y\nz",1\n'.encode() + people(40).partition(b"\n")[2].replace(b"p", b"q")
    assert planned(content, HEADED, cut=True) == planned(content, HEADED, cut=False)


def test_a_quotation_mark_that_is_not_closed_is_found_in_the_last_piece() -> None:
    content = people(100) + b'x@b.co,"never closed,,1\n' + b"y@b.co,a,b,2\n" * 20
    with pytest.raises(UnreadableSegment) as raised:
        planned(content, HEADED, cut=True)
    assert raised.value.code == "unclosed_quote"


def test_malformed_rows_are_counted_over_all_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.contacts.plan.MOST_MALFORMED", 100)
    content = b"EMail,Name,Note\n" + b"no row\n" * 101
    with pytest.raises(UnreadableSegment) as raised:
        planned(content, HEADED, cut=True)
    assert raised.value.code == "too_many_malformed"


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"EMail,Name,Note"])
def test_files_without_rows(content: bytes) -> None:
    assert planned(content, HEADED, cut=True)[0].rows == 0


@pytest.mark.parametrize(
    ("how", "content"),
    [
        (CsvFormat(header=True), "EMail,Name,Note\na@b.co,x,y\n".encode("utf-16")),
        (NDJSON, '{"EMail":"a@b.co"}'.encode("utf-16")),
        (NdjsonFormat(gzip=True), gzip.compress(b'{"EMail":"a@b.co","Name":"x","Note":"y"}\n' * 20, mtime=0)),
    ],
)
def test_other_files_stay_whole(how: FileFormat, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        file = LocalFile("people", Path(name, "in"), how, None)
        assert list(pieces(file, arriving(content))) == [file]
        assert file.path.read_bytes() == content


def objects(count: int) -> bytes:
    """Lines with what makes values hard to read, every ninth of them no object."""
    chance = random.Random(5)  # noqa: S311
    cells = ["plain", "two\nlines", 'said "so"', "", None, 1.50, True, {"a": [1]}, "\u00a0odd\u3000", " x ", "\u2009y"]
    lines = []
    for i in range(count):
        row = {"EMail": f"p{i}@b.co", "Name": chance.choice(cells), "Note": chance.choice(cells), "CustomerId": i}
        lines.append(json.dumps(row, ensure_ascii=bool(i % 2)).encode())
    lines[::9] = [chance.choice([b"[1]", b"null", b"{broken", b'{"EMail":"\xff"}', b'"x"']) for _ in lines[::9]]
    lines[4::50] = [b"" for _ in lines[4::50]]
    return b"\n".join([*lines, b""])


@pytest.mark.parametrize("breaks", [b"\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_pieces_of_ndjson_come_to_the_same_as_the_whole(breaks: bytes, mark: bytes) -> None:
    content = mark + objects(300).replace(b"\n", breaks)
    whole = planned(content, NDJSON, cut=False)
    assert planned(content, NDJSON, cut=True) == whole
    assert (whole[0].malformed, whole[0].contacts) == (33, 261)


def test_objects_are_not_cut_and_every_piece_but_the_last_says_that_more_follows() -> None:
    with tempfile.TemporaryDirectory() as name:
        file = LocalFile("people", Path(name, "in"), NDJSON, None)
        cut = list(pieces(file, arriving(objects(300))))
        assert len(cut) > 10
        assert [piece.objects.last for piece in cut if piece.objects] == [False] * (len(cut) - 1) + [True]
        assert all(piece.path.read_bytes().endswith(b"\n") for piece in cut)
        assert b"".join(piece.path.read_bytes() for piece in cut) == objects(300)


def test_the_json_goes_when_it_has_been_parsed() -> None:
    with tempfile.TemporaryDirectory() as name, engine(Path(name)) as database:
        file = LocalFile("people", Path(name, "in"), NDJSON, None)
        found = list(parsed(database, BY, pieces(file, arriving(objects(50)))))
        left = {path.name for path in Path(name).glob("in*")}
        assert left == {f"in-{number}.parquet" for number in range(len(found))}


def test_a_key_that_only_the_last_objects_have_is_empty_in_the_others() -> None:
    plain = b'{"EMail":"p%d@b.co","Name":"x"}\n'
    content = b"".join(plain % i for i in range(50)) + b'{"EMail":"z@b.co","note":"late","Name":"x"}'
    counts, _, _, contacts = planned(content, NDJSON, cut=True)
    assert counts.contacts == 51
    assert b'{"email":"z@b.co","custom_fields":{"n":"x","t":"late"}}' in contacts
    assert b'{"email":"p0@b.co","custom_fields":{"n":"x"}}' in contacts


def test_a_key_that_the_first_objects_have_may_be_missing_from_the_last() -> None:
    content = b'{"EMail":"a@b.co","NAME":"x","Note":"y"}\n' + b"".join(b'{"EMail":"p%d@b.co"}\n' % i for i in range(50))
    assert planned(content, NDJSON, cut=True)[0].contacts == 51


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'{"EMail":"a@b.co","Name":"x"}\n' * 50, "missing_column"),
        (b'{"EMail":"a@b.co","Name":"x","NOTE":"x"}\n' * 50 + b'{"EMAIL":"a@b.co"}', None),
        (b'{"email":"a@b.co"}\n' * 50 + b'{"EMAIL":"b@b.co","Name":"x","Note":"x"}', "ambiguous_column"),
        (b"[1]\n" * 100, "unreadable_file"),
        (b"{}\n" * 100, "unreadable_file"),
    ],
)
def test_pieces_of_ndjson_are_refused_as_the_whole_is(content: bytes, code: str | None) -> None:
    said = []
    for cut in (True, False):
        try:
            planned(content, NDJSON, cut=cut)
        except UnreadableSegment as error:
            said.append((error.code, error.message))
    assert {found for found, _ in said} == ({code} if code else set())
    assert len(set(said)) == (1 if code else 0)


def test_an_object_that_is_too_long_is_a_malformed_row_between_others() -> None:
    line = b'{"EMail":"p%d@b.co","Name":"x","Note":"%b"}\n'
    rows = [line % (i, b"") for i in range(9)]
    rows[4] = line % (4, b"x" * LONGEST_ROW)
    rows[8] = line % (8, b"x" * LONGEST_ROW)
    _, upserts, rejects, _ = planned(b"".join(rows), NDJSON, cut=True)
    assert [row for row, *_ in upserts] == [1, 2, 3, 4, 6, 7, 8]
    assert [(row, code) for row, _, code, _ in rejects] == [(5, Problem.MALFORMED), (9, Problem.MALFORMED)]


def test_memory_that_json_takes_is_given_back() -> None:
    with tempfile.TemporaryDirectory() as name, engine(Path(name)) as database:
        limit = "SELECT current_setting('memory_limit')"
        before = database.execute(limit).fetchall()
        planner = Planner(database, BY)
        for piece in parsed(database, BY, pieces(LocalFile("people", Path(name, "in"), NDJSON, None), [objects(50)])):
            assert database.execute(limit).fetchall() > before
            planner.add(piece)
        planner.decide(members=None, others=[], everything=True, leave=False)
        assert database.execute(limit).fetchall() == before


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ('"Ada"', "Ada"),
        ('" Ada"', "Ada"),
        ('"Ada "', "Ada"),
        (r'"\u0020Ada"', "Ada"),
        (r'"Ada\t"', "Ada"),
        (r'"a \"b\""', 'a "b"'),
        ("7", "7"),
    ],
)
def test_spaces_around_texts_of_objects_go(given: str, sent: str) -> None:
    lines = f'{{"EMail":"a@b.co","Name":{given},"Note":""}}\n'.encode()
    *_, [contact] = planned(lines, NDJSON, cut=True)
    assert json.loads(contact)["custom_fields"] == {"n": sent}


@pytest.mark.parametrize("content", [b"\n", b"\na@b.co,x,y\n", b"\r\n\r\na@b.co,x,y\n"])
def test_a_file_that_begins_with_an_empty_line(content: bytes) -> None:
    with pytest.raises(UnreadableSegment) as raised:
        planned(content, HEADED, cut=True)
    assert raised.value.code == "no_header"

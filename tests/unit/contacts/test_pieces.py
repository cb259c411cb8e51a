"""A file that is read in pieces while it arrives comes to the same as one that is read whole."""

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.contacts import pieces as cutting
from shared.contacts.engine import engine
from shared.contacts.pieces import pieces
from shared.contacts.plan import PlanCounts, Planner
from shared.contacts.reading import LocalFile
from shared.errors import UnreadableSegment
from shared.segments.snapshot import CsvFormat, FileFormat, NdjsonFormat
from tests.unit.contacts.build import HEADED, custom, mapping, rows_of

BY = mapping(custom("n", "Name"), custom("t", "Note"))


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "SIZES", (100, 200))
    monkeypatch.setattr(cutting, "_BLOCK", 64)


def arriving(content: bytes, size: int = 50) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


def planned(content: bytes, how: FileFormat, *, cut: bool) -> tuple[PlanCounts, list[object], list[object], set[bytes]]:
    """Counts, upserts and rejects by row, and the contacts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with engine(folder) as database:
            planner = Planner(database, BY)
            file = LocalFile("people", folder / "in", how, None)
            if cut:
                for piece in pieces(file, arriving(content)):
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
        (NdjsonFormat(), b'{"EMail":"a@b.co","Name":"x","Note":"y"}\n' * 20),
    ],
)
def test_other_files_stay_whole(how: FileFormat, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        file = LocalFile("people", Path(name, "in"), how, None)
        assert list(pieces(file, arriving(content))) == [file]
        assert file.path.read_bytes() == content

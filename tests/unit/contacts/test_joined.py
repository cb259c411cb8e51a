"""Small files that are joined come to the same as files that are read one by one, row for row."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.contacts import pieces as cutting
from shared.contacts.engine import engine
from shared.contacts.joined import joined
from shared.contacts.plan import PlanCounts, Planner
from shared.contacts.reading import LocalFile
from shared.errors import UnreadableSegment
from shared.segments.snapshot import CsvFormat
from tests.unit.contacts.build import HEADED, HEADLESS, custom, mapping, rows_of

BY = mapping(custom("n", "Name"))
Outcome = tuple[PlanCounts, list[object], list[object], list[bytes]]


def local(folder: Path, count: int, how: CsvFormat, columns: tuple[str, ...] | None) -> list[LocalFile]:
    return [LocalFile(f"file{number}", folder / f"in{number}", how, columns) for number in range(count)]


def join(folder: Path, *contents: bytes, how: CsvFormat = HEADED, columns: tuple[str, ...] | None = None) -> list[int]:
    """How many files each piece is made of."""
    files = zip(local(folder, len(contents), how, columns), contents, strict=True)
    return [max(1, len(piece.joined)) for piece in joined(files)]


def planned(
    *contents: bytes, together: bool, how: CsvFormat = HEADED, columns: tuple[str, ...] | None = None
) -> Outcome:
    """Counts, upserts and rejects by file and row, and the contacts in their order."""
    with tempfile.TemporaryDirectory() as name, engine(Path(name)) as database:
        folder = Path(name)
        planner = Planner(database, BY)
        files = local(folder, len(contents), how, columns)
        if together:
            for piece in joined(zip(files, contents, strict=True)):
                planner.add(piece)
        else:
            for file, content in zip(files, contents, strict=True):
                file.path.write_bytes(content)
                planner.add(file)
        counts = planner.decide(members=None, others=[], everything=True, leave=False)
        planner.write_rows(folder / "rows")
        planner.write_rejects(folder / "rejects")
        upserts = rows_of(database, folder / "rows", "file, row, address, customer_id", "file, row")
        rejects = rows_of(database, folder / "rejects", "file, row, code, email, customer_id", "file, row")
        return counts, list(upserts), list(rejects), [text for chunk in planner.contacts() for text, _ in chunk]


A = b"EMail,Name,CustomerId\na@b.co,Ada,1\nno address,x,2\nb@b.co,Ben,3\n"
B = b"EMail,Name,CustomerId\nc@b.co,Cid,4\nA@b.co,again,5\n,nobody,6\n"
C = b"EMail,Name,CustomerId\nd@b.co,Dan,7\n"


def test_files_that_are_alike_are_one_piece_with_its_rows_in_their_order(tmp_path: Path) -> None:
    assert join(tmp_path, A, B, C) == [3]
    assert (tmp_path / "in0").read_bytes() == A + B.partition(b"\n")[2] + C.partition(b"\n")[2]
    counts, upserts, rejects, _ = planned(A, B, C, together=True)
    assert counts.rows == 7
    assert upserts == [
        ("file0", 1, "a@b.co", "1"),
        ("file0", 3, "b@b.co", "3"),
        ("file1", 1, "c@b.co", "4"),
        ("file2", 1, "d@b.co", "7"),
    ]
    assert rejects == [
        ("file0", 2, "invalid_email", "no address", "2"),
        ("file1", 2, "duplicate", "a@b.co", "5"),
        ("file1", 3, "no_email", None, "6"),
    ]


@pytest.mark.parametrize(
    "odd",
    [
        b"EMail,Name,CustomerId\ne@b.co,no line break,8",
        b"EMail,Name,CustomerId\n",
        b"EMail,Name,CustomerId",
        b"\xef\xbb\xbf" + C,
        C.replace(b"\n", b"\r\n"),
        C.replace(b"\n", b"\r"),
        b'EMail,Name,CustomerId\r\ne@b.co,"two\r\n\nlines, ""quoted""",8\r\nf@b.co,"",9\r\n',
        b'"EMail","Name","CustomerId"\ne@b.co,quoted header,8\n',
        b"EMail,Name,CustomerId\ne@b.co,\xc2\xa0odd space\xe2\x80\x89,8\n",
    ],
)
def test_what_is_otherwise_harmless_is_joined_and_comes_to_the_same(odd: bytes, tmp_path: Path) -> None:
    if b"\n\n" not in odd:  # which may be a blank line
        assert join(tmp_path, A, odd, B, odd, C) == [5]
    assert planned(A, odd, B, odd, C, together=True) == planned(A, odd, B, odd, C, together=False)


@pytest.mark.parametrize(
    "odd",
    [
        b"EMail,Name,CustomerId\ne@b.co,too,many,cells\nf@b.co,Fay,9\n",
        b"EMail,Name,CustomerId\ne@b.co,\xff,8\nf@b.co,Fay,9\n",
        b"EMail,Name,CustomerId\n\ne@b.co,Eve,8\n\n\nbad\nf@b.co,Fay,9\n",
        b'EMail,Name,CustomerId\ne@b.co,5" pipe,8\nf@b.co,Fay,9\n',
        b"EMail,Name,CustomerId\ne@b.co," + b"x" * 1024 * 1024 + b",8\nf@b.co,Fay,9\n",
        b"Name,EMail,CustomerId\nEve,e@b.co,8\n",
        b"EMail,Name,CustomerId,More\ne@b.co,Eve,8,x\n",
        b"email,name,customerid\ne@b.co,Eve,8\n",
        A.decode().encode("utf-16"),
        b"",
        b"\xef\xbb\xbf",
    ],
)
def test_a_file_that_is_in_any_doubt_or_not_alike_is_read_alone(odd: bytes, tmp_path: Path) -> None:
    assert join(tmp_path, A, B, odd, C, A) == [2, 1, 2]
    assert planned(A, B, odd, C, A, together=True) == planned(A, B, odd, C, A, together=False)


def test_headerless_files_of_a_model_are_joined_whether_or_not_one_has_its_header(tmp_path: Path) -> None:
    columns = ("EMail", "Name", "CustomerId")
    contents = [content.partition(b"\n")[2] for content in (A, B, C)]
    assert join(tmp_path, *contents, how=HEADLESS, columns=columns) == [3]
    contents.insert(1, C)
    assert join(tmp_path, *contents, how=HEADLESS, columns=columns) == [1, 1, 2]
    whole = planned(*contents, together=False, how=HEADLESS, columns=columns)
    assert planned(*contents, together=True, how=HEADLESS, columns=columns) == whole


def test_a_column_that_is_missing_is_said_of_the_first_file_without_it() -> None:
    with pytest.raises(UnreadableSegment) as raised:
        planned(A, B, b"EMail\na@b.co\n", b"EMail\nb@b.co\n", together=True)
    assert raised.value.code == "missing_column"
    assert raised.value.message.startswith("file2 has no column 'Name'")


def test_a_piece_ends_when_it_is_as_large_as_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.contacts.joined.SIZES", (100, 200))
    assert join(tmp_path, *[A] * 12) == [2, 5, 5]


def test_a_large_file_between_small_ones_is_cut_as_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "SIZES", (100, 200))
    large = A.partition(b"\n")[0] + b"\n" + b"".join(b"p%d@b.co,P,%d\n" % (i, i) for i in range(50))

    def arriving() -> Iterator[tuple[LocalFile, bytes | Iterator[bytes]]]:
        first, second, third, last = local(tmp_path, 4, HEADED, None)
        yield first, A
        yield second, B
        yield third, iter([large])
        yield last, C

    monkeypatch.setattr(cutting, "_BLOCK", 64)
    found = [(piece.name, piece.continues, len(piece.joined)) for piece in joined(arriving())]
    assert (found[0], found[1], found[2], found[-1]) == (
        ("file0", False, 2),
        ("file2", False, 0),
        ("file2", True, 0),
        ("file3", False, 0),
    )


@pytest.mark.parametrize("more", [-1, 1])
def test_rows_that_are_not_as_many_as_were_counted_end_in_an_error(more: int) -> None:
    with tempfile.TemporaryDirectory() as name, engine(Path(name)) as database:
        first, second = local(Path(name), 2, HEADED, None)
        (piece,) = joined([(first, A), (second, B)])
        name_of_first, rows = piece.joined[0]
        wrong = replace(piece, joined=((name_of_first, rows + more), piece.joined[1]))
        with pytest.raises(UnreadableSegment) as raised:
            Planner(database, BY).add(wrong)
        assert raised.value.code == "unreadable_file"


def test_few_contacts_of_joined_files_are_sent_with_their_own_values() -> None:
    header = b"EMail,Name,CustomerId\n"
    contents = [header + b"".join(b"p%d@b.co,N%d,%d\n" % (i, i, i) for i in range(s, s + 9)) for s in (0, 9, 18)]
    with tempfile.TemporaryDirectory() as name, engine(Path(name)) as database:
        folder = Path(name)
        planner = Planner(database, BY)
        (piece,) = joined(zip(local(folder, 3, HEADED, None), contents, strict=True))
        planner.add(piece)
        database.execute(f"""COPY (SELECT address, if(address IN ('p9@b.co', 'p26@b.co'), 1::UBIGINT, fingerprint)
            AS fingerprint FROM rows) TO '{folder}/members' (FORMAT parquet)""")
        counts = planner.decide(members=folder / "members", others=[], everything=False, leave=True)
        assert (counts.upserts, counts.leavers) == (2, 0)
        sent = {text for chunk in planner.contacts() for text, _ in chunk}
        assert sent == {b'{"email":"p%d@b.co","custom_fields":{"n":"N%d"}}' % (i, i) for i in (9, 26)}

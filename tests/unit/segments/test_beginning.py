"""Where a file's beginning is cut, and how many rows it has."""

import zlib
from pathlib import Path

import pytest

from shared.errors import UnreadableSegment
from shared.segments.beginning import Beginning, _unpacked, _whole_rows, rows_in
from shared.segments.snapshot import CsvFormat, FileFormat, NdjsonFormat

CSV = CsvFormat(header=True)


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b"a,b\n1,2\n3,", b"a,b\n1,2\n"),
        (b'a,b\n1,"two\nlines"\n2,"tw', b'a,b\n1,"two\nlines"\n'),
        (b'a,b\n1,"x\ny\nz', b"a,b\n"),
        (b'a,b\n1,"say ""hi""\n"\n2', b'a,b\n1,"say ""hi""\n"\n'),
        (b'"never closed\nx\ny', b'"never closed\nx\n'),
        (b"no end of a row", b"no end of a row"),
        (b"", b""),
    ],
)
def test_a_text_is_cut_after_its_last_whole_row(content: bytes, kept: bytes) -> None:
    assert content[: _whole_rows(content, quote=True)] == kept


def test_without_quoting_every_line_is_a_row() -> None:
    content = b'a\n"b\nc'
    assert content[: _whole_rows(content, quote=False)] == b'a\n"b\n'


@pytest.mark.parametrize(
    ("content", "how", "rows"),
    [
        (b"a\n1\n2\n", CSV, 2),
        (b"a\r\n1\r\n2", CSV, 2),
        (b'a\n"1\n1"\n2\n\n', CSV, 2),
        (b"1\n2\n", CsvFormat(header=False), 2),
        (b"a\n", CSV, 0),
        (b"\n", CSV, 0),
        (b'{"a": "x\\n"}\n{"a": 2}', NdjsonFormat(), 2),
    ],
)
def test_rows_are_counted_as_a_person_would(tmp_path: Path, content: bytes, how: FileFormat, rows: int) -> None:
    path = tmp_path / "rows"
    path.write_bytes(content)
    assert rows_in(Beginning(path, how, 1.0)) == rows


def test_half_a_gzip_file_gives_what_is_in_that_half() -> None:
    packed = zlib.compress(b"row\n" * 100_000, wbits=31)
    content, taken, ended = _unpacked("rows.csv.gz", packed[: len(packed) // 2])
    assert content.startswith(b"row\nrow\n")
    assert (taken, ended) == (len(packed) // 2, False)
    assert _unpacked("rows.csv.gz", packed) == (b"row\n" * 100_000, len(packed), True)


def test_what_is_no_gzip_file_is_unreadable() -> None:
    with pytest.raises(UnreadableSegment, match=r"rows\.csv\.gz"):
        _unpacked("rows.csv.gz", b"plain text")

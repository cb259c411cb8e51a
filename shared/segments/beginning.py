"""The beginning of a snapshot, for people who look at a segment: never more than a few MiB of it are fetched.

Text files (CSV, NDJSON) are cut after a whole row. Of a Parquet file the footer is fetched, and the first pages of its
first row group, into a file with holes where the rest would be.
"""

import codecs
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

from shared.cloud.storage import Container
from shared.errors import UnreadableSegment
from shared.segments import parquet
from shared.segments.snapshot import CsvFormat, FileFormat, NdjsonFormat, ParquetFormat, SnapshotFile

BEGINNING = 1024 * 1024  # bytes fetched of a text file
UNPACKED = 8 * BEGINNING  # bytes that those may unpack to
FOOTER = 64 * 1024  # bytes in which most Parquet footers end


@dataclass(frozen=True, slots=True)
class Beginning:
    """A local file that holds the first rows. `share`: how much of the blob it is, 0 to 1; 1 if it is all of it."""

    path: Path
    format: FileFormat
    share: float


def fetch_text(
    container: Container, file: SnapshotFile, how: CsvFormat | NdjsonFormat, path: Path, *, most: int = BEGINNING
) -> Beginning:
    """The first rows of a CSV or NDJSON file, as UTF-8. Conflict if the file was written again meanwhile."""
    content = container.read_part(file.name, 0, most, etag=file.etag)
    whole, taken = len(content) == file.size, len(content)
    if how.gzip:
        content, taken, ended = _unpacked(file.name, content)
        whole = whole and ended
    encoding = how.encoding if isinstance(how, CsvFormat) else "utf-8"
    if encoding != "utf-8" or content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else encoding
        content = content.decode(encoding, errors="ignore").encode()
    if not whole:
        content = content[: _whole_rows(content, quote=isinstance(how, CsvFormat) and how.quote)]
    path.write_bytes(content)
    return Beginning(path, _plain(how), 1.0 if whole else min(1.0, taken / file.size))


def rows_in(beginning: Beginning) -> int:
    """Rows of a text file's beginning, its header left out."""
    content = beginning.path.read_bytes().rstrip(b"\r\n")
    if not content:
        return 0
    how = beginning.format
    outside = content.split(b'"')[::2] if isinstance(how, CsvFormat) and how.quote else [content]
    lines = sum(piece.count(b"\n") for piece in outside) + 1
    return lines - 1 if isinstance(how, CsvFormat) and how.header else lines


def fetch_footer(container: Container, file: SnapshotFile, path: Path) -> None:
    """A file that is a Parquet file's footer behind a hole: what it holds can be asked, its rows cannot."""
    length = min(FOOTER, file.size)
    tail = container.read_part(file.name, file.size - length, length, etag=file.etag)
    size = parquet.metadata_size(tail, file.size, file.name) + 8
    if size > length:
        tail = container.read_part(file.name, file.size - size, size, etag=file.etag)
        parquet.refuse_metadata(tail[-size:-8], file.name)
    with path.open("wb") as sparse:
        sparse.truncate(file.size)
        sparse.write(parquet.MAGIC)
        sparse.seek(file.size - size)
        sparse.write(tail[-size:])


def fetch_range(container: Container, file: SnapshotFile, path: Path, start: int, length: int) -> None:
    """Fill a part of the hole."""
    content = container.read_part(file.name, start, length, etag=file.etag)
    with path.open("r+b") as sparse:
        sparse.seek(start)
        sparse.write(content)


def word(how: FileFormat) -> str:
    """The format as people call it."""
    if isinstance(how, ParquetFormat):
        return "Parquet"
    name = "CSV" if isinstance(how, CsvFormat) else "NDJSON"
    return f"{name}, gzip" if how.gzip else name


def _plain(how: CsvFormat | NdjsonFormat) -> FileFormat:
    if isinstance(how, CsvFormat):
        return replace(how, encoding="utf-8", gzip=False)
    return replace(how, gzip=False)


def _unpacked(name: str, packed: bytes) -> tuple[bytes, int, bool]:
    """What comes out, how many packed bytes that took, and whether that is all of it."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        content = unpacker.decompress(packed, UNPACKED)
    except zlib.error as error:
        raise UnreadableSegment(
            f"{name} cannot be read: it is not a gzip file",
            code="unreadable_file",
            advice="The file is damaged or is not in the format of its name. Land the segment again.",
        ) from error
    rest = len(unpacker.unconsumed_tail) + len(unpacker.unused_data)
    return content, max(1, len(packed) - rest), unpacker.eof and not unpacker.unused_data


def _whole_rows(content: bytes, *, quote: bool) -> int:
    """How many bytes of it are whole rows; all, if there is no end of a row in it."""
    end = content.rfind(b"\n")
    last = end
    inside = content.count(b'"', 0, max(0, end)) % 2 if quote else 0
    while end >= 0 and inside:
        earlier = content.rfind(b"\n", 0, end)
        inside = (inside + content.count(b'"', max(0, earlier), end)) % 2
        end = earlier
    end = end if end >= 0 else last  # quotation marks that nothing makes sense of
    return end + 1 if end >= 0 else len(content)

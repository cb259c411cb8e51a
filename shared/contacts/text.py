r"""Text files the way DuckDB reads them rightly: plain UTF-8, no byte order mark, one kind of line break.

DuckDB 2.0 alone takes UTF-16 of the other byte order for an empty file, refuses Windows' characters in "latin-1" and
files that mix line breaks, and unpacks gzip three times slower than Python. What is not as it likes it is written
anew, once, in the original's place; line breaks become \n on the way, those in quoted cells as well.
"""

import codecs
import csv
import gzip
import io
import re
import shutil
import zlib
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, cast

from shared.errors import UnreadableSegment

if TYPE_CHECKING:
    from _csv import Reader

csv.field_size_limit(2 * 1024 * 1024)  # characters, of the whole process: more than DuckDB takes for a row
BLOCK = 1024 * 1024  # bytes read at a time
LONGEST_HELD = 4 * BLOCK  # bytes in which a row should end
LARGEST_COPY = 8 * 1024**3  # bytes; more comes out of no honest gzip file of a segment
# Times its size that a gzip file may unpack to, beside what any may. Rows of people shrink to a tenth, the most
# monotonous to a hundredth; gzip's own limit is 1,032.
LARGEST_GROWTH, SMALLEST_COPY = 200, 64 * 1024**2

# What the web and Windows mean by latin-1: windows-1252, with the five bytes that it leaves open as in ISO-8859-1.
_LATIN = "".join(
    chr(byte) if byte in {0x81, 0x8D, 0x8F, 0x90, 0x9D} else bytes([byte]).decode("cp1252") for byte in range(256)
)


def unreadable(name: str, error: Exception) -> UnreadableSegment:
    """What DuckDB or a decoder says about a file, without the content that such messages quote."""
    return UnreadableSegment(
        f"{name} cannot be read: {type(error).__name__.removesuffix('Exception').removesuffix('Error') or 'error'}",
        code="unreadable_file",
        advice="The file is damaged or is not in the format of its name. Land the segment again.",
    )


def plain(path: Path, name: str, *, encoding: str, gzipped: bool) -> Path | None:
    """The file itself, or in its place a copy that DuckDB can read; None if there is nothing in it.

    Bytes that are not valid in the encoding stay invalid, so that DuckDB finds the rows they are in. UnreadableSegment
    if a gzip file is damaged or cut off, or unpacks to more than this instance should hold.
    """
    blocks = _blocks(path, name, gzipped=gzipped)
    first = next(blocks, b"")
    encoding = _encoding(first, encoding)
    if not gzipped and encoding == "utf-8" and not first.startswith(codecs.BOM_UTF8) and _has_one_line_break(path):
        return path if first else None
    copy = path.with_name(f"{path.name}.txt")
    honest = SMALLEST_COPY + LARGEST_GROWTH * path.stat().st_size
    limit = min(LARGEST_COPY, honest, shutil.disk_usage(path.parent).free // 2)
    size = 0
    with copy.open("wb") as target:
        for block in _with_one_line_break(_as_utf8(_chain(first, blocks), name, encoding)):
            size += len(block)
            if size > limit:
                raise UnreadableSegment(
                    f"{name} unpacks to more than {limit // 1024**2} MiB",
                    code="too_large_unpacked",
                    advice="Split the segment into several files, or choose a larger instance size.",
                )
            target.write(block)
    path.unlink()  # the disk of a small instance has half a gigabyte for both
    return copy if size else None


def _rows(lines: Iterable[str], delimiter: str, *, quote: bool, strict: bool) -> "Reader":
    """Python's own look at a CSV file. As in DuckDB's, a quotation mark also opens a cell after a space."""
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    spaces = quote and delimiter != " "
    return csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=strict, skipinitialspace=spaces)


def swallows_rows(path: Path, delimiter: str, longest: int) -> bool:
    """Whether a quotation mark that is not closed takes in the file's end, or more than `longest` characters of it.

    For files about which there is a doubt: it looks at every row. DuckDB drops such an end without a word, and begins
    anew somewhere inside a row that is too long for it.
    """
    with path.open(encoding="utf-8", errors="replace", newline="") as lines:
        rows = _rows(lines, delimiter, quote=True, strict=True)
        line = 0
        while True:
            try:
                row = next(rows)
                long = sum(map(len, row)) > longest
            except StopIteration:
                return False
            except csv.Error as error:  # the reader goes on with the next line
                if "unexpected end" in str(error):
                    return True
                long = "field larger" in str(error)
            if long and rows.line_num > line + 1:
                return True
            line = rows.line_num


def write_blank_lines(path: Path, delimiter: str, target: Path, *, quote: bool) -> bool:
    """Write the numbers of the empty records, from 1, a line each; False if there are none.

    DuckDB leaves them out of the rows, but counts them where it numbers malformed ones. Looks at every row, if at all.
    """
    if not _may_have_blank_lines(path):
        return False
    with path.open(encoding="utf-8", errors="replace", newline="") as lines, target.open("w") as numbers:
        rows = _rows(lines, delimiter, quote=quote, strict=False)
        for number in count(1):
            try:
                if not next(rows):
                    numbers.write(f"{number}\n")
            except StopIteration:
                break
            except csv.Error:  # a cell that is too long for this reader: not an empty one
                continue
    return target.stat().st_size > 0


def _may_have_blank_lines(path: Path) -> bool:
    end = b"\n"  # the file may begin with one
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            text = end + block
            if any(pair in text for pair in (b"\n\n", b"\n\r", b"\r\r")):
                return True
            end = block[-1:]
    return False


def has_malformed(path: Path, delimiter: str, cells: int, *, quote: bool, rows: int, size: int) -> bool:
    """Whether more than `rows` rows, or rows of more than `size` characters together, are malformed.

    DuckDB keeps a kilobyte for each malformed row, and its text twice, outside of its memory limit. A look at every
    line is enough for most files; the csv module looks again if lines seem malformed, as they do in quoted cells.
    """
    if not _seems_malformed(path, delimiter, cells, quote=quote, rows=rows, size=size):
        return False
    with path.open(encoding="utf-8", errors="replace", newline="") as lines:
        lengths: list[int] = []  # of the lines of one row
        reader = _rows(_noting(lines, lengths), delimiter, quote=quote, strict=True)
        while rows >= 0 and size >= 0:
            lengths.clear()
            try:
                row = next(reader)
                malformed = bool(row) and (len(row) != cells or any("\ufffd" in cell for cell in row))
            except StopIteration:
                return False
            except csv.Error as error:
                malformed = "field larger" not in str(error)  # too long for this reader, but not for DuckDB
            if malformed:
                rows, size = rows - 1, size - sum(lengths)
    return True


def _seems_malformed(path: Path, delimiter: str, cells: int, *, quote: bool, rows: int, size: int) -> bool:
    """The same by the delimiters and line breaks of whole blocks, which may take a good row for a malformed one."""
    mark, own = delimiter.encode(), re.escape(delimiter).encode()
    row = mark * (cells - 1) + b"\n"
    everything_else = bytes(set(range(256)) - set(row))
    # Begins with what is looked for and only then looks behind, which is many times faster.
    stray_quote = re.compile(rb'"(?:[^%b\r\n"]|(?<=[^%b\r\n"]"))' % (own, own))
    for block in _whole_rows(path, quote=quote):
        quoted = quote and b'"' in block
        bare = b'"'.join(block.split(b'"')[::2]) if quoted else block  # one mark for each quoted text
        shape = bare.translate(None, everything_else)
        odd = []
        if shape != row * (len(shape) // len(row)):
            odd = [len(line) for line in bare.splitlines() if line and line.count(mark) != cells - 1]
        inside = _undecodable(block) + (len(stray_quote.findall(bare)) if quoted else 0)
        rows -= len(odd) + inside
        size -= len(block) if inside or (odd and quoted) else sum(odd)
        if rows < 0 or size < 0:
            return True
    return False


def _whole_rows(path: Path, *, quote: bool) -> Iterator[bytes]:
    """The file in blocks of whole lines, none of which ends within quotation marks; less neatly if lines are long."""
    held = b""
    with path.open("rb") as file:
        while read := file.read(BLOCK):
            block = held + read
            end = _last_line_end(block) if quote else block.rfind(b"\n") + 1
            if not end and len(block) > LONGEST_HELD:
                end = len(block)
            held = block[end:]
            if end:
                yield block[:end]
    yield held


def _last_line_end(block: bytes) -> int:
    """The end of the last line after an even number of quotation marks; 0 if there is none."""
    marks, end = block.count(b'"'), len(block)
    while (cut := block.rfind(b"\n", 0, end)) >= 0:
        marks -= block.count(b'"', cut, end)
        if marks % 2 == 0:
            return cut + 1
        end = cut
    return 0


def _undecodable(block: bytes) -> int:
    try:
        block.decode()
    except UnicodeDecodeError:
        return block.decode(errors="replace").count("\ufffd")
    return 0


def _noting(lines: Iterable[str], lengths: list[int]) -> Iterator[str]:
    for line in lines:
        lengths.append(len(line))
        yield line


def without_long_lines(path: Path, longest: int) -> Path:
    """The file itself, or in its place a copy in which `null` stands for every line of more than `longest` bytes."""
    if not any(length > longest for length in _line_lengths(path)):
        return path
    copy = path.with_name(f"{path.name}.short")
    with path.open("rb") as source, copy.open("wb") as target:
        for length in _line_lengths(path):
            if length <= longest:
                target.write(source.read(length))
            else:
                source.seek(length, 1)
                target.write(b"null\n")
    path.unlink()
    return copy


def _line_lengths(path: Path) -> Iterator[int]:
    """Bytes of each stretch of whole lines within a block, and of each line that lies in more than one block."""
    held = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            first, last = block.find(b"\n") + 1, block.rfind(b"\n") + 1
            if not last:
                held += len(block)
                continue
            yield held + first
            if last > first:
                yield last - first
            held = len(block) - last
    if held:
        yield held


def may_end_in_quotes(path: Path, delimiter: str) -> bool:
    """Whether the file's end may lie in a quoted cell: its last quotation mark opens one, or stands for itself in one.

    It does neither if it follows anything but a delimiter, spaces after one, a line break or another quotation mark.
    """
    with path.open("rb") as file:
        end = file.seek(0, io.SEEK_END)
        while end:
            start = max(0, end - BLOCK)
            file.seek(start)
            found = file.read(end - start).rfind(b'"')
            if found >= 0:
                place = start + found
                file.seek(max(0, place - len(delimiter.encode())))
                before = file.read(place - file.tell())
                return not before or before.endswith((delimiter.encode(), b" ", b"\n", b"\r", b'"'))
            end = start
    return False


def _blocks(path: Path, name: str, *, gzipped: bool) -> Iterator[bytes]:
    try:
        with cast("IO[bytes]", gzip.open(path, "rb") if gzipped else path.open("rb")) as file:
            while block := file.read(BLOCK):
                yield block
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(name, error) from error


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _encoding(start: bytes, declared: str) -> str:
    """The encoding by the byte order mark, which is never wrong, else the one declared."""
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8"
    if start.startswith(codecs.BOM_UTF16_BE) or (declared == "utf-16" and start[:1] == b"\0"):
        return "utf-16-be"
    if start.startswith(codecs.BOM_UTF16_LE) or declared == "utf-16":
        return "utf-16-le"
    return declared


def _as_utf8(blocks: Iterator[bytes], name: str, encoding: str) -> Iterator[bytes]:
    first = True
    for block in blocks if encoding == "utf-8" else _transcoded(blocks, name, encoding):
        yield block.removeprefix(codecs.BOM_UTF8) if first else block
        first = False


def _transcoded(blocks: Iterator[bytes], name: str, encoding: str) -> Iterator[bytes]:
    if encoding == "latin-1":
        for block in blocks:
            yield codecs.charmap_decode(block, "strict", _LATIN)[0].encode()
        return
    # Half a surrogate pair becomes three bytes that are no UTF-8: a malformed row, not a malformed file.
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    try:
        for block in blocks:
            yield decoder.decode(block).encode("utf-8", "surrogatepass")
        decoder.decode(b"", final=True)
    except UnicodeError as error:
        raise unreadable(name, error) from error


def _has_one_line_break(path: Path) -> bool:
    r"""Whether all line breaks of a file are \n, all \r\n or all \r, those in quoted cells included."""
    feeds = returns = pairs = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            while block.endswith(b"\r") and (more := file.read(1)):
                block += more
            feeds += block.count(b"\n")
            if b"\r" in block:
                returns += block.count(b"\r")
                pairs += block.count(b"\r\n")
    return not returns or not feeds or feeds == returns == pairs


def _with_one_line_break(blocks: Iterator[bytes]) -> Iterator[bytes]:
    held = b""
    for each in blocks:
        block = held + each
        held = b"\r" if block.endswith(b"\r") else b""  # the \n may be the next block's first
        if held:
            block = block[:-1]
        yield block.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in block else block
    if held:
        yield b"\n"

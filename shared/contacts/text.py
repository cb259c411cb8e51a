r"""Text files the way DuckDB reads them rightly: plain UTF-8, no byte order mark, one kind of line break.

DuckDB 2.0 alone takes UTF-16 of the other byte order for an empty file, refuses Windows' characters in "latin-1" and
files that mix line breaks, and unpacks gzip three times slower than Python. What is not as it likes it is written
anew, once, in the original's place; line breaks become \n on the way, those in quoted cells as well.
"""

import codecs
import gzip
import shutil
import zlib
from collections.abc import Iterator
from enum import Flag, auto
from pathlib import Path
from typing import IO, cast

from shared.errors import UnreadableSegment

BLOCK = 1024 * 1024  # bytes read at a time
LARGEST_COPY = 8 * 1024**3  # bytes; more comes out of no honest gzip file of a segment
# Times its size that a gzip file may unpack to, beside what any may. Rows of people shrink to a tenth, the most
# monotonous to a hundredth; gzip's own limit is 1,032.
LARGEST_GROWTH, SMALLEST_COPY = 200, 64 * 1024**2

# What the web and Windows mean by latin-1: windows-1252, with the five bytes that it leaves open as in ISO-8859-1.
_LATIN = "".join(
    chr(byte) if byte in {0x81, 0x8D, 0x8F, 0x90, 0x9D} else bytes([byte]).decode("cp1252") for byte in range(256)
)


class Doubt(Flag):
    """What may be in a text's values, as far as a quick look can tell: for what is not there nothing has to be done."""

    NONE = 0
    ODD_SPACES = auto()  # around values, other ones than plain ones; or control characters
    SPACES = auto()  # around values, of any kind
    QUOTES = auto()  # quotation marks
    ESCAPES = auto()  # backslashes or control characters: what else JSON writes otherwise
    EMPTY = auto()  # values that are there and empty: never in CSV as it is read
    ALL = ODD_SPACES | SPACES | QUOTES | ESCAPES | EMPTY


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
        for block in with_one_line_break(_as_utf8(_chain(first, blocks), name, encoding)):
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


def length_of_lines(path: Path) -> int:
    """Bytes of a line on average in that block of the file where they are longest."""
    with path.open("rb") as file:
        return max((len(block) // (block.count(b"\n") + 1) for block in iter(lambda: file.read(BLOCK), b"")), default=0)


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


def with_one_line_break(blocks: Iterator[bytes]) -> Iterator[bytes]:
    r"""The same text with \n for each line break, those in quoted cells included."""
    held = b""
    for each in blocks:
        block = held + each
        held = b"\r" if block.endswith(b"\r") else b""  # the \n may be the next block's first
        if held:
            block = block[:-1]
        yield block.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in block else block
    if held:
        yield b"\n"

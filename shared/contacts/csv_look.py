"""Python's own look at a CSV file, before DuckDB reads it: at what DuckDB would get wrong or take too much memory for.

Quick looks go over all bytes at the speed of `bytes`' own methods. The slow ones parse every row, and are for files
about which a quick one leaves a doubt.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from shared.contacts.text import BLOCK

if TYPE_CHECKING:
    from _csv import Reader

csv.field_size_limit(2 * 1024 * 1024)  # characters, of the whole process: more than DuckDB takes for a row
LONGEST_HELD = 4 * BLOCK  # bytes in which a row should end


@dataclass(slots=True)
class Look:
    """What a quick look at a CSV file finds, which may take a good row for a malformed one, and never the opposite.

    malformed  rows that seem so, each stray quotation mark and undecodable character counted as one
    size       bytes of those rows, or more
    unclosed   a quotation mark may not be closed
    """

    malformed: int = 0
    size: int = 0
    unclosed: bool = False


def look(path: Path, delimiter: str, cells: int, *, quote: bool) -> Look:
    """Look at the delimiters, line breaks and quotation marks of a file, a block at a time."""
    mark, own = delimiter.encode(), re.escape(delimiter).encode()
    row = mark * (cells - 1) + b"\n"
    everything_else = bytes(set(range(256)) - set(row))
    # Begins with what is looked for and only then looks behind, which is many times faster.
    stray_quote = re.compile(rb'"(?:[^%b\r\n"]|(?<=[^%b\r\n"]"))' % (own, own))
    found, strays, even = Look(), 0, True
    for block in _whole_rows(path, quote=quote):
        quoted = quote and b'"' in block
        bare = b'"'.join(block.split(b'"')[::2]) if quoted else block  # one mark for each quoted text
        shape = bare.translate(None, everything_else)
        odd = []
        if shape != row * (len(shape) // len(row)):
            odd = [len(line) for line in bare.splitlines() if line and line.count(mark) != cells - 1]
        stray = len(stray_quote.findall(bare)) if quoted else 0
        inside = _undecodable(block) + stray
        found.malformed += len(odd) + inside
        found.size += len(block) if inside or (odd and quoted) else sum(odd)
        strays += stray
        even ^= quoted and block.count(b'"') % 2 == 1
    found.unclosed = (not even or strays > 0) and _may_end_in_quotes(path, delimiter)
    return found


def has_malformed(path: Path, delimiter: str, cells: int, *, quote: bool, rows: int, size: int) -> bool:
    """Whether more than `rows` rows, or rows of more than `size` characters together, are malformed.

    Looks at every row, for files that seem to: DuckDB keeps a kilobyte for each malformed row, and its text twice,
    outside of its memory limit.
    """
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


def _may_end_in_quotes(path: Path, delimiter: str) -> bool:
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


def _rows(lines: Iterable[str], delimiter: str, *, quote: bool, strict: bool) -> "Reader":
    """Python's own look at a CSV file. As in DuckDB's, a quotation mark also opens a cell after a space."""
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    spaces = quote and delimiter != " "
    return csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=strict, skipinitialspace=spaces)

"""Python's own look at a CSV file, before DuckDB reads it: at what DuckDB would get wrong or take too much memory for.

Quick looks go over all bytes at the speed of `bytes`' own methods. The slow ones parse every row, and are for files
about which a quick one leaves a doubt.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from shared.contacts.text import BLOCK, Doubt

if TYPE_CHECKING:
    from _csv import Reader

csv.field_size_limit(2 * 1024 * 1024)  # characters, of the whole process: more than DuckDB takes for a row
LONGEST_HELD = 4 * 1024 * 1024  # bytes in which a row should end
_LONGEST_LINE = 1024 * 1024  # bytes; a longer one is malformed (reading.LONGEST_ROW)
_CONTROLS = bytes(range(32))
_NO_CONTROLS = bytes(range(32, 256))
# Odd spaces in UTF-8, or what they begin with (see mapping.SPACES).
_ODD_SPACES = (b"\xc2\x85", b"\xc2\xa0", b"\xe1\x9a\x80", b"\xe2\x80", b"\xe2\x81", b"\xe3\x80\x80", b"\xef\xbb\xbf")


@dataclass(slots=True)
class Look:
    """A quick look at rows of a CSV file of so many `cells`, a block at a time.

    malformed  rows that seem so, each stray quotation mark and undecodable character counted as one; it may take a
               good row for a malformed one, and never the opposite
    size       bytes of those rows, or more
    doubts     what may be in the values, if it is `sure`
    sure       what lies within quotation marks is known: none is stray, and none is open at the end
    breaks     line breaks outside of quotation marks, counted
    even       no row seems malformed, no line is blank (unless there is one cell only), and there are no controls
    lines      every line is a row, and a sound one
    """

    delimiter: str
    cells: int
    quote: bool
    malformed: int = 0
    size: int = 0
    doubts: Doubt = Doubt.NONE
    sure: bool = True
    breaks: int = 0
    even: bool = True
    lines: bool = True
    _mark: bytes = field(init=False)
    _rows: tuple[bytes, bytes] = field(init=False)  # what is left of a sound row, with either line break
    _everything_else: bytes = field(init=False)
    _stray: re.Pattern[bytes] = field(init=False)
    _edge: re.Pattern[bytes] = field(init=False)
    _quoted_edge: re.Pattern[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self._mark, own = self.delimiter.encode(), re.escape(self.delimiter).encode()
        marks = self._mark * (self.cells - 1)
        self._rows = marks + b"\n", marks + b"\r\n"
        self._everything_else = bytes(set(range(256)) - {*marks, *_CONTROLS})
        # They begin with what is looked for and only then look behind, which is many times faster.
        self._edge = re.compile(rb" (?:[%b\r\n]|\Z|(?<=[%b\r\n] )|(?<=\A ))" % (own, own))
        self._quoted_edge = re.compile(rb' (?:"(?:[%b\r\n]|\Z)|(?<=[%b\r\n]" )|(?<=\A" ))' % (own, own))
        self._stray = re.compile(rb'"(?:[^%b\r\n"]|(?<=[^%b\r\n"]"))' % (own, own))

    def take(self, block: bytes) -> None:
        """Look at the next rows, none of which ends within quotation marks, at their delimiters, breaks and marks."""
        quoted = self.quote and b'"' in block
        pieces = block.split(b'"') if quoted else [block]
        bare = b'"'.join(pieces[::2])  # one mark for each quoted text
        shape = bare.translate(None, self._everything_else)
        odd = []
        row = next((row for row in self._rows if shape == row * (len(shape) // len(row))), None)
        self.breaks += len(shape) // len(row) if row else bare.count(b"\n")
        if not row:
            odd = [len(line) for line in bare.splitlines() if line and line.count(self._mark) != self.cells - 1]
            self.even = False
            if shape.translate(None, self._rows[-1]):
                self.doubts |= Doubt.ODD_SPACES
        stray = len(self._stray.findall(bare)) if quoted else 0
        inside = _undecodable(block) + stray
        texts = b"".join(pieces[1::2])
        broken = b"\n" in texts or b"\r" in texts or len(block) > _LONGEST_LINE
        self.lines &= bool(row) and not inside and not broken
        self.malformed += len(odd) + inside
        self.size += len(block) if inside or (odd and quoted) else sum(odd)
        self.sure &= not stray and len(pieces) % 2 == 1
        self._doubt(block, bare, pieces, texts)

    def _doubt(self, block: bytes, bare: bytes, pieces: list[bytes], texts: bytes) -> None:
        quoted = len(pieces) > 1
        if Doubt.ODD_SPACES not in self.doubts and has_odd_spaces(block, texts):
            self.doubts |= Doubt.ODD_SPACES
        if Doubt.SPACES not in self.doubts and (
            self._edge.search(bare) or (quoted and self._quoted_edge.search(block))
        ):
            self.doubts |= Doubt.SPACES
        # Between two marks that stand for one in a quoted text there is nothing.
        if b"" in pieces[2:-1:2] or (not self.quote and b'"' in block):
            self.doubts |= Doubt.QUOTES
        if b"\\" in block:
            self.doubts |= Doubt.ESCAPES

    @property
    def all_doubts(self) -> Doubt:
        """What may be in the values for all that is known. What seems to be a line break may be part of one."""
        if not self.sure:
            return Doubt.ALL
        controls = Doubt.SPACES | Doubt.ESCAPES if Doubt.ODD_SPACES in self.doubts else Doubt.NONE
        return self.doubts | controls


def look(path: Path, delimiter: str, cells: int, *, quote: bool) -> Look:
    """Look at all of a file."""
    found = Look(delimiter, cells, quote)
    with path.open("rb") as file:
        for block, whole in whole_rows(blocks(file), quote=quote):
            found.take(block)
            found.sure &= whole
    return found


def blocks(file: IO[bytes]) -> Iterator[bytes]:
    """A file's content."""
    while block := file.read(BLOCK):
        yield block


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


def whole_rows(blocks: Iterable[bytes], *, quote: bool) -> Iterator[tuple[bytes, bool]]:
    """The blocks anew, each of whole lines, none of which ends within quotation marks.

    False beside one whose lines are too long for that to be certain.
    """
    held = b""
    for read in blocks:
        block = held + read
        end = _last_line_end(block) if quote else block.rfind(b"\n") + 1
        whole = bool(end) or len(block) <= LONGEST_HELD
        if not whole:
            end = len(block)
        held = block[end:]
        if end:
            yield block[:end], whole
    if held:
        yield held, True


def _last_line_end(block: bytes) -> int:
    """The end of the last line after an even number of quotation marks; 0 if there is none."""
    marks, end = block.count(b'"'), len(block)
    while (cut := block.rfind(b"\n", 0, end)) >= 0:
        marks -= block.count(b'"', cut, end)
        if marks % 2 == 0:
            return cut + 1
        end = cut
    return 0


def has_odd_spaces(block: bytes, quoted: bytes) -> bool:
    """Whether a block may hold spaces of another kind than plain ones, or control characters in its quoted texts."""
    if quoted.translate(None, _NO_CONTROLS):
        return True
    # A single byte is found at many times the speed of two, and these at twice the speed from the end on.
    return any(all(byte in block for byte in space) and block.rfind(space) >= 0 for space in _ODD_SPACES)


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


def _rows(lines: Iterable[str], delimiter: str, *, quote: bool, strict: bool) -> "Reader":
    """Python's own look at a CSV file. As in DuckDB's, a quotation mark also opens a cell after a space."""
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    spaces = quote and delimiter != " "
    return csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=strict, skipinitialspace=spaces)

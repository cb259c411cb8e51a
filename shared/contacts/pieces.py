"""A file of a snapshot as it arrives, in pieces of whole rows: the first are read while the rest is on its way.

A CSV file is cut only where a row ends for certain: from the first quotation mark on that nothing makes sense of, the
rest of the file is one piece. An NDJSON file is cut at its line breaks. Others stay whole.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, count

from shared.contacts.csv_look import Look, has_odd_spaces, whole_rows
from shared.contacts.reading import HEADER_LIMIT, LONGEST_ROW, LocalFile, Objects, header_of
from shared.contacts.text import Doubt, length_of_lines, with_one_line_break, without_long_lines
from shared.segments.snapshot import CsvFormat, NdjsonFormat

_MIB = 1024 * 1024
# Bytes of the first pieces, and of all others, or a little more: reading begins early, and few queries are planned.
SIZES = (4 * _MIB, 8 * _MIB, 16 * _MIB)
# Rows that seem malformed, and their bytes, that end a piece, too: DuckDB keeps some kilobytes for each, and its text
# twice, until the piece has been read.
MALFORMED, MALFORMED_SIZE = 1000, 4 * _MIB
OBJECTS = 2  # times as many bytes are a piece of NDJSON: its rows are that much longer than those of CSV
_BLOCK = 256 * 1024  # bytes looked at at a time: Python does nothing else meanwhile
_ODD_ESCAPE = re.compile(rb"\\[bfnrtu]")  # of characters that may be other spaces than plain ones
_EDGE = re.compile(rb' (?:"|(?<=" ))')  # a space where a JSON text may begin or end
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def pieces(file: LocalFile, content: Iterable[bytes]) -> Iterator[LocalFile]:
    """Write what arrives to `file.path`, or beside it if it takes several pieces, and give each when it is complete."""
    how, rest = file.format, iter(content)
    start = next(rest, b"")
    head = head_of(file, start)
    if head and isinstance(how, CsvFormat):
        content = chain(iter([_text(start)]), rest)
        del start  # some MiB, for as long as the file is being read
        yield from _rows(file, how, head, content)
        return
    if isinstance(how, NdjsonFormat) and not how.gzip and _text(start):
        content = chain(iter([_text(start)]), rest)
        del start
        yield from _objects(file, content)
        return
    with file.path.open("wb") as target:
        target.writelines(chain([start], rest))
    yield file


def head_of(file: LocalFile, start: bytes) -> tuple[tuple[str, ...], bool] | None:
    """The columns of a file that begins so, and whether its first record is a header; None if it is no plain CSV."""
    how, text = file.format, _text(start)
    if not isinstance(how, CsvFormat) or how.gzip or how.encoding != "utf-8" or not text:
        return None
    text = text[:HEADER_LIMIT]
    line = text.partition(b"\n")[0]
    return header_of(file.name, (text if b'"' in line else line).decode(errors="replace"), how, file.columns)


def _text(start: bytes) -> bytes:
    """The beginning of a file without its mark, empty if it is UTF-16."""
    return b"" if start.startswith(_UTF_16) else start.removeprefix(codecs.BOM_UTF8)


def _rows(
    file: LocalFile, how: CsvFormat, head: tuple[tuple[str, ...], bool], content: Iterable[bytes]
) -> Iterator[LocalFile]:
    columns, header = head
    # Nothing here keeps what has been cut while the next arrives.
    blocks = chain.from_iterable(map(blocks_of, content))
    rows = whole_rows(with_one_line_break(blocks), quote=how.quote)
    for number in count():
        path = file.path.with_name(f"{file.path.name}-{number}")
        look = Look(how.delimiter, len(columns), how.quote)
        size = 0
        with path.open("wb") as target:
            for block, whole in rows:
                target.write(block)
                look.take(block)
                look.sure &= whole
                size += len(block)
                full = size >= SIZES[min(number, len(SIZES) - 1)]
                if look.sure and (full or look.malformed >= MALFORMED or look.size >= MALFORMED_SIZE):
                    break
        if not size:
            path.unlink()
            return
        yield replace(file, path=path, continues=number > 0, head=(columns, header and not number), look=look)


def _objects(file: LocalFile, content: Iterable[bytes]) -> Iterator[LocalFile]:
    blocks = chain.from_iterable(map(blocks_of, content))
    lines = whole_rows(with_one_line_break(blocks), quote=False)
    keys: set[str] = set()
    coming = next(lines, None)
    for number in count():
        path = file.path.with_name(f"{file.path.name}-{number}")
        size = length = longest = 0
        doubts = Doubt.EMPTY  # which would take as long to find as to be done with
        with path.open("wb") as target:
            while coming:
                block, whole = coming
                target.write(block)
                size += len(block)
                longest = max(longest, len(block))
                length = max(length, len(block) // (block.count(b"\n") or 1))
                doubts |= _doubts_of(block, doubts)
                coming = next(lines, None)
                if whole and size >= OBJECTS * SIZES[min(number, len(SIZES) - 1)]:
                    break
        if longest > LONGEST_ROW:  # of whole lines: none is longer
            path = without_long_lines(path, LONGEST_ROW)  # a longer object would take its size many times over
            length = length_of_lines(path)
        objects = Objects(keys, length, doubts, last=coming is None)
        yield replace(file, path=path, continues=number > 0, objects=objects)
        if objects.last:
            return


def _doubts_of(block: bytes, known: Doubt) -> Doubt:
    """What else may be in the values of some lines of NDJSON; it is not looked for what is known."""
    found = Doubt.NONE
    escaped = b"\\" in block
    if Doubt.ODD_SPACES not in known and (has_odd_spaces(block, b"") or (escaped and _ODD_ESCAPE.search(block))):
        found |= Doubt.ODD_SPACES | Doubt.SPACES
    elif Doubt.SPACES not in known and _EDGE.search(block):
        found |= Doubt.SPACES
    if Doubt.ESCAPES not in known and (escaped or _holds_more(block)):
        found |= Doubt.QUOTES | Doubt.ESCAPES
    return found


def _holds_more(block: bytes) -> bool:
    """Whether there may be lists and objects among the values, which are texts with quotation marks in the end."""
    return b"[" in block or block.count(b"{") > block.count(b"\n{") + block.startswith(b"{")


def blocks_of(chunk: bytes) -> Iterator[bytes]:
    """The same in blocks that are not too large to look at."""
    return (chunk[start : start + _BLOCK] for start in range(0, len(chunk), _BLOCK))

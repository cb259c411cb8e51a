"""A file of a snapshot as it arrives, in pieces of whole rows: the first are read while the rest is on its way.

Only a CSV file is cut, and only where a row ends for certain: from the first quotation mark on that nothing makes sense
of, the rest of the file is one piece. Files that are smaller than a piece are put together, so that few queries are
planned.
"""

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, count

from shared.contacts.csv_look import Look, whole_rows
from shared.contacts.reading import HEADER_LIMIT, LocalFile, header_of
from shared.contacts.text import with_one_line_break
from shared.segments.snapshot import CsvFormat

_MIB = 1024 * 1024
# Bytes of the first pieces, and of all others, or a little more: reading begins early, and few queries are planned.
SIZES = (4 * _MIB, 8 * _MIB, 16 * _MIB)
# Rows that seem malformed, and their bytes, that end a piece, too: DuckDB keeps some kilobytes for each, and its text
# twice, until the piece has been read.
MALFORMED, MALFORMED_SIZE = 1000, 4 * _MIB
MOST_TOGETHER = 200  # files that are read as one: each takes a moment, and a place in the query
_BLOCK = 256 * 1024  # bytes looked at at a time: Python does nothing else meanwhile
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def pieces(file: LocalFile, content: Iterable[bytes]) -> Iterator[LocalFile]:
    """Write what arrives to `file.path`, or beside it if it takes several pieces, and give each when it is complete."""
    how, rest = file.format, iter(content)
    start = next(rest, b"")
    plain = isinstance(how, CsvFormat) and not how.gzip and how.encoding == "utf-8" and not start.startswith(_UTF_16)
    text = start.removeprefix(codecs.BOM_UTF8)
    if isinstance(how, CsvFormat) and plain and text:
        beginning = text[:HEADER_LIMIT].replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode(errors="replace")
        head = header_of(file.name, beginning, how, file.columns)
        yield from _rows(replace(file, head=head), how, head[0], chain([text], rest))
        return
    with file.path.open("wb") as target:
        target.writelines(chain([start], rest))
    yield file


def _rows(file: LocalFile, how: CsvFormat, columns: tuple[str, ...], content: Iterable[bytes]) -> Iterator[LocalFile]:
    rows = whole_rows(with_one_line_break(_blocks(content)), quote=how.quote)
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
        yield replace(file, path=path, look=look)
        file = replace(file, continues=True, head=(columns, False))


def together(pieces: Iterable[LocalFile]) -> Iterator[LocalFile]:
    """The same in their order, small CSV files in a row as one if they have the same columns in the same places."""
    held: list[LocalFile] = []
    given = size = malformed = 0
    for piece in pieces:
        length = piece.path.stat().st_size
        small = _is_small(piece, length)
        full = size >= SIZES[min(given, len(SIZES) - 1)] or malformed >= MALFORMED or len(held) == MOST_TOGETHER
        if held and (full or not small or _kind(piece) != _kind(held[0])):
            yield replace(held[0], alike=tuple(held[1:]))
            held, size, malformed = [], 0, 0
            given += 1
        if small and piece.look:
            held.append(piece)
            size += length
            malformed += piece.look.malformed
        else:
            yield piece
            given += 1
    if held:
        yield replace(held[0], alike=tuple(held[1:]))


def _is_small(piece: LocalFile, size: int) -> bool:
    """Whether it is all of a file, and nothing in it makes DuckDB's reading doubtful or dear."""
    look = piece.look
    sound = look is not None and look.sure and look.malformed < MALFORMED and look.size < MALFORMED_SIZE
    return sound and not piece.continues and size < SIZES[0]


def _kind(piece: LocalFile) -> tuple[object, ...]:
    return piece.format, piece.columns, piece.head


def _blocks(content: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in content:
        yield from (chunk[start : start + _BLOCK] for start in range(0, len(chunk), _BLOCK))

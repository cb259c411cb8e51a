"""Small CSV files in a row as one, so that few queries are planned: planning one takes as long as a thousand rows.

They are joined if they have the same columns in the same places, and if it is certain which rows are whose: if nothing
in them seems malformed, and no line is blank. All other files come as they are, in pieces.
"""

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Self

from shared.contacts.csv_look import Look, whole_rows
from shared.contacts.pieces import SIZES, blocks_of, head_of, pieces
from shared.contacts.reading import LONGEST_ROW, LocalFile
from shared.contacts.text import with_one_line_break
from shared.segments.snapshot import CsvFormat


@dataclass(slots=True)
class _Small:
    """A file that can be joined with others: its text, with a line break at the end, and where its rows begin."""

    file: LocalFile
    columns: tuple[str, ...]
    text: bytes
    start: int
    look: Look

    @property
    def kind(self) -> tuple[object, ...]:
        return self.file.format, self.file.columns, self.columns, self.start > 0

    @classmethod
    def of(cls, file: LocalFile, content: bytes) -> Self | None:
        """None if it cannot be joined. UnreadableSegment if it has no columns."""
        head = head_of(file, content)
        if head is None or not isinstance(file.format, CsvFormat):
            return None
        columns, header = head
        how = file.format
        text = b"".join(with_one_line_break(iter([content.removeprefix(codecs.BOM_UTF8)])))
        text = text if text.endswith(b"\n") else text + b"\n"
        look = Look(how.delimiter, len(columns), how.quote)
        for block, whole in whole_rows(blocks_of(text), quote=how.quote):
            look.take(block)
            doubt = not look.even or len(columns) == 1  # looking for two bytes takes many times as long as for one
            blank = doubt and (block.startswith(b"\n") or b"\n\n" in block)
            if blank or look.malformed or not (look.sure and whole) or len(block) > LONGEST_ROW:
                return None
        return cls(file, columns, text, _end_of_header(text, quote=how.quote) if header else 0, look)


class _Group:
    """Files that are being joined, at the path of the first."""

    def __init__(self, first: _Small) -> None:
        self._file, self._kind, self._look = first.file, first.kind, first.look
        self._head = first.columns, first.start > 0
        self._rows: list[tuple[str, int]] = []
        self._target = first.file.path.open("wb")
        self._target.write(first.text[: first.start])

    @property
    def size(self) -> int:
        return self._target.tell()

    def takes(self, small: _Small) -> bool:
        return small.kind == self._kind

    def add(self, small: _Small) -> None:
        self._target.write(memoryview(small.text)[small.start :])
        self._rows.append((small.file.name, small.look.breaks - (small.start > 0)))
        self._look.doubts |= small.look.doubts
        self._look.lines &= small.look.lines

    def close(self) -> LocalFile:
        self._target.close()
        rows = tuple(self._rows) if len(self._rows) > 1 else ()
        return replace(self._file, head=self._head, look=self._look, joined=rows)


def joined(files: Iterable[tuple[LocalFile, bytes | Iterator[bytes]]]) -> Iterator[LocalFile]:
    """Write content to files' paths, and give each when it is complete: in pieces if large, joined if small.

    Only a file whose content is all there can be joined.
    """
    group: _Group | None = None
    given = 0
    for file, content in files:
        small = _Small.of(file, content) if isinstance(content, bytes) else None
        if group and (small is None or not group.takes(small)):
            yield group.close()
            group, given = None, given + 1
        if small is None:
            for piece in pieces(file, [content] if isinstance(content, bytes) else content):
                yield piece
                given += 1
            continue
        group = group or _Group(small)
        group.add(small)
        if group.size >= SIZES[min(given, len(SIZES) - 1)]:
            yield group.close()
            group, given = None, given + 1
    if group:
        yield group.close()


def _end_of_header(text: bytes, *, quote: bool) -> int:
    end = text.index(b"\n") + 1
    while quote and text.count(b'"', 0, end) % 2:
        end = text.index(b"\n", end) + 1
    return end

"""What a Parquet file says of itself, counted before a reader builds it in memory.

The metadata at a file's end are Thrift in its compact protocol (apache/parquet-format, "File Metadata";
apache/thrift, "Thrift compact protocol"). Three bytes of them make a column chunk, which takes a reader eight hundred:
a file of four MiB can ask for more than a gigabyte.
"""

from pathlib import Path

from shared.errors import UnreadableSegment

MAGIC = b"PAR1"
LARGEST_METADATA = 16 * 1024 * 1024  # bytes
HARMLESS = 64 * 1024  # bytes of metadata that need not be counted
MOST_COLUMNS = 50_000  # of all row groups, and of the schema: 500 columns in 100 row groups
MOST_ENTRIES = 1_000_000  # of all lists of the metadata

_TRUE, _FALSE, _BYTE, _I64, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 6, 7, 8, 9, 10, 12
_COLUMNS = {(2,), (4, 1)}  # FileMetaData.schema, FileMetaData.row_groups[].columns, by the numbers of their fields
_DEEPEST = 32


def refuse_bomb(path: Path, name: str) -> None:
    """UnreadableSegment if a local Parquet file's metadata are none, or would take a reader's memory."""
    with path.open("rb") as file:
        end = file.seek(0, 2)
        file.seek(max(0, end - 8))
        size = metadata_size(file.read(), end, name)
        if size > HARMLESS:
            file.seek(end - size - 8)
            refuse_metadata(file.read(size), name)


def metadata_size(tail: bytes, size: int, name: str) -> int:
    """Bytes of the metadata of a file of `size` bytes, by its last eight."""
    found = int.from_bytes(tail[-8:-4], "little")
    if len(tail) < 8 or tail[-4:] != MAGIC or found > min(LARGEST_METADATA, size - 12):  # noqa: PLR2004 - as above
        raise _unreadable(name, "it does not end as a Parquet file does")
    return found


def refuse_metadata(metadata: bytes, name: str) -> None:
    """UnreadableSegment if there is too much in them, or if they cannot be followed to their end."""
    try:
        _Count(metadata).struct(())
    except (IndexError, RecursionError, ValueError):
        raise _unreadable(name, "its metadata hold more than this app reads, or nonsense") from None


def _unreadable(name: str, why: str) -> UnreadableSegment:
    return UnreadableSegment(
        f"{name} cannot be read: {why}",
        code="unreadable_file",
        advice="The file is damaged or is not in the format of its name. Land the segment again.",
    )


class _Count:
    """Goes over Thrift values and keeps none. ValueError if there are too many; IndexError at the end of the bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0
        self._columns = 0
        self._entries = 0

    def struct(self, path: tuple[int, ...]) -> None:
        """`path`: the numbers of the fields that lead to it."""
        if len(path) > _DEEPEST:
            raise ValueError
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._varint()
            if head & 15 not in {_TRUE, _FALSE}:  # of a field, these are the value itself
                self._value(head & 15, (*path, number))

    def _value(self, kind: int, path: tuple[int, ...]) -> None:
        if kind in {_TRUE, _FALSE, _BYTE}:
            self._at += 1
        elif kind <= _I64:
            self._varint()
        elif kind == _DOUBLE:
            self._at += 8
        elif kind == _BINARY:
            length = self._varint()
            self._at += length
        elif kind in {_LIST, _SET}:
            self._list(path)
        elif kind == _STRUCT:
            self.struct(path)
        else:  # a map, of which Parquet has none, or nothing that there is
            raise ValueError

    def _list(self, path: tuple[int, ...]) -> None:
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._varint()  # noqa: PLR2004 - four bits that are all set
        self._entries += count
        self._columns += count if path in _COLUMNS else 0
        if self._columns > MOST_COLUMNS or self._entries > MOST_ENTRIES:
            raise ValueError
        for _ in range(count):
            self._value(head & 15, path)

    def _byte(self) -> int:
        self._at += 1
        return self._content[self._at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the highest bit says that there is more
                return value
            shift += 7

"""What a blob's name says: which segment it belongs to, how it is read, and whether it counts at all.

    exports/HighValue/2026/11/21/_SUCCESS      a folder of parts is named by its last folder that is no date or time
    exports/HighValue_20261121T0300Z.csv.gz    a single file by its own name, with or without the stamp
    exports/HighValue/2026/11/21/0300/HighValue_1.csv
                                               a part: of a folder or of a model.json, never a landing by itself

The last shape is Customer Insights' own, `%EntityName%/%Year%/%Month%/%Day%/%HHMM%/%EntityName%_%PartitionId%.csv`
(Microsoft, "Export Customer Insights data to Azure Blob Storage").
"""

import re
from collections.abc import Iterator

from shared.segments.snapshot import CsvFormat, FileFormat, NdjsonFormat, ParquetFormat

MODEL = "model.json"
SUCCESS = "_SUCCESS"

_FILE_FORMATS: dict[str, FileFormat] = {
    ".csv": CsvFormat(header=True),
    ".csv.gz": CsvFormat(header=True, gzip=True),
    ".parquet": ParquetFormat(),
    ".ndjson": NdjsonFormat(),
    ".ndjson.gz": NdjsonFormat(gzip=True),
    ".jsonl": NdjsonFormat(),
    ".jsonl.gz": NdjsonFormat(gzip=True),
}
# Spark calls its files of one JSON object a line .json. Outside a folder of parts that may be any document.
_PART_FORMATS: dict[str, FileFormat] = _FILE_FORMATS | {
    ".json": NdjsonFormat(),
    ".json.gz": NdjsonFormat(gzip=True),
}

_MONTH = r"\d{4}-?(0[1-9]|1[0-2])"
_DAY = rf"{_MONTH}-?(0[1-9]|[12]\d|3[01])"
_TIME = r"([01]\d|2[0-3])([:.-]?[0-5]\d){1,2}([.,]\d+)?(Z|[+-]\d{2}:?\d{2})?"
_UNIX = r"\d{10}(\d{3})?"  # seconds or milliseconds
# A folder may hold one component of a date (2026, 11, 0300), a whole one, or a key=value pair.
_STAMP_FOLDER = re.compile(rf"\d+Z?|T{_TIME}|{_MONTH}|{_DAY}([T_ -]?{_TIME})?|[^=]+=.*")
_STAMPED_FILE = re.compile(rf"(?P<segment>.+?)[_-]({_UNIX}|{_DAY}([T_ -]?{_TIME})?)")
_PART_FILE = re.compile(r"part[-_.]?\d.*|[\d_]+", re.IGNORECASE)
_RUN_FOLDER = re.compile(r"(.*/)?\d{4}/\d{2}/\d{2}/\d{4}/")


def folder_of(name: str) -> str:
    """The folder that a blob is in, with its final slash; empty for the container's root."""
    return name[: name.rfind("/") + 1]


def folders_above(name: str) -> Iterator[str]:
    """The folders that hold a blob, nearest first, the root (an empty string) last."""
    folder = folder_of(name)
    while folder:
        yield folder
        folder = folder_of(folder[:-1])
    yield ""


def partitioned_folders(name: str) -> Iterator[str]:
    """The folders whose `_SUCCESS` would count for this file: its own, and those above `key=value` folders."""
    for folder in folders_above(name):
        yield folder
        if "=" not in folder[:-1].rpartition("/")[2]:
            return


def is_hidden(name: str) -> bool:
    """Whether a tool keeps this for itself: `$logs/…`, `_temporary/…`, `.part.crc`; markers are hidden as well."""
    return name.startswith("$") or any(part.startswith((".", "_")) for part in name.split("/"))


def format_of(name: str, *, part: bool = False) -> FileFormat | None:
    """How a file of this name is read (`part`: one in a folder with `_SUCCESS`); None if nothing is known of it."""
    return (_PART_FORMATS if part else _FILE_FORMATS).get(_extension(name))


def is_part(folder: str, name: str) -> bool:
    """Whether the blob holds rows of the folder of parts `folder`: in it, or in `key=value` folders below it."""
    *folders, file = name.removeprefix(folder).split("/")
    return all("=" in part for part in folders) and not is_hidden(file) and format_of(file, part=True) is not None


def folder_segment(folder: str) -> str | None:
    """The segment that a folder of parts is named for; None if all its name is dates and times."""
    for part in reversed(folder.split("/")):
        if part and not _STAMP_FOLDER.fullmatch(part):
            # Spark users write "HighValue.parquet" and get a folder of that name.
            return (format_of(part, part=True) and _stem(part)) or part
    return None


def file_segments(name: str) -> tuple[str, ...]:
    """The names a single file answers to: without its stamp if it has one, then its whole stem. None for a part."""
    if format_of(name) is None or is_hidden(name) or _RUN_FOLDER.fullmatch(folder_of(name)):
        return ()
    stem = _stem(name.rpartition("/")[2])
    in_own_folder = re.fullmatch(re.escape(folder_segment(folder_of(name)) or "/") + r"_\d{1,6}", stem)
    if not stem or in_own_folder or _PART_FILE.fullmatch(stem):
        return ()
    stamped = _STAMPED_FILE.fullmatch(stem)
    return (stamped["segment"], stem) if stamped else (stem,)


def part_segment(name: str) -> str | None:
    """The segment that a part waits for a marker with; None if the blob is no part or its folder names no segment."""
    if format_of(name) is None or is_hidden(name) or file_segments(name):
        return None
    return folder_segment(folder_of(name))


def _extension(name: str) -> str:
    file = name.rpartition("/")[2].lower()
    stem, dot, last = file.rpartition(".")
    if last != "gz":
        return dot + last
    return f"{stem[stem.rfind('.') :] if '.' in stem else ''}.gz"


def _stem(file: str) -> str:
    return file[: len(file) - len(_extension(file))]

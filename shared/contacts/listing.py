"""Who is really on a list: files of SendGrid's contact export become Parquet files of addresses.

A file is NDJSON (`email`, flat custom fields beside it) or CSV (`EMAIL`); which of the two, its first character says.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from shared.contacts.reading import LocalFile, open_relation, quoted
from shared.errors import UnreadableSegment
from shared.segments.snapshot import CsvFormat, NdjsonFormat
from shared.sendgrid.errors import FileUnavailable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_NAME = "SendGrid's contact export"
_START = 1024  # bytes in which a file shows what it is


def write_listed(connection: "DuckDBPyConnection", source: Path, target: Path) -> int:
    """Write the `address`es of an unpacked export file in lower case; gives how many contacts the file holds.

    Contacts that have a phone number only count, and are left out. FileUnavailable if the file is something else.
    """
    import duckdb

    try:
        with source.open("rb") as file:
            is_json = file.read(_START).lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{")
        form = NdjsonFormat() if is_json else CsvFormat(header=True)
        select = _select(connection, LocalFile(_NAME, source, form, None), "email" if is_json else "EMAIL")
        connection.execute(f"CREATE OR REPLACE TABLE listed_file AS {select}")
        connection.execute(f"""
            COPY (SELECT address FROM listed_file WHERE address <> '')
            TO {quoted(str(target))} (FORMAT parquet, COMPRESSION zstd)
        """)
        return int(connection.execute("SELECT count(*) FROM listed_file").fetchall()[0][0])
    except duckdb.OutOfMemoryException:
        raise
    except (UnreadableSegment, duckdb.Error):
        raise FileUnavailable("a file of SendGrid's contact export cannot be read", code="file_unreadable") from None


def _select(connection: "DuckDBPyConnection", file: LocalFile, column: str) -> str:
    relation = open_relation(connection, file, [column])
    if relation is None:
        return "SELECT '' AS address LIMIT 0"
    index = relation.index(column)
    if index is None:
        raise FileUnavailable("a file of SendGrid's contact export names no addresses", code="file_unreadable")
    return (
        f"SELECT lower(trim(coalesce(c{index}, ''))) AS address FROM ({relation.select({index})}) WHERE NOT malformed"
    )

"""One person is taken out of files that hold many, memberships and reports; and looked for in segments.

An address is compared the way the mapping makes it: trimmed, lower-cased, its domain in punycode.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from shared.contacts.mapping import Mapping
from shared.contacts.membership import copy_to_parquet
from shared.contacts.plan import Planner
from shared.contacts.reading import LONGEST_ROW, READ_BUFFER, LocalFile, quoted
from shared.segments.snapshot import NdjsonFormat

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

REPORT_COLUMNS = ("file", "row", "customer_id", "email", "stage", "code", "message")
EMPTY_REPORT = len(",".join(REPORT_COLUMNS)) + 1  # bytes: a header and no line

_COLUMN = "address"
# What an address cannot be the middle of. A quotation mark, a slash or a bar before it may be part of another address;
# they separate addresses more often.
_BEFORE, _AFTER = r"(?:^|[^a-z0-9!#$%&*+=?^_`{}~.-])", r"(?:$|[^a-z0-9.-]|\.(?:$|[^a-z0-9-]))"


def normalised(connection: "DuckDBPyConnection", folder: Path, text: str) -> str | None:
    """The address that a cell with this text becomes in a run; None if it is none."""
    path = folder / "asked.ndjson"
    path.write_text(json.dumps({_COLUMN: text}) + "\n", encoding="utf-8")
    planner = _planned(connection, Mapping(_COLUMN, (), (), clear_empty=False), [_local(path)])
    found = planner.connection.execute("SELECT address FROM upserts").fetchone()
    path.unlink(missing_ok=True)
    return str(found[0]) if found else None


def would_send(connection: "DuckDBPyConnection", mapping: Mapping, files: Iterable[LocalFile], address: str) -> bool:
    """Whether a run would make a contact with that address of these files. UnreadableSegment.

    `mapping` needs no fields: what is sent beside the address does not decide.
    """
    planner = _planned(connection, mapping, files)
    found = planner.connection.execute("SELECT count(*) FROM upserts WHERE address = ?", [address]).fetchone()
    return bool(found and found[0])


def without_member(connection: "DuckDBPyConnection", members: Path, path: Path, address: str) -> bool:
    """Write the membership without that address; False, and no file, if it is not in there."""
    source = f"read_parquet({quoted(str(members))})"
    found = connection.execute(f"SELECT count(*) FROM {source} WHERE address = ?", [address]).fetchone()
    if not found or not found[0]:
        return False
    copy_to_parquet(connection, f"SELECT * FROM {source} WHERE address <> {quoted(address)}", path)
    return True


def without_lines(connection: "DuckDBPyConnection", report: Path, path: Path, addresses: Iterable[str]) -> int:
    """Write the report without the lines that name one of the addresses; gives how many, and writes nothing if none.

    A cell of several addresses, and SendGrid's own words, name whoever is among them.
    """
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in REPORT_COLUMNS)
    options = (
        f"auto_detect=false, header=true, delim=',', quote='\"', escape='\"', columns={{{columns}}}, "
        f"max_line_size={2 * LONGEST_ROW}, buffer_size={2 * READ_BUFFER}"
    )
    source = f"read_csv({quoted(str(report))}, {options})"
    pattern = f"{_BEFORE}(?:{'|'.join(re.escape(each.lower()) for each in sorted(set(addresses)))}){_AFTER}"
    named = f"regexp_matches(lower(concat_ws(' ', email, message)), {quoted(pattern)})"
    [(lines,)] = connection.execute(f"SELECT count(*) FROM {source} WHERE {named}").fetchall()
    if lines:
        connection.execute(
            f"COPY (SELECT * FROM {source} WHERE NOT {named}) TO {quoted(str(path))} (FORMAT csv, HEADER)"
        )
    return int(lines)


def _planned(connection: "DuckDBPyConnection", mapping: Mapping, files: Iterable[LocalFile]) -> Planner:
    planner = Planner(connection, mapping)
    for file in files:
        planner.add(file)
    planner.decide(members=None, others=(), everything=True, leave=False)
    return planner


def _local(path: Path) -> LocalFile:
    return LocalFile("the address", path, NdjsonFormat(), None)

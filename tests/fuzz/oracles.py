"""What must hold of any input: an error of our own that quotes nobody, or a plan that adds up and mixes nobody up."""

import csv
import io
import re
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import orjson

from shared.contacts import pieces
from shared.contacts.engine import MIB, engine
from shared.contacts.mapping import SPACES, FieldType
from shared.contacts.parsed import parsed
from shared.contacts.plan import PlanCounts, Planner
from shared.contacts.problems import ADDRESS, LONGEST_ADDRESS, LONGEST_LABEL, LONGEST_LOCAL_PART
from shared.contacts.reading import LONGEST_ROW, LocalFile
from shared.destinations.documents import read_connection, read_destination
from shared.errors import ExportError, RunFailed
from shared.segments import cdm, names
from shared.segments.location import blob_name
from shared.segments.snapshot import CsvFormat, FileFormat, NdjsonFormat, ParquetFormat
from tests.fuzz.inputs import Input
from tests.unit.contacts.build import custom, mapping, reserved

COLUMNS = ("EMail", "CustomerId", "FirstName", "Points", "Since", "Note")
CONTAINER = "https://account.blob.core.windows.net/segments"
CANARY = "Lovelace"  # stands in data only: a message that has it quotes a person
_CODES = {"unreadable_file", "missing_column", "ambiguous_column", "no_header", "unclosed_quote", "too_large_unpacked"}

# The address twice, and the customer's id in the contact: so that a contact shows whether it is of one row.
MAPPING = mapping(
    reserved("first_name", "FirstName"),
    custom("who", "EMail"),
    custom("id", "CustomerId"),
    custom("n", "Points", FieldType.NUMBER),
    custom("d", "Since", FieldType.DATE),
    custom("t", "Note"),
)
FORMATS: dict[str, FileFormat] = {
    "csv": CsvFormat(header=True),
    "headless.csv": CsvFormat(header=False),
    "semicolon.csv": CsvFormat(header=True, delimiter=";"),
    "noquote.csv": CsvFormat(header=True, quote=False),
    "utf16.csv": CsvFormat(header=True, encoding="utf-16"),
    "latin1.csv": CsvFormat(header=True, encoding="latin-1"),
    "csv.gz": CsvFormat(header=True, gzip=True),
    "ndjson": NdjsonFormat(),
    "ndjson.gz": NdjsonFormat(gzip=True),
    "parquet": ParquetFormat(),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file came to. `rows`: address, row, customer_id of each upsert; `rejects`: row and code of the others."""

    counts: PlanCounts
    rows: dict[str, tuple[int, str | None]]
    rejects: dict[int, str]
    contacts: dict[str, dict[str, Any]]


def examine(given: Input) -> str:
    """Feed the input to the reader that its kind names: the code of the error that it ended with, or `fine`.

    AssertionError if something is not as it must be; any other exception is a finding as well.
    """
    try:
        if given.kind in FORMATS:
            _examine_table(given)
        else:
            _READERS[given.kind](given.content)
    except ExportError as error:
        _examine_error(given, error)
        return error.code
    return "fine"


def _examine_error(given: Input, error: ExportError) -> None:
    said = f"{error.message} {error.advice}"
    assert isinstance(error, RunFailed), f"{type(error).__name__} is no answer to a file"
    assert error.advice, "no advice"
    if given.kind not in FORMATS:
        return
    assert error.code in _CODES, f"unexpected code {error.code}"
    assert "@" not in said, "an address is quoted"
    assert CANARY not in said or CANARY.encode() in given.content.partition(b"\n")[0], "a cell is quoted"


def _examine_table(given: Input) -> None:
    plan = plan_of(given)
    counts = plan.counts
    refused = counts.malformed + counts.filtered + counts.no_email + counts.invalid_email + counts.duplicate
    assert counts.rows == refused + counts.contacts, "rows are lost"
    assert counts.contacts == counts.unchanged + counts.upserts, "contacts are lost"
    assert counts.upserts == len(plan.rows) == len(plan.contacts), "contacts handed out are not the upserts counted"
    assert len(plan.rejects) == refused, "rejects written are not those counted"
    assert sorted([*plan.rejects, *(row for row, _ in plan.rows.values())]) == list(range(1, counts.rows + 1)), (
        "rows are not numbered one by one"
    )
    for address, contact in plan.contacts.items():
        assert fits(address), "an address that SendGrid would refuse"
        fields = contact.get("custom_fields", {})
        own = fields["who"].lower()
        # A domain in another script is sent in punycode.
        assert own == address or not own.isascii(), "a contact has the values of another row"
        customer = (plan.rows[address][1] or "").strip(SPACES)
        assert fields.get("id", "") == customer[:1000].rstrip(" "), "a contact has the id of another row"
    _compare_with_csv(given, plan)
    if b"\r" not in given.content:  # in pieces, all line breaks become one
        assert plan_of(given, in_pieces=True) == plan, "in pieces the file comes to something else"


def fits(address: str) -> bool:
    """The rule of addresses, written once more."""
    local, _, domain = address.partition("@")
    return (
        re.fullmatch(ADDRESS, address) is not None
        and len(address) <= LONGEST_ADDRESS
        and len(local) <= LONGEST_LOCAL_PART
        and max(map(len, domain.split("."))) <= LONGEST_LABEL
    )


def plan_of(given: Input, *, in_pieces: bool = False) -> Plan:
    """Plan a file from its first byte to its last contact, the way `prepare` does. `in_pieces`: of few rows."""
    columns = COLUMNS if given.kind == "headless.csv" else None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with engine(folder, limit=96 * MIB) as database:
            planner = Planner(database, MAPPING)
            file = LocalFile("segment.file", folder / "in", FORMATS[given.kind], columns)
            with mock.patch.multiple(pieces, SIZES=(100,), _BLOCK=64) if in_pieces else nullcontext():
                for piece in parsed(database, MAPPING, pieces.pieces(file, [given.content])):
                    planner.add(piece)
            counts = planner.decide(members=None, others=[], everything=False, leave=True)
            planner.write_rows(folder / "rows")
            planner.write_rejects(folder / "rejects")
            planner.write_leavers(folder / "leavers")
            sent = [orjson.loads(text) for chunk in planner.contacts() for text, _ in chunk]
            assert not list(planner.leavers(10))
            rows = _read(database, folder / "rows", "address, row, customer_id")
            rejects = _read(database, folder / "rejects", "row, code")
        contacts = {contact["email"]: contact for contact in sent}
        assert len(contacts) == len(sent), "two contacts have one address"
        assert contacts.keys() == {address for address, *_ in rows}
        return Plan(counts, {address: (row, id_) for address, row, id_ in rows}, dict(rejects), contacts)


def _read(database: duckdb.DuckDBPyConnection, path: Path, columns: str) -> list[tuple[Any, ...]]:
    return database.execute(f"SELECT {columns} FROM read_parquet('{path}')").fetchall()


def _compare_with_csv(given: Input, plan: Plan) -> None:
    """Python's own reader finds the same addresses in the same rows, if the file is what both call CSV."""
    rows = _rows_of(given)
    if rows is None:
        return
    assert plan.counts.rows == len(rows), "the file has another number of rows"
    for address, (number, customer) in plan.rows.items():
        row = rows[number - 1]
        if row is None:
            raise AssertionError("a malformed row became a contact")
        mail = row[0].strip(SPACES).lower()
        assert mail == address or not mail.isascii(), "the row in the file has another address"
        assert row[1] == (customer or ""), "the row in the file has another id"
    for number, code in plan.rejects.items():
        assert (rows[number - 1] is None) == (code == "malformed"), f"row {number} is not {code}"


def _rows_of(given: Input) -> list[list[str] | None] | None:
    """The rows by the csv module, None for one with too few or many cells; None if there may be two opinions."""
    if given.kind not in {"csv", "headless.csv"} or b"\r" in given.content or b"\0" in given.content:
        return None
    try:
        text = given.content.decode().removeprefix("\ufeff")
        found = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (ValueError, csv.Error):
        return None
    header = given.kind == "csv"
    if header and (not found or found[0][:2] != ["EMail", "CustomerId"]):
        return None
    width = len(found[0]) if header else len(COLUMNS)
    longest = max((sum(map(len, row)) for row in found), default=0)
    # A quotation mark in the middle of a cell is where opinions differ; so is a row of a mebibyte.
    if width < 2 or longest * 4 > LONGEST_ROW or re.search(r'[^",\n]"(?![",\n]|$)|[^",\n]"[^",\n]', text):
        return None
    own_header = (
        not header
        and bool(found)
        and [name.strip().casefold() for name in found[0]] == [name.casefold() for name in COLUMNS]
    )
    return [row if len(row) == width else None for row in found[int(header or own_header) :] if row]


def _model(content: bytes) -> None:
    model = cdm.Model("model.json", content)
    for segment in model.segments():
        entity = model.entity(segment, CONTAINER)
        assert entity is not None
        for partition in entity.partitions:
            _sound_blob(partition.blob)


def _location(content: bytes) -> None:
    _sound_blob(blob_name(content.decode(errors="surrogateescape"), CONTAINER, where="model.json"))


def _sound_blob(name: str) -> None:
    assert 0 < len(name) <= 1024
    assert not {".", ".."} & set(name.split("/"))
    assert not re.search(r"[\x00-\x1f\x7f\\]", name)


def _name(content: bytes) -> None:
    name = content.decode(errors="replace")
    folder = names.folder_of(name)
    assert name.startswith(folder)
    segment = names.folder_segment(folder)
    assert segment is None or (segment in folder and "/" not in segment)
    for each in names.file_segments(name):
        assert each
        assert each in name
        assert names.format_of(name)
    names.is_hidden(name)
    names.part_segment(name)
    assert list(names.folders_above(name))[-1] == ""
    list(names.partitioned_folders(name))


_READERS: dict[str, Callable[[bytes], object]] = {
    "model.json": _model,
    "location.txt": _location,
    "name.txt": _name,
    "export.json": lambda content: read_destination("customers", content),
    "connection.json": lambda content: read_connection("sendgrid", content),
}

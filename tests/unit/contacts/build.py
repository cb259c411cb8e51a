"""Files, mappings and plans for tests to change one thing about. Everything runs on real files and a real DuckDB."""

import csv
import io
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import orjson

from shared.contacts.engine import MEMORY_LIMIT, engine
from shared.contacts.mapping import CUSTOM_TEXT_LENGTH, RESERVED_LENGTHS, Field, FieldType, Mapping
from shared.contacts.plan import PlanCounts, Planner
from shared.contacts.reading import LocalFile
from shared.segments.snapshot import CsvFormat, FileFormat

HEADED = CsvFormat(header=True)
HEADLESS = CsvFormat(header=False)


def reserved(key: str, column: str) -> Field:
    return Field(key, key, column, FieldType.TEXT, custom=False, max_length=RESERVED_LENGTHS[key])


def custom(key: str, column: str, kind: FieldType = FieldType.TEXT) -> Field:
    return Field(key, f"name of {key}", column, kind, custom=True, max_length=CUSTOM_TEXT_LENGTH)


def mapping(*fields: Field, email: str = "EMail", clear_empty: bool = False, **only_where: tuple[str, ...]) -> Mapping:
    return Mapping(email, fields, tuple(only_where.items()), clear_empty)


def table(*rows: Sequence[str], **format_: Any) -> bytes:
    """A CSV file, its header included."""
    text = io.StringIO()
    csv.writer(text, **format_).writerows(rows)
    return text.getvalue().encode()


@dataclass(frozen=True)
class Planned:
    """What came out of a plan, in the words of its files."""

    counts: PlanCounts
    upserts: list[tuple[Any, ...]]  # address, fingerprint, file, row, customer_id, by file and row
    rejects: list[tuple[Any, ...]]  # file, row, customer_id, email, code, by file and row
    leavers: list[tuple[str, bool]]  # as written
    portions: list[list[str]]
    strangers: list[str]
    contacts: dict[str, dict[str, Any]]  # by address
    warnings: dict[str, str]

    def codes(self) -> dict[int, str]:
        """Reason code by row number, of a plan of one file."""
        return {row: code for _, row, _, _, code in self.rejects}

    def rows(self) -> dict[int, str]:
        """Address by row number, of a plan of one file."""
        return {row: address for address, _, _, row, _ in self.upserts}


def plan(
    *contents: bytes,
    how: FileFormat = HEADED,
    by: Mapping | None = None,
    columns: tuple[str, ...] | None = None,
    members: Iterable[tuple[str, int]] | None = None,
    others: Sequence[Iterable[str]] = (),
    everything: bool = False,
    leave: bool = True,
    listed: Sequence[Iterable[str]] | None = None,
    limit: int = MEMORY_LIMIT,
) -> Planned:
    """Plan an export of these files, called file0, file1 and so on."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with engine(folder, limit=limit) as database:
            planner = Planner(database, by or mapping())
            for number, content in enumerate(contents):
                path = folder / f"in{number}"
                path.write_bytes(content)
                planner.add(LocalFile(f"file{number}", path, how, columns))
            counts = planner.decide(
                members=None if members is None else parquet(folder / "members", "address, fingerprint", members),
                others=[
                    parquet(folder / f"other{i}", "address, fingerprint", ((address, 1) for address in each))
                    for i, each in enumerate(others)
                ],
                everything=everything,
                leave=leave,
                listed=listed
                if listed is None
                else [
                    parquet(folder / f"listed{i}", "address", ((address,) for address in each))
                    for i, each in enumerate(listed)
                ],
            )
            for what in ("rows", "rejects", "leavers", "strangers"):
                getattr(planner, f"write_{what}")(folder / f"{what}.parquet")
            sent = [(orjson.loads(text), words) for chunk in planner.contacts() for text, words in chunk]
            assert len({contact["email"] for contact, _ in sent}) == len(sent)
            return Planned(
                counts,
                rows_of(database, folder / "rows.parquet", "address, fingerprint, file, row, customer_id", "file, row"),
                rows_of(database, folder / "rejects.parquet", "file, row, customer_id, email, code", "file, row"),
                rows_of(database, folder / "leavers.parquet", "address, kept"),
                list(planner.leavers(2)),
                [address for (address,) in rows_of(database, folder / "strangers.parquet", "address", "address")],
                {
                    contact["email"]: {key: value for key, value in contact.items() if key != "email"}
                    for contact, _ in sent
                },
                {contact["email"]: words for contact, words in sent if words},
            )


def parquet(path: Path, columns: str, rows: Iterable[tuple[Any, ...]]) -> Path:
    """A Parquet file of addresses and numbers."""
    with duckdb.connect() as database:
        names = columns.split(", ")
        kinds = ", ".join(f"{name} {'UBIGINT' if name == 'fingerprint' else 'VARCHAR'}" for name in names)
        database.execute(f"CREATE TABLE x ({kinds})")
        if rows := list(rows):
            database.executemany(f"INSERT INTO x VALUES ({', '.join('?' * len(names))})", rows)
        database.execute(f"COPY x TO '{path}' (FORMAT parquet)")
    return path


def rows_of(database: duckdb.DuckDBPyConnection, path: Path, columns: str, order: str = "") -> list[tuple[Any, ...]]:
    by = f"ORDER BY {order}" if order else ""
    return database.execute(f"SELECT {columns} FROM read_parquet('{path}') {by}").fetchall()


def parquet_bytes(select: str) -> bytes:
    """A Parquet file of a SELECT."""
    with tempfile.TemporaryDirectory() as name, duckdb.connect() as database:
        database.execute(f"COPY ({select}) TO '{name}/x' (FORMAT parquet)")
        return Path(name, "x").read_bytes()

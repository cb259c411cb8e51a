"""Names and values from outside become SQL text: whatever they are made of, they stay names and values.

The canary: a table in the database, a file beside it, and a file that must not appear. What a trick would have to do
is to drop, read, write or attach one of them.
"""

import csv
import io
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.contacts.engine import engine
from shared.contacts.mapping import SPACES, FieldType, Mapping
from shared.contacts.plan import Planner
from shared.contacts.reading import LocalFile, identifier, quoted
from shared.segments.snapshot import CsvFormat, FileFormat, NdjsonFormat, ParquetFormat
from tests.unit.contacts.build import custom

SECRET = "canary-secret"
TRICKS = [
    "'); DROP TABLE canary; --",
    "'; ATTACH '{folder}/stolen.db' AS x; --",
    "' || (SELECT content FROM read_text('{folder}/secret.txt')) || '",
    "\"'); COPY canary TO '{folder}/stolen.csv'; --",
    '" || (SELECT word FROM canary) || "',
    '") FROM canary; --',
    "'}), read_csv('{folder}/secret.txt', columns={'c0': 'VARCHAR'}), ({'",
    "c0'; SELECT 1; --",
    "$$; DROP TABLE canary; $$",
    "\\'; DROP TABLE canary; --",
    "\u2019; DROP TABLE canary; --",
    "\uff07; DROP TABLE canary; --",  # a full-width apostrophe, which some fold into a plain one
    "/* */ ; /*",
    "--",
    "{0}",
    "%s",
    "?",
    "$1",
    "\u202emoc.live@x",
    "a\u0300\u200db",
    "e'\\x27'",
    "0x27",
    "~0/~1/$.*[0]",
    "rowid",
    "malformed",
    "address",
]
FORMATS: dict[str, FileFormat] = {"csv": CsvFormat(header=True), "ndjson": NdjsonFormat(), "parquet": ParquetFormat()}
PIECES = st.sampled_from(
    [
        "'",
        '"',
        "''",
        '""',
        ";",
        "--",
        "/*",
        "*/",
        "\\",
        "$$",
        "(",
        ")",
        "{",
        "}",
        ",",
        "?",
        "x",
        " ",
        "\u2019",
        "\uff07",
    ]
)
TEXTS = st.lists(PIECES, min_size=1, max_size=12).map("".join).filter(lambda text: text.strip(SPACES) == text != "")


@pytest.mark.parametrize("kind", FORMATS)
def test_no_name_or_value_is_taken_for_sql(kind: str, tmp_path: Path) -> None:
    _stay_text([trick.replace("{folder}", str(tmp_path)) for trick in TRICKS], kind, tmp_path)


@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
@given(st.lists(TEXTS, min_size=1, max_size=4, unique=True), st.sampled_from(sorted(FORMATS)))
def test_no_heap_of_quotes_is_taken_for_sql(tmp_path: Path, tricks: list[str], kind: str) -> None:
    _stay_text(tricks, kind, tmp_path)


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_literals_and_identifiers_read_back_as_they_were(database: duckdb.DuckDBPyConnection, text: str) -> None:
    assert database.execute(f"SELECT {quoted(text)}").fetchall() == [(text,)]
    assert database.execute(f"SELECT 1 AS {identifier(text)}").description[0][0] == text


def _stay_text(tricks: list[str], kind: str, folder: Path) -> None:
    """Every text is a column, its value, a SendGrid field's name and id, and a value of only_where, all at once."""
    (folder / "secret.txt").write_text(SECRET)
    together = " ".join(tricks)
    path = folder / f"in {re.sub('[/]', '_', together)[:60]}"  # stricter than the truth: `prepare` names files itself
    path.write_bytes(_file(kind, ["EMail", *tricks, "CustomerId"], ["a@b.co", *tricks, together]))
    by = Mapping(
        "EMail",
        (
            *(custom(trick, trick) for trick in tricks),
            *(custom(f"{trick}-n", trick, FieldType.NUMBER) for trick in tricks[:2]),
            *(custom(f"{trick}-d", trick, FieldType.DATE) for trick in tricks[:2]),
        ),
        tuple((trick, (trick,)) for trick in tricks),
        clear_empty=False,
    )
    before = {each.name for each in folder.iterdir()} | {"rows", "rejects", "work.duckdb", "spill"}
    with engine(folder) as database:
        database.execute("CREATE TABLE canary AS SELECT 'sings' AS word")
        planner = Planner(database, by)
        planner.add(LocalFile(f"segments/{together}", path, FORMATS[kind], None))
        counts = planner.decide(members=None, others=[], everything=False, leave=True)
        planner.write_rows(folder / "rows")
        planner.write_rejects(folder / "rejects")
        sent = [orjson.loads(text) for chunk in planner.contacts() for text, _ in chunk]
        assert counts.contacts == len(sent) == 1
        for trick in tricks:
            assert sent[0]["custom_fields"][trick] == trick
        rows = database.execute(
            f"SELECT file, customer_id FROM read_parquet({quoted(str(folder / 'rows'))})"
        ).fetchall()
        assert rows == [(f"segments/{together}", together)]
        assert database.execute("SELECT word FROM canary").fetchall() == [("sings",)]
        attached = database.execute("SELECT database_name FROM duckdb_databases() WHERE NOT internal").fetchall()
        assert sorted(attached) == [("memory",), ("work",)]  # the engine's own two
    left = {each.name for each in folder.iterdir() if not each.name.startswith("in ")}
    assert left <= before
    assert (folder / "secret.txt").read_text() == SECRET
    assert SECRET not in str(sent)
    path.unlink()
    (folder / "work.duckdb").unlink()


def _file(kind: str, columns: list[str], row: list[str]) -> bytes:
    if kind == "csv":
        text = io.StringIO()
        csv.writer(text).writerows([columns, row])
        return text.getvalue().encode()
    if kind == "ndjson":
        return orjson.dumps(dict(zip(columns, row, strict=True)))
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as database:
        cells = ", ".join(f"{quoted(cell)} AS {identifier(column)}" for column, cell in zip(columns, row, strict=True))
        database.execute(f"COPY (SELECT {cells}) TO '{folder}/x' (FORMAT parquet)")
        return Path(folder, "x").read_bytes()

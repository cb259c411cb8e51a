"""The report from rejects and fates, without storage: which lines, in which order, safe for a spreadsheet."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from shared.contacts.problems import Problem
from shared.runs.report import MESSAGES, write_report

Row = tuple[str, int, str | None, str | None, str]


@pytest.fixture
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("""
        CREATE TABLE outcomes (address VARCHAR, stage VARCHAR, code VARCHAR, message VARCHAR);
        CREATE TABLE fates (address VARCHAR, stage VARCHAR, code VARCHAR, message VARCHAR);
    """)
    return connection


def report(
    database: duckdb.DuckDBPyConnection, folder: Path, *, rejects: Sequence[Row] = (), rows: Sequence[Row] = ()
) -> list[dict[str, str]]:
    for name, columns, content in (
        ("rejects", "file VARCHAR, row BIGINT, customer_id VARCHAR, email VARCHAR, code VARCHAR", rejects),
        ("rows", "file VARCHAR, row BIGINT, customer_id VARCHAR, address VARCHAR, fingerprint VARCHAR", rows),
    ):
        database.execute(f"CREATE TABLE {name} ({columns})")
        if content:
            database.executemany(f"INSERT INTO {name} VALUES (?, ?, ?, ?, ?)", [list(row) for row in content])
        database.execute(f"COPY {name} TO '{folder / name}' (FORMAT parquet)")
    write_report(database, folder / "rejects", folder / "rows", folder / "report.csv")
    with (folder / "report.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_problem_has_a_message() -> None:
    assert set(MESSAGES) == set(Problem)


def test_an_empty_report_has_a_header(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    assert report(database, tmp_path) == []
    assert (tmp_path / "report.csv").read_text().strip() == "file,row,customer_id,email,stage,code,message"


def test_lines_are_in_the_order_of_the_files(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    database.execute("""
        INSERT INTO fates VALUES ('b@example.com', 'settle', 'refused_by_sendgrid', 'no');
        INSERT INTO outcomes VALUES ('gone@example.com', 'remove', 'removal_failed', 'not done');
    """)
    lines = report(
        database,
        tmp_path,
        rejects=[("a.csv", 10, "C10", "x", "invalid_email"), ("a.csv", 2, None, None, "malformed")],
        rows=[("a.csv", 9, "C9", "b@example.com", ""), ("a.csv", 3, "C3", "fine@example.com", "")],
    )
    assert [(line["file"], line["row"], line["stage"], line["code"]) for line in lines] == [
        ("a.csv", "2", "prepare", "malformed"),
        ("a.csv", "9", "settle", "refused_by_sendgrid"),
        ("a.csv", "10", "prepare", "invalid_email"),
        ("", "", "remove", "removal_failed"),
    ]
    assert lines[0]["message"] == MESSAGES[Problem.MALFORMED]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_begins_a_formula(database: duckdb.DuckDBPyConnection, tmp_path: Path, start: str) -> None:
    database.execute("INSERT INTO fates VALUES (?, 'send', 'refused_by_sendgrid', ?)", [f"{start}b", f"{start}m"])
    lines = report(
        database,
        tmp_path,
        rejects=[(f"{start}f", 1, f"{start}c", f"{start}e", "invalid_email")],
        rows=[("z", 1, f"{start}c", f"{start}b", "")],
    )
    cells = [line[name] for line in lines for name in ("file", "customer_id", "email", "message")]
    assert [cell for cell in cells if cell.startswith(start)] == []
    assert f"'{start}e" in cells


@pytest.mark.parametrize(
    "harm",
    [
        "a;=1+1",
        "a; =1+1",
        "a\t@SUM(1)",
        "a\n=1+1",
        "a\r-1",
        'a;"=1+1"',
        " =1+1",
        "\uff1d1+1",
        "\n=1",
        ";;+1",
        "a;\uff201",
    ],
)
def test_no_separator_of_other_spreadsheets_begins_a_formula(
    database: duckdb.DuckDBPyConnection, tmp_path: Path, harm: str
) -> None:
    """Where a comma is for decimals, a spreadsheet takes a semicolon for the separator, and knows no quoted cell."""
    [line] = report(database, tmp_path, rejects=[("f", 1, harm, harm, "invalid_email")])
    for cell in (line["customer_id"], line["email"]):
        assert cell.replace("'", "") == harm
        begins = [part.strip(' "')[:1] for part in re.split(r"[;\t\r\n]", cell)]
        assert not set(begins) & set("=+-@\uff1d\uff0b\uff20\uff0d")


def test_several_addresses_in_a_cell_stay_as_they_are(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    [line] = report(database, tmp_path, rejects=[("f", 1, "C-1", "a@b.co; c-d@b.co", "multiple_addresses")])
    assert (line["customer_id"], line["email"]) == ("C-1", "a@b.co; c-d@b.co")


def test_a_cell_with_quotes_and_line_breaks_stays_one(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    odd = 'a "b",\nc'
    [line] = report(database, tmp_path, rejects=[("f", 1, None, odd, "invalid_email")])
    assert line["email"] == odd

"""One person is taken out of a membership and of a report, and nobody else."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.contacts.engine import engine
from shared.contacts.erasing import EMPTY_REPORT, normalised, without_lines, without_member, would_send
from shared.contacts.mapping import Mapping
from shared.contacts.reading import LocalFile, quoted
from shared.segments.snapshot import CsvFormat

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

HEADER = ["file", "row", "customer_id", "email", "stage", "code", "message"]
ADA = "ada@example.com"


@pytest.fixture
def database(tmp_path: Path) -> Iterator["DuckDBPyConnection"]:
    with engine(tmp_path) as connection:
        yield connection


@pytest.mark.parametrize(
    ("given", "address"),
    [
        (ADA, ADA),
        ("\u00a0 Ada@EXAMPLE.com\u200b ", ADA),
        ("Ada@Exämple.org", "ada@xn--exmple-cua.org"),
        ("ada", None),
        ("", None),
        ("ada@example.com;bob@example.com", None),
        ("ada@example.com'; DROP TABLE rows; --", None),
        ("ädä@example.com", None),
    ],
)
def test_an_address_is_made_as_a_run_makes_it(
    database: "DuckDBPyConnection", tmp_path: Path, given: str, address: str | None
) -> None:
    assert normalised(database, tmp_path, given) == address


def report(path: Path, *lines: tuple[str, str]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(["f.csv", i, f"C,\n{i}", email, "s", "c", said] for i, (email, said) in enumerate(lines))
    return path


@pytest.mark.parametrize(
    ("email", "said"),
    [
        (ADA, ""),
        (" Ada@Example.COM ", ""),
        ("bob@example.com; ada@example.com", ""),
        ("Ada Lovelace <ada@example.com>", ""),
        ("", "email 'ada@example.com' is not valid"),
        ("", "refused ada@example.com."),
    ],
)
def test_lines_that_name_the_person_go(database: "DuckDBPyConnection", tmp_path: Path, email: str, said: str) -> None:
    written = report(tmp_path / "report.csv", ("bob@example.com", "x"), (email, said), ("", "y"))
    assert without_lines(database, written, tmp_path / "cleaned.csv", [ADA]) == 1
    with (tmp_path / "cleaned.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            HEADER,
            ["f.csv", "0", "C,\n0", "bob@example.com", "s", "c", "x"],
            ["f.csv", "2", "C,\n2", "", "s", "c", "y"],
        ]


@pytest.mark.parametrize(
    "other",
    ["bada@example.com", "x.ada@example.com", "+ada@example.com", "ada@example.com.au", "ada@example.community", "ada"],
)
def test_lines_of_others_stay(database: "DuckDBPyConnection", tmp_path: Path, other: str) -> None:
    written = report(tmp_path / "report.csv", (other, f"email '{other}' is not valid"))
    assert without_lines(database, written, tmp_path / "cleaned.csv", [ADA]) == 0
    assert not (tmp_path / "cleaned.csv").exists()


def test_a_report_of_one_line_becomes_an_empty_one(database: "DuckDBPyConnection", tmp_path: Path) -> None:
    written = report(tmp_path / "report.csv", (ADA, ""))
    assert without_lines(database, written, tmp_path / "cleaned.csv", [ADA]) == 1
    assert (tmp_path / "cleaned.csv").stat().st_size == EMPTY_REPORT


def test_a_member_goes_and_the_others_keep_their_fingerprints(database: "DuckDBPyConnection", tmp_path: Path) -> None:
    members, cleaned = tmp_path / "members.parquet", tmp_path / "cleaned.parquet"
    database.execute(
        f"COPY (SELECT unnest(['{ADA}', 'x{ADA}']) AS address, unnest([1, 2])::UBIGINT AS fingerprint) "
        f"TO {quoted(str(members))} (FORMAT parquet)"
    )
    assert without_member(database, members, cleaned, ADA)
    source = f"read_parquet({quoted(str(cleaned))})"
    assert database.execute(f"SELECT * FROM {source}").fetchall() == [(f"x{ADA}", 2)]
    assert not without_member(database, cleaned, tmp_path / "again.parquet", ADA)


def test_a_segment_brings_back_whom_a_run_would_send(database: "DuckDBPyConnection", tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("EMail,Consent\nbob@example.com,True\nADA@example.com ,False\n")
    file = LocalFile("people.csv", path, CsvFormat(header=True), None)
    only = Mapping("EMail", (), (("Consent", ("True",)),), clear_empty=False)
    assert not would_send(database, only, [file], ADA)
    database.close()
    (tmp_path / "work.duckdb").unlink(missing_ok=True)
    with engine(tmp_path) as other:
        assert would_send(other, Mapping("EMail", (), (), clear_empty=False), [file], ADA)

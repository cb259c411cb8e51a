"""Contacts as CSV: the values of the JSON body, or none at all."""

import csv
import gzip
import io
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.contacts import imports, parts
from shared.contacts.batches import Batch
from shared.contacts.engine import engine
from shared.contacts.mapping import FieldType, Mapping
from shared.contacts.membership import write_known
from shared.contacts.parts import ImportFile, Parts
from shared.contacts.plan import Planner
from shared.contacts.reading import LocalFile
from tests.unit.contacts.build import HEADED, custom, mapping, reserved, rows_of, table

NAMED = mapping(reserved("first_name", "Name"))
NUMBERED = mapping(custom("e1_N", "Number", FieldType.NUMBER))
DATED = mapping(custom("e2_D", "Date", FieldType.DATE))
COLUMNS = ["_rf2_T", "x"]

Sent = tuple[list[list[str]], list[dict[str, Any]]]


def send(folder: Path, content: bytes, by: Mapping = NAMED, columns: list[str] | None = COLUMNS) -> Sent:
    """Rows of all import files, their headers left out; and what goes by upserts."""
    rows: list[list[str]] = []
    upserts: list[dict[str, Any]] = []
    folder /= "with" if columns else "without"
    folder.mkdir()
    with engine(folder) as database:
        planner = planned(database, folder, content, by)
        expected = planner.count_misfits() if columns else {}
        for part in Parts(folder, columns).of(planner):
            if isinstance(part, Batch):
                upserts += [orjson.loads(line) for line in part.lines.split(b"\n")]
            else:
                rows += read(part)
    if columns:
        assert expected.pop(None, 0) == len(rows)
        assert sum(expected.values()) == len(upserts)
    return rows, upserts


def planned(database: Any, folder: Path, content: bytes, by: Mapping) -> Planner:
    planner = Planner(database, by)
    (folder / "segment").write_bytes(content)
    planner.add(LocalFile("segment", folder / "segment", HEADED, None))
    planner.decide(members=None, others=[], everything=True, leave=True)
    return planner


def read(part: ImportFile) -> list[list[str]]:
    header, *rows = csv.reader(io.StringIO(gzip.decompress(part.path.read_bytes()).decode(), newline=""))
    assert header == imports.field_ids(part.path)
    assert len(rows) == part.contacts
    return rows


@pytest.mark.parametrize(
    "name",
    ["Ada", "Zoë", " \u00a0trimmed ", "a, b", "=1+1", "'", "李", "x" * 60, "a;b|c\u3000d", "NULL", "-", "\U0001f600"],
)
def test_a_text_is_what_the_json_has(tmp_path: Path, name: str) -> None:
    content = table(["EMail", "Name"], ["Ada@Example.com", name])
    rows, _ = send(tmp_path, content)
    _, [contact] = send(tmp_path, content, columns=None)
    assert rows == [["ada@example.com", contact["first_name"]]]


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "a\rb", "a\tb", "a\x01b", "a\u2028b", "a\x85b", "", "  "])
def test_a_text_that_readers_of_csv_might_take_for_another_goes_by_upsert(tmp_path: Path, name: str) -> None:
    rows, upserts = send(tmp_path, table(["EMail", "Name"], ["ada@example.com", name]))
    assert rows == []
    assert [contact["email"] for contact in upserts] == ["ada@example.com"]


@pytest.mark.parametrize("number", ["0", "7", "7.5", "7.25", "1234567.89", "1e3", "007", " 3 ", "7.10", "7.100"])
def test_a_number_without_sign_and_with_two_decimals_at_most_is_carried(tmp_path: Path, number: str) -> None:
    content = table(["EMail", "Number"], ["ada@example.com", number])
    [[_, cell]], _ = send(tmp_path, content, NUMBERED)
    _, [contact] = send(tmp_path, content, NUMBERED, columns=None)
    assert float(cell) == contact["custom_fields"]["e1_N"]
    assert cell.replace(".", "", 1).isdigit()
    assert len(cell.partition(".")[2]) <= 2


@pytest.mark.parametrize(
    "number", ["-1", "-0", "-0.5", "1.005", "1e-3", "1e30", "12345678901234567890", "x", "nan", ""]
)
def test_other_numbers_go_by_upsert(tmp_path: Path, number: str) -> None:
    rows, upserts = send(tmp_path, table(["EMail", "Number"], ["ada@example.com", number]), NUMBERED)
    assert (len(rows), len(upserts)) == (0, 1)


@pytest.mark.parametrize(
    ("date", "cell"),
    [
        ("2024-03-04", "03/04/2024"),
        ("1999-12-31T00:00:00Z", "12/31/1999"),
        ("2024-03-04T02:00:00+02:00", "03/04/2024"),
        ("9999-01-01", "01/01/9999"),
    ],
)
def test_a_day_is_written_month_first(tmp_path: Path, date: str, cell: str) -> None:
    rows, _ = send(tmp_path, table(["EMail", "Date"], ["ada@example.com", date]), DATED)
    assert rows == [["ada@example.com", cell]]


@pytest.mark.parametrize(
    "date", ["2024-03-04T00:00:01Z", "2024-03-04T00:00+01:00", "0099-01-01", "04/03/2024", "x", ""]
)
def test_other_moments_go_by_upsert(tmp_path: Path, date: str) -> None:
    rows, upserts = send(tmp_path, table(["EMail", "Date"], ["ada@example.com", date]), DATED)
    assert (len(rows), len(upserts)) == (0, 1)


@pytest.mark.parametrize("clear_empty", [False, True])
def test_an_empty_value_goes_by_upsert_whether_or_not_it_clears(tmp_path: Path, clear_empty: bool) -> None:
    by = mapping(reserved("first_name", "Name"), reserved("city", "City"), clear_empty=clear_empty)
    content = table(["EMail", "Name", "City"], ["a@example.com", "Ada", ""], ["b@example.com", "Bob", "Bern"])
    rows, upserts = send(tmp_path, content, by, columns=["_rf2_T", "_rf0_T", "_rf6_T"])
    assert rows == [["b@example.com", "Bob", "Bern"]]
    assert upserts == [{"email": "a@example.com", "first_name": "Ada"} | ({"city": ""} if clear_empty else {})]


def test_addresses_alone_are_always_carried(tmp_path: Path) -> None:
    content = table(["EMail"], ["{odd}!#$%&'*+-/=?^_`{|}~@example.com"], ["ada@example.com"])
    rows, _ = send(tmp_path, content, mapping(), columns=["_rf2_T"])
    assert sorted(rows) == [["ada@example.com"], ["{odd}!#$%&'*+-/=?^_`{|}~@example.com"]]


def test_files_are_cut_at_the_limits_and_hold_everybody_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [(f"p{i}@example.com", f"N{i}") for i in range(20_000)]
    content = table(["EMail", "Name"], *people)
    for name, most in (("MAX_CONTACTS", 6_000), ("MAX_BYTES", 150_000)):
        folder = tmp_path / name
        folder.mkdir()
        with monkeypatch.context() as patch, engine(folder) as database:
            patch.setattr(parts, name, most)
            files = list(Parts(folder, COLUMNS).of(planned(database, folder, content, NAMED)))
            rows = [tuple(row) for part in files if isinstance(part, ImportFile) for row in read(part)]
        assert len(files) > 1
        assert Counter(rows) == Counter(people)


def test_warnings_of_both_ways_are_counted(tmp_path: Path) -> None:
    content = table(["EMail", "Name"], ["a@example.com", "x" * 60], ["b@example.com", '"' + "y" * 60])
    with engine(tmp_path) as database:
        made = Parts(tmp_path, COLUMNS)
        assert len(list(made.of(planned(database, tmp_path, content, NAMED)))) == 2
    assert made.warnings == {"first_name:cut": 2}


def test_everybody_of_a_file_and_of_a_batch_becomes_known(tmp_path: Path) -> None:
    content = table(
        ["EMail", "Name"], ["a@example.com", "Ada, B."], ["b@example.com", ""], ["c@example.com", "x" * 2000]
    )
    by = mapping(custom("e1_T", "Name"))
    with engine(tmp_path) as database:
        begun = []
        for part in Parts(tmp_path, COLUMNS).of(planned(database, tmp_path, content, by)):
            if isinstance(part, Batch):
                begun.append(tmp_path / "batch.ndjson")
                begun[-1].write_bytes(part.lines)
            else:
                begun.append(part.path)
        known = write_known(database, None, begun, tmp_path / "known")
        assert rows_of(database, known, "address, fingerprint", "address") == [
            ("a@example.com", 0),
            ("b@example.com", 0),
            ("c@example.com", 0),
        ]

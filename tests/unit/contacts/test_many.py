"""What many rows take: more than a test can hold in its hands, and less memory than an instance has."""

from itertools import islice
from pathlib import Path

import duckdb
import orjson

from shared.contacts.engine import engine
from shared.contacts.membership import Fates, SettledCounts, count_steady, settle, write_members
from shared.contacts.plan import Planner
from shared.contacts.reading import LocalFile
from shared.runs.report import write_report
from shared.segments.snapshot import CsvFormat
from tests.unit.contacts.build import custom, mapping

MANY = 300_000


def test_the_books_of_many_who_were_not_sent_are_closed_in_the_memory_that_there_is(tmp_path: Path) -> None:
    """Joins, aggregates and sorts of one query share the memory: two large ones in one did not fit."""
    paths = {name: tmp_path / name for name in ("previous", "rows", "leavers", "unsent", "rejects")}
    address = "'someone.' || i || '@mail.example.com' AS address"
    tables = {
        "previous": f"SELECT {address}, 7::UBIGINT AS fingerprint FROM range({MANY}) AS numbers(i)",
        "rows": f"""SELECT {address}, hash(i) AS fingerprint, 'people.csv' AS file, i + 1 AS row, md5(i::VARCHAR) AS
            customer_id FROM range({MANY}) AS numbers(i)""",
        "leavers": "SELECT '' AS address, false AS kept LIMIT 0",
        "rejects": "SELECT '' AS file, 1 AS row, '' AS customer_id, '' AS email, '' AS code LIMIT 0",
    }
    with duckdb.connect() as database:
        for name, select in tables.items():
            database.execute(f"COPY ({select}) TO '{paths[name]}' (FORMAT parquet)")
    paths["unsent"].write_text("".join(f'{{"email":"someone.{i}@mail.example.com"}}\n' for i in range(MANY)))
    fates = Fates(paths["previous"], paths["rows"], [], [], [paths["unsent"]], [], paths["leavers"])
    with engine(tmp_path) as database:
        assert settle(database, fates) == SettledCounts(0, 0, MANY)
        write_report(database, paths["rejects"], paths["rows"], tmp_path / "report.csv")
        write_members(database, fates, tmp_path / "members")
        assert count_steady(database, paths["previous"], tmp_path / "members", [paths["previous"]]) == MANY
    with (tmp_path / "report.csv").open() as report:
        rows = [int(line.split(",")[1]) for line in islice(report, 1, None)]
    assert rows == list(range(1, MANY + 1))


WIDE = 20  # fields


def test_rows_that_become_wide_take_more_memory_and_none_is_lost_or_sent_twice(tmp_path: Path) -> None:
    """DuckDB holds the text of some thousand rows many times over: what suits short rows does not suit long ones."""
    by = mapping(*(custom(f"f{i}", f"C{i}") for i in range(WIDE)))
    header = ",".join(["EMail", *(f"C{i}" for i in range(WIDE))])
    cells = [*(["short"] * 20_000), *(["é" + "x" * 150] * 3000)]
    rows = [f"p{number}@b.co,{','.join([cell] * WIDE)}" for number, cell in enumerate(cells)]
    path = tmp_path / "people.csv"
    path.write_text("\n".join([header, *rows, ""]))
    with engine(tmp_path) as database:
        planner = Planner(database, by)
        planner.add(LocalFile("people.csv", path, CsvFormat(header=True), None))
        planner.decide(members=None, others=[], everything=False, leave=True)
        sent = [orjson.loads(contact) for chunk in planner.contacts() for contact, _ in chunk]
        limit = database.execute("SELECT current_setting('memory_limit')").fetchone()
    assert limit != ("48.0 MiB",), "the rows are too few to show anything"
    assert [contact["email"] for contact in sent] == [f"p{number}@b.co" for number in range(len(cells))]
    assert [contact["custom_fields"] for contact in sent] == [{f"f{i}": cell for i in range(WIDE)} for cell in cells]

import csv
import json
import re
from pathlib import Path

import duckdb
import pytest

from bench import generator
from bench.generator import Segment

USABLE = re.compile(r"[^\s@,\"]+@(?:[a-z0-9]+\.)+[a-z]+", re.IGNORECASE)


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(generator, "DATA", tmp_path / "data")
    return tmp_path / "data"


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def people(path: Path) -> dict[str, dict[str, str]]:
    """The first row of each usable address."""
    found: dict[str, dict[str, str]] = {}
    for row in read(path):
        if USABLE.fullmatch(row["EMailAddress1"]):
            found.setdefault(row["EMailAddress1"].lower(), row)
    return found


def test_a_segment_has_as_many_people_as_it_says() -> None:
    segment = Segment(2_000)
    rows = read(segment.make())
    usable = [row for row in rows if USABLE.fullmatch(row["EMailAddress1"])]
    assert len(rows) == 2_000
    assert len(rows) - len(usable) == segment.unusable == 20
    assert len(usable) - len(people(segment.path)) == segment.repeated == 40
    assert len(people(segment.path)) == segment.contacts == 1_940


def test_the_next_generation_has_one_per_cent_changed_new_and_gone() -> None:
    later = Segment(2_000, generation=2)
    before, after = people(Segment(2_000).make()), people(later.make())
    assert len(before.keys() - after.keys()) == later.changed == 20
    assert len(after.keys() - before.keys()) == 20
    assert sum(before[address] != after[address] for address in before.keys() & after.keys()) == 20
    assert len(read(later.path)) == 2_000


def test_the_same_rows_are_written_each_time(data: Path) -> None:
    first = Segment(500).make().read_bytes()
    Segment(500).path.unlink()
    assert Segment(500).make().read_bytes() == first


def test_every_format_holds_the_same_rows() -> None:
    addresses = [row["EMailAddress1"] or None for row in read(Segment(500).make())]
    ndjson = Segment(500, format="ndjson").make().read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["EMailAddress1"] for line in ndjson] == addresses
    parquet = duckdb.read_parquet(str(Segment(500, format="parquet").make()))
    assert [row[0] for row in parquet.project("EMailAddress1").fetchall()] == addresses


def test_parts_hold_the_rows_in_order_and_end_with_the_marker() -> None:
    folder = Segment(500, parts=5).make()
    parts = sorted(folder.glob("part-*"))
    assert len(parts) == 5
    assert (folder / "_SUCCESS").exists()
    assert [row for part in parts for row in read(part)] == read(Segment(500).make())

"""The generator keeps its own promises: what the manifest says is what the files hold."""

import csv
import datetime as dt
import json
import re
import tracemalloc
from pathlib import Path

import pytest

from local.generator import COLUMNS, INSTANCE, Difference, Segment, write_csv, write_export

PLAIN = re.compile(r"[a-z0-9.]+@[a-z0-9-]+(\.[a-z0-9-]+)+")
PRODUCED = dt.datetime(2026, 11, 21, 3, 0, tzinfo=dt.UTC)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def contacts(segment: Segment, folder: Path) -> dict[str, tuple[str, ...]]:
    """Address -> what a campaign would use, read from the file by simpler means than the generator's."""
    write_csv(segment, folder / "segment.csv")
    found: dict[str, tuple[str, ...]] = {}
    for row in read(folder / "segment.csv"):
        address = row["EMail"].strip().lower().replace("exämple", "xn--exmple-cua")
        if PLAIN.fullmatch(address) and ".." not in address:
            found.setdefault(address, (row["FirstName"], row["City"], row["PostCode"]))
    return found


def test_the_manifest_is_what_the_file_holds(tmp_path: Path) -> None:
    segment = Segment(people=3000, seed=7)
    manifest = write_csv(segment, tmp_path / "segment.csv")
    rows = read(tmp_path / "segment.csv")
    found = contacts(segment, tmp_path)
    assert manifest.rows == len(rows)
    assert manifest.no_email == sum(not row["EMail"] for row in rows)
    assert manifest.contacts == len(found)
    assert set(found) == set(segment.addresses())
    assert manifest.rows == manifest.no_email + manifest.invalid_email + manifest.duplicate + manifest.contacts
    assert min(manifest.no_email, manifest.invalid_email, manifest.duplicate) > 0


def test_every_kind_of_dirt_is_there(tmp_path: Path) -> None:
    write_csv(Segment(people=5000), tmp_path / "segment.csv")
    rows = read(tmp_path / "segment.csv")
    assert any("\u00a0" in row["EMail"] for row in rows)
    assert any(";" in row["EMail"] for row in rows)
    assert any("exämple" in row["EMail"] for row in rows)
    assert any(len(row["FirstName"]) > 50 for row in rows)
    assert any("\r\n" in row["StreetAddress"] for row in rows)
    assert any(row["FirstName"].startswith("=") for row in rows)
    assert any('"' in row["FirstName"] for row in rows)
    assert len({row["CustomerId"] for row in rows}) == len(rows)


def test_every_address_lies_in_a_domain_reserved_for_examples() -> None:
    domains = {address.partition("@")[2] for address in Segment(people=2000).addresses()}
    assert all(re.search(r"(^|\.)example(\.(com|org|net))?$", domain) for domain in domains)


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_csv(Segment(people=200, seed=seed), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()


@pytest.mark.parametrize("generation", [0, 1, 3])
def test_the_difference_is_what_two_files_differ_by(tmp_path: Path, generation: int) -> None:
    segment = Segment(people=2000, seed=3, generation=generation)
    before, after = contacts(segment, tmp_path), contacts(segment.next(), tmp_path)
    both = before.keys() & after.keys()
    changed = sum(before[address] != after[address] for address in both)
    expected = Difference(
        len(after.keys() - before.keys()), changed, len(before.keys() - after.keys()), len(both) - changed
    )
    assert segment.next().difference() == expected
    assert min(expected.new, expected.changed, expected.gone) > 0


def test_an_export_lists_its_partitions_and_replaces_the_model(tmp_path: Path) -> None:
    url = "http://127.0.0.1:10000/devstoreaccount1/segments"
    segment = Segment(people=300)
    manifest = write_export(segment, tmp_path, container_url=url, produced_at=PRODUCED, partitions=3)
    write_export(
        segment.next(),
        tmp_path,
        container_url=url,
        produced_at=PRODUCED + dt.timedelta(days=1),
        partitions=1,
        header=True,
    )
    model = json.loads((tmp_path / INSTANCE / "SegmentExport" / "model.json").read_text(encoding="utf-8"))
    [entity] = model["entities"]
    [partition] = entity["partitions"]
    assert [attribute["name"] for attribute in entity["attributes"]] == list(COLUMNS)
    assert partition["fileFormatSettings"]["columnHeaders"] is True
    latest = tmp_path / partition["location"].removeprefix(url + "/")
    assert list(read(latest)[0]) == list(COLUMNS)
    first = sorted(tmp_path.glob("**/2026/11/21/0300/*.csv"))
    assert [path.name for path in first] == [f"HighValueCustomers_{part}.csv" for part in (1, 2, 3)]
    assert b"\r\n" in first[1].read_bytes()
    assert manifest == write_csv(segment, tmp_path / "whole.csv")


def test_memory_does_not_grow_with_the_segment(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        write_csv(Segment(people=5000), tmp_path / "segment.csv")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 300_000
    assert (tmp_path / "segment.csv").stat().st_size > 3 * peak

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bench import charts, cost, goals
from bench.book import Book, merged
from bench.scaleout import Platform, Work, bounds, simulate

WORK = Work(before=2.0, after=1.0, upserts=3, storage=50)


def book() -> Book:
    filled = Book()
    for seconds, floor in ((1.0, 1.0), (9.0, 4.0), (3.0, 2.0)):
        filled.add("export.last s", goals.SMALL, seconds)
        filled.add("floor s", goals.SMALL, floor)
    filled.add("unchanged.end s", goals.SMALL, None)
    return filled


def test_a_ratio_is_the_median_of_the_pairs() -> None:
    assert book().ratio("export.last s", "floor s", goals.SMALL) == 1.5


def test_a_goal_holds_up_to_its_value_and_what_was_not_measured_has_no_line() -> None:
    lines = goals.results(book())
    assert [(line["name"], line["value"], line["goal"], line["holds"]) for line in lines] == [
        ("first full export, against the floor", 1.5, 1.3, False)
    ]


def test_new_results_replace_those_of_the_same_name_and_rows_only() -> None:
    old = [{"name": "a", "rows": 1, "value": 1}, {"name": "a", "rows": 2, "value": 1}]
    assert merged(old, [{"name": "a", "rows": 2, "value": 3}]) == [old[0], {"name": "a", "rows": 2, "value": 3}]


def test_results_are_a_list_with_a_line_for_each_goal(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    goals.write(goals.results(book()), path)
    (line,) = json.loads(path.read_text())
    assert line.keys() == {"name", "rows", "value", "unit", "goal", "holds"}


def test_charts_are_well_formed(tmp_path: Path) -> None:
    figures = [
        {"name": f"{who} {unit}", "rows": rows, "median": 2.0 * rows / 1000}
        for who, unit in (("export.last", "s"), ("export.peak", "MiB"), ("client", "s"), ("client.peak", "MiB"))
        for rows in (1_000, 10_000)
    ]
    filled = Book(series={"export-1000": [(0.0, 10**8, 0), (0.5, 2 * 10**8, 10**6)]})
    charts.write(figures, filled, "2 < 3 & more", tmp_path)
    drawn = sorted(path.name for path in tmp_path.iterdir())
    assert drawn == ["memory-1000.csv", "memory-1000.svg", "overview.svg", "peers.svg"]
    for path in tmp_path.glob("*.svg"):
        ET.parse(path)  # noqa: S314 - our own


def test_one_instance_takes_the_exports_one_after_the_other() -> None:
    found = simulate(4, 4, WORK, Platform(instances=1, start=0.0))
    assert found.instances == 1
    assert found.seconds == 8 + 30 + 1  # the last one prepares as the fourth, waits for its jobs, and ends


def test_more_instances_help_until_the_accounts_rate_does_not_let_them() -> None:
    few = simulate(1_000, 1, WORK, Platform(instances=10))
    many = simulate(1_000, 1, WORK, Platform(instances=1_000))
    assert many.ceiling == "SendGrid's rate"
    assert many.seconds < few.seconds + 60
    assert many.seconds >= bounds(1_000, 1, WORK, Platform())["SendGrid's rate"] == 14 * 60
    assert simulate(1_000, 100, WORK, Platform(instances=1_000)).seconds < many.seconds / 2


def test_an_execution_is_billed_by_tenths_of_a_second_and_a_whole_one_at_least() -> None:
    assert [cost.billed(seconds) for seconds in (0.01, 1.0, 1.01, 2.5)] == pytest.approx([1.0, 1.0, 1.1, 2.5])

"""The goals, what has come of them, and the table that `make bench` prints."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.book import HERE, Book, merged, read_lines, write_lines

RESULTS = HERE / "results.json"
SMALL, LARGE, HUGE = 100_000, 1_000_000, 10_000_000


@dataclass(frozen=True, slots=True)
class Goal:
    """`value` of the book must be at most `most`. It is looked at where the book has all the figures `of`."""

    name: str
    rows: int
    unit: str
    most: float
    of: tuple[str, ...]
    value: Callable[[Book, int], float]


def _ratio(name: str, rows: int, most: float, figure: str, beside: str) -> Goal:
    return Goal(name, rows, "x", most, (figure, beside), lambda book, at: book.ratio(figure, beside, at))


def _figure(name: str, rows: int, most: float, figure: str, unit: str) -> Goal:
    return Goal(name, rows, unit, most, (figure,), lambda book, at: book.median(figure, at))


def _per_row(book: Book, rows: int) -> float:
    return book.median("export.last s", rows) / rows / (book.median("export.last s", LARGE) / LARGE)


GOALS = (
    _ratio("first full export, against the floor", LARGE, 1.0, "export.last s", "floor s"),
    _ratio("first full export, against the floor", SMALL, 1.3, "export.last s", "floor s"),
    _figure("peak memory of the function process", LARGE, 192, "export.peak MiB", "MiB"),
    _figure("peak memory of the function process", HUGE, 256, "export.peak MiB", "MiB"),
    _figure("temporary files", LARGE, 500, "export.disk MB", "MB"),
    Goal("cost per row, against 1,000,000 rows", HUGE, "x", 1.15, ("export.last s",), _per_row),
    _ratio("refresh, nothing changed, against the floor", LARGE, 0.6, "unchanged.end s", "floor s"),
    _figure("refresh, nothing changed: contact requests", LARGE, 0, "unchanged.upserts", "requests"),
    _ratio("refresh, 1 % changed, new and gone, against the floor", LARGE, 0.8, "changed.end s", "floor s"),
    _figure("refresh, 1 % changed, new and gone: upserts", LARGE, 2, "changed.upserts", "requests"),
    _figure("refresh, 1 % changed, new and gone: removed besides the gone", LARGE, 0, "changed.others", "contacts"),
    _figure("contact requests of a first full export", LARGE, 70, "export.upserts", "requests"),
    _ratio("under SendGrid's rate, against the limiter alone", LARGE, 1.05, "paced.last s", "pace s"),
    _ratio("under SendGrid's rate, against the limiter alone", HUGE, 1.05, "paced.last s", "pace s"),
    _figure("cold import of function_app", 0, 0.32, "import s", "s"),
    _figure("memory after the import", 0, 60, "import MiB", "MiB"),
    _figure("landing to first contact request", SMALL, 3, "export.first s", "s"),
    _ratio("NDJSON, against CSV", LARGE, 1.1, "ndjson.last s", "csv.last s"),
    _ratio("Parquet, against CSV", LARGE, 1.1, "parquet.last s", "csv.last s"),
    _ratio("many files, against one", LARGE, 1.1, "parts.last s", "csv.last s"),
    _ratio("many files, against one", HUGE, 1.1, "parts.last s", "csv.last s"),
)


def results(book: Book) -> list[dict[str, Any]]:
    """`{name, rows, value, unit, goal, holds}` of every goal that was measured."""
    return [_line(book, goal, goal.rows) for goal in GOALS if book.has(*goal.of, rows=goal.rows)]


def besides(book: Book) -> list[dict[str, Any]]:
    """The same figures where they were measured at a size for which there is no goal; `goal` and `holds` are None."""
    known = {(goal.name, goal.rows) for goal in GOALS}
    sizes = sorted({rows for _, rows in book.values if rows})
    names = {goal.name: goal for goal in GOALS if goal.of != ("export.last s",)}
    return [
        _line(book, goal, rows) | {"goal": None, "holds": None}
        for rows in sizes
        for name, goal in names.items()
        if (name, rows) not in known and book.has(*goal.of, rows=rows)
    ]


def _line(book: Book, goal: Goal, rows: int) -> dict[str, Any]:
    value = goal.value(book, rows)
    return {
        "name": goal.name,
        "rows": rows,
        "value": round(value, 3),
        "unit": goal.unit,
        "goal": goal.most,
        "holds": value <= goal.most,
    }


def write(lines: list[dict[str, Any]], path: Path = RESULTS) -> None:
    write_lines(path, merged(read_lines(path), lines))


def table(lines: list[dict[str, Any]]) -> Iterator[str]:
    """The goals as lines of a Markdown table."""
    yield f"| {'what':60} | {'rows':>10} | {'value':>14} | {'at most':>8} | holds |"
    yield f"| {'-' * 60} | {'-' * 9}: | {'-' * 13}: | {'-' * 7}: | ----- |"
    for line in lines:
        rows = f"{line['rows']:,}" if line["rows"] else ""
        value = f"{_shown(line['value'])} {line['unit']}"
        most = "" if line["goal"] is None else _shown(line["goal"])
        holds = {True: "yes", False: "NO", None: ""}[line["holds"]]
        yield f"| {line['name']:60} | {rows:>10} | {value:>14} | {most:>8} | {holds:5} |"


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == round(value) else f"{value:.3g}"  # noqa: PLR2004 - three digits

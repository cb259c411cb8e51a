"""Charts as plain SVG, readable on light and on dark pages: time and memory by rows, peers, memory over time."""

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from bench.book import HERE, Book

FOLDER = HERE / "charts"
WIDTH = 820

Point = tuple[float, float]

_STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #333 } .title { font-weight: 600; font-size: 14px }
  .note { fill: #666 } .grid { stroke: #ddd } .end { text-anchor: end } .middle { text-anchor: middle }
  .c0 { stroke: #1f77d0; fill: #1f77d0 } .c1 { stroke: #17a398; fill: #17a398 } .c2 { stroke: #999; fill: #999 }
  .c3 { stroke: #e08a1e; fill: #e08a1e } .c4 { stroke: #b5489a; fill: #b5489a } .line { fill: none; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd } .note { fill: #aaa } .grid { stroke: #444 }
  }
"""
# figure (less its unit), what people read, colour
_LINES = (
    ("export.last", "export.peak", "this app, first export", "c0"),
    ("unchanged.end", "unchanged.peak", "this app, refresh, nothing changed", "c1"),
    ("floor", "floor.peak", "floor: csv.reader + orjson", "c2"),
    ("client", "client.peak", "loop on SendGrid's client", "c3"),
    ("pandas", "pandas.peak", "pandas + requests", "c4"),
)


@dataclass(frozen=True, slots=True)
class Line:
    label: str
    colour: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Panel:
    """A chart's lines on axes. `log`: both axes are logarithmic, ticks at powers of ten; else both begin at 0."""

    title: str
    x: str
    lines: Sequence[Line]
    log: bool = True

    width: int = 400
    height: int = 280

    def draw(self, left: int, top: int) -> Iterable[str]:
        """SVG elements, with the panel's corner at `left`, `top`."""
        points = [point for line in self.lines for point in line.points]
        if not points:
            return
        across = _Axis.of([x for x, _ in points], left + 48, left + self.width - 12, log=self.log)
        up = _Axis.of([y for _, y in points], top + self.height - 34, top + 34, log=self.log)
        yield f'<text class="title" x="{left + 8}" y="{top + 18}">{escape(self.title)}</text>'
        for tick in up.ticks:
            place = up.place(tick)
            yield f'<line class="grid" x1="{across.start}" x2="{across.stop}" y1="{place:.1f}" y2="{place:.1f}"/>'
            yield f'<text class="end" x="{across.start - 6}" y="{place + 4:.1f}">{_number(tick)}</text>'
        for tick in across.ticks:
            place = across.place(tick)
            yield f'<text class="middle" x="{place:.1f}" y="{up.start + 18}">{_number(tick)}</text>'
        yield f'<text class="note end" x="{across.stop}" y="{up.start + 32}">{escape(self.x)}</text>'
        for line in self.lines:
            path = " ".join(f"{across.place(x):.1f},{up.place(y):.1f}" for x, y in line.points)
            yield f'<polyline class="line {line.colour}" points="{path}"/>'
            if self.log:
                for x, y in line.points:
                    yield f'<circle class="{line.colour}" r="3" cx="{across.place(x):.1f}" cy="{up.place(y):.1f}"/>'


@dataclass(frozen=True, slots=True)
class _Axis:
    """From values to places: `start` is the lowest tick's, `stop` the highest one's."""

    ticks: Sequence[float]
    start: float
    stop: float
    log: bool

    @classmethod
    def of(cls, values: Sequence[float], start: float, stop: float, *, log: bool) -> "_Axis":
        if log:
            low = math.floor(math.log10(min(values)) + 0.001)
            high = max(low + 1, math.ceil(math.log10(max(values)) - 0.001))
            return cls([10.0**power for power in range(low, high + 1)], start, stop, log)
        most = max(*values, 1e-9)
        step = 10.0 ** math.floor(math.log10(most))
        step = next(size for size in (step / 5, step / 2, step, 2 * step) if most / size <= 6)  # noqa: PLR2004 - ticks
        return cls([step * number for number in range(math.ceil(most / step) + 1)], start, stop, log)

    def place(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        if self.log:
            value, low, high = math.log10(value), math.log10(low), math.log10(high)
        return self.start + (self.stop - self.start) * (value - low) / (high - low)


def write(figures: list[dict[str, Any]], book: Book, note: str, folder: Path = FOLDER) -> None:
    """Draw what there are figures of; `book` has the series of memory over time. `note` stands below the charts."""
    folder.mkdir(exist_ok=True)
    medians = {(figure["name"], figure["rows"]): figure["median"] for figure in figures}
    _save(folder / "overview.svg", 380, [*_overview(medians), *_note(note, 370)])
    rows = max((rows for name, rows in medians if name == "client s"), default=0)
    if rows:
        _save(folder / "peers.svg", 240, [*_bars(medians, rows), *_note(note, 228)])
    for name, series in book.series.items():
        kind, _, count = name.rpartition("-")
        if kind == "export":
            _memory(folder / f"memory-{count}", int(count), series)


def _overview(medians: dict[tuple[str, int], float]) -> Iterable[str]:
    def lines(figures: Iterable[tuple[str, str, str]], unit: str) -> list[Line]:
        found = []
        for figure, label, colour in figures:
            name = f"{figure} {unit}"
            points = sorted((float(rows), value) for (known, rows), value in medians.items() if known == name)
            found += [Line(label, colour, points)] if points else []
        return found

    time = Panel("Seconds until all is sent", "rows", lines([(a, label, c) for a, _, label, c in _LINES], "s"))
    memory = Panel("Peak memory, MiB", "rows", lines([(b, label, c) for _, b, label, c in _LINES], "MiB"))
    yield from time.draw(0, 0)
    yield from memory.draw(410, 0)
    for number, line in enumerate(time.lines):
        x, y = 48 + 264 * (number % 3), 312 + 26 * (number // 3)
        yield f'<circle class="{line.colour}" r="5" cx="{x}" cy="{y}"/><text x="{x + 12}" y="{y + 4}">'
        yield f"{escape(line.label)}</text>"


def _bars(medians: dict[tuple[str, int], float], rows: int) -> Iterable[str]:
    """Time of each, with its memory and whom it reached under a SendGrid that refuses as the real one does."""
    yield f'<text class="title" x="8" y="18">{rows:,} rows to a strict SendGrid: seconds, memory, delivered</text>'
    shown = [line for line in _LINES if (f"{line[0]} s", rows) in medians]
    longest = max(medians[f"{figure} s", rows] for figure, *_ in shown)
    for number, (figure, peak, label, colour) in enumerate(shown):
        y = 48 + 34 * number
        seconds, mebibytes = medians[f"{figure} s", rows], medians[f"{peak} MiB", rows]
        delivered = medians.get((f"{figure}.delivered", rows), 1.0)
        width = max(2.0, 300 * seconds / longest)
        yield f'<text class="end" x="250" y="{y + 4}">{escape(label)}</text>'
        yield f'<rect class="{colour}" x="260" y="{y - 10}" width="{width:.1f}" height="20" rx="3"/>'
        text = f"{seconds:.2f} s, {mebibytes:,.0f} MiB, {delivered:.0%} delivered"
        yield f'<text x="{268 + width:.1f}" y="{y + 4}">{text}</text>'


def _memory(path: Path, rows: int, series: list[tuple[float, int, int]]) -> None:
    """Memory and temporary files over time, as a chart and as CSV."""
    step = -(-len(series) // 600)
    kept = [(round(at, 2), round(memory / 2**20, 1), round(disk / 1e6, 1)) for at, memory, disk in series[::step]]
    with path.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["seconds", "memory_mib", "temporary_files_mb"])
        writer.writerows(kept)
    memory = Line("memory, MiB", "c0", [(at, value) for at, value, _ in kept])
    disk = Line("temporary files, MB", "c3", [(at, value) for at, _, value in kept])
    title = f"First full export of {rows:,} rows"
    left = Panel(f"{title}: memory, MiB", "seconds", [memory], log=False)
    right = Panel("temporary files, MB", "seconds", [disk], log=False)
    _save(path.with_suffix(".svg"), 290, [*left.draw(0, 0), *right.draw(410, 0)])


def _note(text: str, y: int) -> Iterable[str]:
    yield f'<text class="note" x="8" y="{y}">{escape(text)}</text>'


def _save(path: Path, height: int, elements: Iterable[str]) -> None:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">'
    path.write_text("\n".join([head, f"<style>{_STYLE}</style>", *elements, "</svg>", ""]), encoding="utf-8")


def _number(value: float) -> str:
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"

"""What has been measured: every value of every figure, and what is read off them."""

import json
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FIGURES = HERE / "figures.json"


@dataclass(slots=True)
class Book:
    """Values by figure and rows. A figure's name ends with its unit: `export.last s`.

    `series`: of each kind of export the last one's (seconds, bytes in memory, bytes of temporary files). `failures`:
    what could not be measured because it went wrong.
    """

    values: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    series: dict[str, list[tuple[float, int, int]]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, name: str, rows: int, value: float | None) -> None:
        """Note one more value; None is nothing to note."""
        if value is not None:
            self.values.setdefault((name, rows), []).append(value)

    def has(self, *names: str, rows: int) -> bool:
        return all((name, rows) in self.values for name in names)

    def median(self, name: str, rows: int) -> float:
        return statistics.median(self.values[name, rows])

    def ratio(self, name: str, other: str, rows: int) -> float:
        """The median of the quotients, pair by pair: what disturbs the machine disturbs both of a pair."""
        pairs = zip(self.values[name, rows], self.values[other, rows], strict=False)  # one may have failed
        return statistics.median(value / beside for value, beside in pairs)

    def write(self, path: Path = FIGURES) -> list[dict[str, Any]]:
        """Add to the file's figures, in place of those of the same name and rows, and give them all."""
        lines = [
            {
                "name": name,
                "rows": rows,
                "median": _short(statistics.median(values)),
                "least": _short(min(values)),
                "most": _short(max(values)),
                "values": len(values),
            }
            for (name, rows), values in self.values.items()
        ]
        all_lines = merged(read_lines(path), lines)
        write_lines(path, all_lines)
        return all_lines


def read_lines(path: Path) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return lines


def write_lines(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    """A JSON list, an entry a line."""
    text = ",\n".join(f"  {json.dumps(line, ensure_ascii=False)}" for line in lines)
    path.write_text(f"[\n{text}\n]\n", encoding="utf-8")


def merged(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The new entries take the place of old ones with their name and rows; the others stay."""
    found = {(line["name"], line["rows"]): line for line in old}
    found |= {(line["name"], line["rows"]): line for line in new}
    return sorted(found.values(), key=lambda line: (line["rows"] or 0, line["name"]))


def _short(value: float) -> float:
    return round(value, 4)

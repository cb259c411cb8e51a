"""Segments full of invented people, and who of them belongs on a list with what fields.

A segment's people change their names with every version, so that an old row is told from a new one. People of two
segments never change: which segment's row wins is not what is tested here. Every name has MARK in it, and every address
an @: neither may be in any log.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeAlias

MARK = "Quillon"
FIELD = "loyalty_tier"
COLUMNS = ("CustomerId", "EMail", "FirstName", "Tier", "Consent")
ODD = "@people.x"  # what only SendGrid takes offence at
LARGEST = 14  # people of a segment
BOTH = 4  # people that may be in any segment

Row: TypeAlias = tuple[str, ...]
Fields: TypeAlias = dict[str, str]  # first_name and tier of a contact


@dataclass(slots=True)
class Segment:
    """One segment over time. `rows` is its last landing."""

    name: str
    form: str  # csv, ndjson or parts
    version: int = 0
    rows: list[Row] = field(default_factory=list)
    ever: set[str] = field(default_factory=set)

    def change(self, rng: Random) -> None:
        """People come, change and leave; there is dirt among them. At least one person stays."""
        self.version += 1
        mine = rng.sample(range(LARGEST), rng.randint(1, LARGEST))
        rows = [self._person(f"p{i}-{self.name.lower()}", rng.randint(1, self.version), rng) for i in mine]
        rows += [self._person(f"both{i}", 0, rng) for i in rng.sample(range(BOTH), rng.randint(0, BOTH))]
        rng.shuffle(rows)
        rows += [_dirt(rng, self.form) for _ in range(rng.randint(0, 3))]
        rows += [self._late_twin(rng.choice(rows))] if rng.random() < 0.5 else []
        self.rows = rows
        self.ever |= {row[1].lower() for row in rows if len(row) > 1}

    def _person(self, who: str, version: int, rng: Random) -> Row:
        consent = "True" if version == 0 or rng.random() < 0.8 else "False"
        return (f"C-{who}", f"{who}@people.example", f"{MARK}{who}v{version}", f"tier{version}", consent)

    @staticmethod
    def _late_twin(row: Row) -> Row:
        """The same address again, in capitals: the first row wins."""
        return (row[0], row[1].upper(), f"{MARK}Twin", "twin", row[-1])

    def files(self) -> dict[str, bytes]:
        """What lands, in the order of its landing."""
        if self.form == "ndjson":
            lines = (json.dumps(dict(zip(COLUMNS, row, strict=True))) for row in self.rows)
            return {f"{self.name}.ndjson": "\n".join(lines).encode()}
        if self.form == "csv":
            return {f"{self.name}.csv": _csv(self.rows)}
        middle = len(self.rows) // 2
        return {
            f"{self.name}/part-1.csv": _csv(self.rows[:middle]),
            f"{self.name}/part-2.csv": _csv(self.rows[middle:]),
            f"{self.name}/_SUCCESS": b"",
        }


@dataclass(slots=True)
class Export:
    """An export's document, as far as it matters for who belongs on the list. `used`: segments that it ever had."""

    id: str
    list_id: str
    segments: list[str]
    tier: bool
    only_consenting: bool
    removal: str
    used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.used |= set(self.segments)

    def give(self, segments: list[str]) -> None:
        self.segments = segments
        self.used |= set(segments)

    def may_have_sent(self, address: str) -> bool:
        """People of one segment only have its name in their address."""
        return any(f"-{name.lower()}@" in address for name in self.used)

    def document(self, **more: object) -> dict[str, object]:
        custom = {FIELD: "Tier"} if self.tier else {}
        return {
            "display_name": self.id,
            "connection": "marketing",
            "list_id": self.list_id,
            "segments": self.segments,
            "mapping": {"email": "EMail", "first_name": "FirstName", "custom_fields": custom},
            "only_where": {"Consent": ["True"]} if self.only_consenting else {},
            "removal": self.removal,
            "delivery": "import" if self.only_consenting else "auto",
            "schedule": "off",
            "max_shrink_percent": 100,
            **more,
        }

    def belonging(self, segments: Mapping[str, Segment]) -> dict[str, Fields]:
        """Who is to be on the list when the segments are as they are now, and with what fields."""
        found: dict[str, Fields] = {}
        for row in (row for name in self.segments for row in segments[name].rows):
            if len(row) != len(COLUMNS) or (self.only_consenting and row[4] != "True"):
                continue
            address = row[1].lower()
            if address.endswith("@people.example") and address not in found:
                found[address] = {"first_name": row[2], **({FIELD: row[3]} if self.tier else {})}
        return found


def _dirt(rng: Random, form: str) -> Row:
    """A row that cannot become a contact; the fourth kind is one that only SendGrid refuses."""
    tail = (f"{MARK}Dirt", "none", "True")
    kinds: list[Row] = [("D1", "", *tail), ("D2", "no address", *tail), ("D3", "a@b@c.example", *tail)]
    kinds.append(("D4", f"odd{rng.randint(1, 9)}{ODD}", *tail))
    if form != "ndjson":
        kinds.append(("D5", *tail, *tail, *tail))
    return rng.choice(kinds)


def _csv(rows: Sequence[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return text.getvalue().encode()

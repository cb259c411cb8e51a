"""Segments as Customer Insights exports them, of any size, with the dirt that real ones have.

Everything about a person follows from the seed and the person's number, so that a segment of a million people is
written in the memory of one row, and a later generation of it knows who is new, who changed and who is gone without
remembering. Names are invented, addresses lie in the domains reserved for examples (RFC 2606). The manifest says what
a correct exporter must arrive at.

`python -m local.generator FOLDER --people 5000` writes an export folder to look at.
"""

import argparse
import csv
import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Literal, Self, TypeAlias

COLUMNS = (
    "CustomerId", "FirstName", "LastName", "FullName", "EMail", "Telephone", "StreetAddress", "City", "State",
    "PostCode", "Country", "DateOfBirth", "CreatedOn", "TotalSpend", "OrderCount", "LoyaltyTier", "EmailConsent",
)  # fmt: skip
_TYPES = {"DateOfBirth": "date", "CreatedOn": "dateTime", "TotalSpend": "decimal", "OrderCount": "int64"}
INSTANCE = "CustomerInsights_0b1c2d3e-4f50-4a61-8b72-93a4b5c6d7e8"

_FIRST = (
    "Amelia", "José", "Zoë", "Søren", "Łukasz", "François", "Aoife", "Nguyễn", "Мария", "花子", "健太", "김", "ليلى",
    "נועה", "Ελένη", "Björk", 'Robert "Bob"', "Mary Ann", "Noah", "Sophia", "Mateo", "प्रिया", "อรุณ", "Null",
)  # fmt: skip
_LAST = (
    "Hart", "García", "Øster", "Kowalczyk", "Dupont", "Иванов", "山田", "الحسن", "כהן", "Παπαδόπουλος", "Ó Briain",
    "D'Angelo", "van der Berg", "Bell, Jr.", "Çelik", "शर्मा", "Smith-Jones", "Björnsdóttir", "Okafor",
)  # fmt: skip
_PLACES = (
    ("Seattle", "WA", "98{:03}", "United States"),
    ("Westmore", "VT", "05{:03}", "USA"),
    ("Köln", "NRW", "50{:03}", "Deutschland"),
    ("Paris", "Île-de-France", "75{:03}", "France"),
    ("千代田区", "東京都", "100-0{:03}", "日本"),
    ("Łódź", "", "90-{:03}", "Polska"),
    ("Dublin", "", "D02 X{:03}", "Ireland"),
    ("Montréal", "QC", "H2X {:03}", "Canada"),
    ("", "", "", ""),
)
_TIERS = ("Bronze", "Silver", "Gold", "Platinum", "")
_DOMAINS = ("example.com", "example.org", "example.net", "mail.example.com", "shop.example")
_NOT_ONE_ADDRESS = (
    "not-an-email", "two@@example.com", "@example.com", "trailing@", "spa ce@example.com", "a@b..example",
    "ana@example.pl;a.zak@example.pl", "ana@example.com, bob@example.com", "cormac.ó@example.com",
)  # fmt: skip

# Of a thousand people, how many have each kind of dirt; the rest of the thousand is clean.
_NO_EMAIL, _NOT_ADDRESS, _DUPLICATE, _PADDED, _IDN, _LONG_NAME, _LINE_BREAK, _FORMULA = 10, 8, 10, 20, 2, 3, 10, 2
# Of a thousand people, how many leave or change with each generation; and how many new ones come.
_LEAVE, _CHANGE, _JOIN = 20, 30, 25


Kind: TypeAlias = Literal["contact", "no_email", "invalid_email", "duplicate"]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a correct exporter counts: rows = no_email + invalid_email + duplicate + contacts."""

    rows: int = 0
    no_email: int = 0
    invalid_email: int = 0
    duplicate: int = 0
    contacts: int = 0

    @classmethod
    def of(cls, kinds: Counter[Kind]) -> Self:
        rows = kinds.total() + kinds["duplicate"]
        contacts = kinds["contact"] + kinds["duplicate"]
        return cls(rows, kinds["no_email"], kinds["invalid_email"], kinds["duplicate"], contacts)


@dataclass(frozen=True, slots=True)
class Difference:
    """What a correct exporter must do to get from one generation to the next, in contacts."""

    new: int
    changed: int
    gone: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class Person:
    """One profile of one generation. `address` is its normalised address; None if it cannot become a contact.

    A person of kind `duplicate` is a contact with a second row.
    """

    rows: tuple[tuple[str, ...], ...]
    address: str | None
    kind: Kind


@dataclass(frozen=True, slots=True)
class Segment:
    """`people` profiles in the first generation; every further one loses, changes and gains some."""

    name: str = "HighValueCustomers"
    people: int = 5000
    seed: int = 1
    generation: int = 0

    def next(self) -> Self:
        return type(self)(self.name, self.people, self.seed, self.generation + 1)

    @property
    def numbers(self) -> range:
        """Everyone who was ever in the segment."""
        return range(self.people + self.generation * (self.people * _JOIN // 1000))

    def version(self, number: int) -> int | None:
        """How often the person's place and spending have changed until this generation; None if gone or not yet in."""
        if number not in self.numbers:
            return None
        joined = 0 if number < self.people else (number - self.people) // (self.people * _JOIN // 1000) + 1
        version = 0
        for generation in range(joined + 1, self.generation + 1):
            luck = self._digest(f"{number} in {generation}")[0] * 1000 // 256
            if luck < _LEAVE:
                return None
            version += luck < _LEAVE + _CHANGE
        return version

    def members(self, numbers: range) -> Iterator[Person]:
        for number in numbers:
            if (version := self.version(number)) is not None:
                yield self._person(number, version)

    def addresses(self) -> Iterator[str]:
        """The normalised address of every contact."""
        return (person.address for person in self.members(self.numbers) if person.address)

    def difference(self) -> Difference:
        """From the generation before to this one."""
        before = type(self)(self.name, self.people, self.seed, self.generation - 1)
        new = changed = gone = unchanged = 0
        for number in self.numbers:
            if self._person(number, 0).address is None:
                continue
            was = before.version(number)
            now = self.version(number)
            new += was is None and now is not None
            gone += was is not None and now is None
            unchanged += was is not None and was == now
            changed += was is not None and now is not None and was != now
        return Difference(new, changed, gone, unchanged)

    def _digest(self, what: str) -> bytes:
        """Thirty-two bytes that depend on nothing but the seed and `what`."""
        return blake2b(f"{self.seed} {what}".encode(), digest_size=32).digest()

    def _person(self, number: int, version: int) -> Person:
        digest = self._digest(str(number))
        customer_id, another_id = digest[:16].hex(), digest[16:].hex()
        luck = int.from_bytes(digest, "big")
        luck, dirt = divmod(luck, 1000)
        luck, first = divmod(luck, len(_FIRST))
        luck, last = divmod(luck, len(_LAST))
        luck, domain = divmod(luck, len(_DOMAINS))
        luck, place = divmod(luck, len(_PLACES))
        luck, day = divmod(luck, 20_000)
        luck, cents = divmod(luck, 500_000)
        luck, tier = divmod(luck, len(_TIERS))
        first_name, last_name, street = _FIRST[first], _LAST[last], f"{number % 97 + 1} Alder Way"
        local = f"person{number}.{luck % 1000}"
        email = address = f"{local}@{_DOMAINS[domain]}"
        kind: Kind = "contact"

        if (dirt := dirt - _NO_EMAIL) < 0:
            email, kind = "", "no_email"
        elif (dirt := dirt - _NOT_ADDRESS) < 0:
            email, kind = _NOT_ONE_ADDRESS[number % len(_NOT_ONE_ADDRESS)], "invalid_email"
        elif (dirt := dirt - _DUPLICATE) < 0:
            kind = "duplicate"
        elif (dirt := dirt - _PADDED) < 0:
            email = f"  {email.title()}\u00a0"
        elif (dirt := dirt - _IDN) < 0:
            email, address = f"{local}@exämple.example", f"{local}@xn--exmple-cua.example"
        elif (dirt := dirt - _LONG_NAME) < 0:
            first_name *= 60
        elif (dirt := dirt - _LINE_BREAK) < 0:
            street = f"Flat {number % 9}\r\n{street}\tback yard"
        elif dirt < _FORMULA:
            first_name, last_name = "=1+1", "@SUM(A1)"

        city, state, post_code, country = _PLACES[(place + version) % len(_PLACES)]
        born = dt.date(1945, 1, 1) + dt.timedelta(days=day)
        row = (
            customer_id, first_name, last_name, f"{first_name} {last_name}", email, "", street, city,
            state, post_code.format(number % 1000), country, born.isoformat() if day % 3 else "",
            "2021-03-14T09:26:53Z", f"{cents / 100 + version:.2f}", str(cents % 40), _TIERS[tier], "True",
        )  # fmt: skip
        rows: tuple[tuple[str, ...], ...] = (row,)
        if kind == "duplicate":  # the same person under another id, the address in capitals
            rows = (row, (another_id, *row[1:4], email.upper(), *row[5:]))
        return Person(rows, address if kind in {"contact", "duplicate"} else None, kind)


def write_csv(segment: Segment, path: Path, *, header: bool = True) -> Manifest:
    """The whole segment as one CSV file."""
    return Manifest.of(_write(segment, segment.numbers, path, header=header))


def write_export(
    segment: Segment,
    folder: Path,
    *,
    container_url: str,
    produced_at: dt.datetime,
    partitions: int = 2,
    header: bool = False,
) -> Manifest:
    """A Customer Insights export below `folder`, which plays the root of the container at `container_url`.

    An earlier export's model.json is replaced and its data files stay, as the product does it.
    """
    root = f"{INSTANCE}/SegmentExport"
    stamp = f"{produced_at:%Y/%m/%d/%H%M}"
    total = len(segment.numbers)
    names: list[str] = []
    kinds: Counter[Kind] = Counter()
    for part in range(1, partitions + 1):
        name = f"{root}/{segment.name}/{stamp}/{segment.name}_{part}.csv"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        numbers = range(total * (part - 1) // partitions, total * part // partitions)
        # Rows end in LF in one file and in CR LF in the next: both are met.
        kinds += _write(segment, numbers, path, header=header, row_end="\r\n" if part % 2 == 0 else "\n")
        names.append(name)
    model = _model(segment, [f"{container_url}/{name}" for name in names], produced_at, header=header)
    (folder / root / "model.json").write_text(json.dumps(model, indent=2), encoding="utf-8")
    return Manifest.of(kinds)


def _write(segment: Segment, numbers: range, path: Path, *, header: bool, row_end: str = "\n") -> Counter[Kind]:
    kinds: Counter[Kind] = Counter()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator=row_end)
        if header:
            writer.writerow(COLUMNS)
        for person in segment.members(numbers):
            writer.writerows(person.rows)
            kinds[person.kind] += 1
    return kinds


def _model(segment: Segment, locations: Sequence[str], produced_at: dt.datetime, *, header: bool) -> dict[str, object]:
    """model.json of the Common Data Model, version 1.0."""
    moment = produced_at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.0000000+00:00")
    csv_settings = {
        "$type": "CsvFormatSettings",
        "columnHeaders": header,
        "delimiter": ",",
        "encoding": "UTF-8",
        "quoteStyle": "QuoteStyle.Csv",
        "csvStyle": "CsvStyle.QuoteAlways",
    }
    partitions = [
        {
            "name": location.rpartition("/")[2].removesuffix(".csv"),
            "refreshTime": moment,
            "location": location,
            "fileFormatSettings": csv_settings,
        }
        for location in locations
    ]
    attributes = [{"name": name, "dataType": _TYPES.get(name, "string")} for name in COLUMNS]
    entity = {"$type": "LocalEntity", "name": segment.name, "attributes": attributes, "partitions": partitions}
    return {
        "application": "Dynamics 365 Customer Insights",
        "name": "SegmentExport",
        "version": "1.0",
        "culture": "en-US",
        "modifiedTime": moment,
        "entities": [entity],
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.generator", description="Write an export folder.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--people", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--generation", type=int, default=0, help="0 is the first snapshot; each later one differs")
    parser.add_argument("--container-url", default="http://127.0.0.1:10000/devstoreaccount1/segments")
    options = parser.parse_args()
    segment = Segment(people=options.people, seed=options.seed, generation=options.generation)
    now = dt.datetime.now(dt.UTC)
    manifest = write_export(segment, options.folder, container_url=options.container_url, produced_at=now)
    print(json.dumps(asdict(manifest)))


if __name__ == "__main__":
    main()

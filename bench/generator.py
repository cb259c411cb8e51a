"""Segments for measuring: the same rows each time, written fast and in little memory, and kept.

Of every hundred rows one has an unusable address and two repeat an earlier one, half of those in capitals. Names are
of twelve scripts. Generation 2 is generation 1 a day later: of every hundred rows one has changed and one has gone,
and one per hundred is new.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from shared.contacts.engine import engine, work_folder

DATA = Path(__file__).resolve().parents[1] / ".local" / "bench" / "data"
FORMATS = {"csv": "FORMAT csv, HEADER", "ndjson": "FORMAT json", "parquet": "FORMAT parquet"}
MAPPING = {
    "email": "EMailAddress1",
    "first_name": "FirstName",
    "last_name": "LastName",
    "country": "Country",
    "state_province_region": "StateOrProvince",
    "city": "City",
    "postal_code": "PostalCode",
    "custom_fields": {name: name for name in ("LoyaltyTier", "LifetimeValue", "LastPurchaseDate", "PreferredStore")},
}

_VERSION = 2  # of what is written: files of another version are made anew
_FIRST = (
    *("Anna", "José", "Zoë", "Søren", "Łukasz", "Müller", "François", "Aoife", "Nguyễn", "Иван", "Мария", "李", "伟"),
    *("さくら", "健太", "김", "محمد", "فاطمة", "נועה", "Ελένη", "Γιώργος", "Արամ", "ნინო", "Björk", "Åse", "O'Neil"),
    *("Mary Ann", "John", "Emma", "Liam", "Olivia", "Noah", "Sophia", "Mateo", "Lucía", "प्रिया", "อรุณ"),
)
_LAST = (
    *("Smith", "García", "Øster", "Kowalczyk", "Dupont", "Иванов", "王", "山田", "김", "الحسن", "כהן", "Παπαδόπουλος"),
    *("Պետրոսյան", "ბერიძე", "Ó Briain", "D'Angelo", "van der Berg", "Jönsson", "Johnson", "Williams", "Brown"),
    *("Çelik", "Ţepeş", "शर्मा", "ใจดี", "Smith-Jones", "Björnsdóttir"),
)
_PLACES = (
    ("United States", "WA", "Seattle", "98{:03d}"),
    ("United States", "CA", "San José", "95{:03d}"),
    ("Germany", "Bayern", "München", "80{:03d}"),
    ("France", "Île-de-France", "Paris", "75{:03d}"),
    ("Japan", "東京都", "千代田区", "100-0{:03d}"),
    ("Brazil", "São Paulo", "São Paulo", "01310-{:03d}"),
    ("Poland", "Łódzkie", "Łódź", "90-{:03d}"),
    ("Ireland", None, "Dublin", "D02 X{:03d}"),
    ("United Kingdom", "England", "London", "SW1A {:03d}"),
    ("Canada", "QC", "Montréal", "H2X {:03d}"),
)
_TIERS = ("Bronze", "Silver", "Gold", "Platinum", None)
_STORES = ("Downtown", 'Flagship "North"', "Outlet, East", "Online", "Café Zürich", None)
_DOMAINS = ("example.com", "example.org", "example.net", "mail.example.com", "corp.example.co.uk")
_UNUSABLE = (  # each with the row's number in it: people's mistakes are their own
    *(
        "no-at-sign{}.example.com",
        "two{}@@example.com",
        "trailing{}@",
        "@{}.example.com",
        "spa ce{}@example.com",
        "user{}@nodot",
    ),
    *(None, "a{}@b..com", 'quote"d{}@example.com', "user{}@example.com,second@example.com"),
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment of `rows` rows as it lands: one file, or a folder of parts with its marker."""

    rows: int
    generation: int = 1
    format: str = "csv"
    parts: int = 0

    @property
    def path(self) -> Path:
        name = f"v{_VERSION}-{self.rows}-g{self.generation}"
        return DATA / (f"{name}-{self.parts}-{self.format}" if self.parts else f"{name}.{self.format}")

    @property
    def unusable(self) -> int:
        return self.rows // 100

    @property
    def repeated(self) -> int:
        return 2 * (self.rows // 100)

    @property
    def contacts(self) -> int:
        """People with an address of their own: what a correct export delivers."""
        return self.rows - self.unusable - self.repeated

    @property
    def changed(self) -> int:
        """Of generation 2: contacts that are not as they were. As many are new, and as many have gone."""
        return self.rows // 100 if self.generation > 1 else 0

    def make(self) -> Path:
        """Write the segment unless it is there, and give its path."""
        if self.rows % 100:
            raise ValueError("rows come in hundreds")
        if not self.path.exists():
            DATA.mkdir(parents=True, exist_ok=True)
            unfinished = self.path.with_name(f"{self.path.name}.{os.getpid()}")
            try:
                self._write(unfinished)
                unfinished.rename(self.path)
            finally:
                _remove(unfinished)
        return self.path

    def _write(self, path: Path) -> None:
        last = self.rows + (self.rows // 100 if self.generation > 1 else 0)
        with work_folder() as folder, engine(folder, others=[path.parent.resolve()]) as database:
            for macro in _MACROS:
                database.execute(macro)
            if not self.parts:
                database.execute(self._copy(0, last, path))
                return
            path.mkdir()
            step = -(-last // self.parts)
            for number, start in enumerate(range(0, last, step)):
                file = path / f"part-{number:05}.{self.format}"
                database.execute(self._copy(start, min(last, start + step), file))
            (path / "_SUCCESS").write_bytes(b"")

    def _copy(self, start: int, stop: int, path: Path) -> str:
        rows = _ROWS.format(start=start, stop=stop, rows=self.rows, later="true" if self.generation > 1 else "false")
        return f"COPY ({rows}) TO {_text(path.as_posix())} ({FORMATS[self.format]})"


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _text(value: str | None) -> str:
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


def _texts(values: tuple[str | None, ...]) -> str:
    return f"[{', '.join(map(_text, values))}]"


def _braced(templates: tuple[str | None, ...]) -> str:
    """Templates of DuckDB's format, inside one of Python's."""
    return _texts(templates).replace("{", "{{").replace("}", "}}")


# Drawn by arithmetic of the row's number and the column's: an engine's own hash may differ from release to release.
_MACROS = (
    "CREATE MACRO once(i, k) AS ((i + k * 7919) * 2654435761) % 4294967296",
    "CREATE MACRO drawn(i, k) AS ((xor(once(i, k), once(i, k) >> 15) * 1597334677) % 4294967296) >> 7",
    "CREATE MACRO one_of(choices, i, k) AS choices[drawn(i, k) % len(choices) + 1]",
    f"CREATE MACRO domain(i) AS one_of({_texts(_DOMAINS)}, i, 3)",
    "CREATE MACRO address(i) AS format('user{}.{}@{}', i, drawn(i, 2) % 1000000, domain(i))",
    "CREATE MACRO earlier(i) AS greatest(0, i // 100 - drawn(i, 1) % 50) * 100 + 10",
)
_ROWS = f"""
    SELECT
        printf('%08x-%04x-4%03x-8%03x-%012x', drawn(i, 20), drawn(i, 21) % 65536, drawn(i, 22) % 4096,
               drawn(i, 23) % 4096, i) AS "CustomerId",
        CASE
            WHEN i >= {{rows}} THEN address(i)
            WHEN i % 100 = 7 THEN format(one_of({_braced(_UNUSABLE)}, i, 5), i)
            WHEN i % 100 IN (33, 66) AND drawn(i, 4) % 2 = 0 THEN upper(address(earlier(i)))
            WHEN i % 100 IN (33, 66) THEN address(earlier(i))
            ELSE address(i)
        END AS "EMailAddress1",
        one_of({_texts(_FIRST)}, i, 6) AS "FirstName",
        one_of({_texts(_LAST)}, i, 7) AS "LastName",
        one_of({_texts(tuple(place[0] for place in _PLACES))}, i, 8) AS "Country",
        one_of({_texts(tuple(place[1] for place in _PLACES))}, i, 8) AS "StateOrProvince",
        one_of({_texts(tuple(place[2] for place in _PLACES))}, i, 8) AS "City",
        format(one_of({_braced(tuple(place[3] for place in _PLACES))}, i, 8),
               drawn(i, 9) % 1000) AS "PostalCode",
        one_of({_texts(_TIERS)}, i, 10) AS "LoyaltyTier",
        CASE
            WHEN {{later}} AND i % 100 = 50 THEN (drawn(i, 12) % 10000000 / 100)::DECIMAL(12, 2)
            WHEN drawn(i, 13) % 100 >= 3 THEN (drawn(i, 11) % 10000000 / 100)::DECIMAL(12, 2)
        END AS "LifetimeValue",
        CASE
            WHEN drawn(i, 15) % 100 >= 3 THEN make_date(2018 + (drawn(i, 16) % 8)::INT, 1 + (drawn(i, 17) % 12)::INT,
                                                        1 + (drawn(i, 18) % 28)::INT)
        END AS "LastPurchaseDate",
        one_of({_texts(_STORES)}, i, 19) AS "PreferredStore"
    FROM range({{start}}, {{stop}}) AS numbers(i)
    WHERE NOT ({{later}} AND i < {{rows}} AND i % 100 = 51)
"""

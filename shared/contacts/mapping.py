"""Rows become contacts: which column feeds which SendGrid field, and how a value is cleaned on the way, as SQL.

Cleaning, in this order: spaces around a value go (no-break and zero-width ones too); an address is lower-cased; text
longer than SendGrid takes is cut; a value that does not fit a Number or Date field is left out. The last two are
counted as warnings, the row goes on. Empty values are omitted, which leaves the contact's old value (SendGrid: "Any
fields omitted from the request will remain as they were"); with `clear_empty` text fields send "", which clears it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from shared.contacts.problems import Problem, address_problem_sql
from shared.contacts.reading import Relation, quoted
from shared.contacts.text import Doubt
from shared.errors import UnreadableSegment

if TYPE_CHECKING:
    from shared.destinations.models import Export

# SendGrid, PUT /v3/marketing/contacts: longest value of each reserved field, in characters. postal_code has no limit
# of its own there; a text is never longer than a custom Text field's 1,000.
RESERVED_LENGTHS = {
    "first_name": 50,
    "last_name": 50,
    "country": 50,
    "state_province_region": 50,
    "city": 60,
    "postal_code": 1000,
}
CUSTOM_TEXT_LENGTH = 1000
# What counts as a space around a value: ASCII white space, no-break, typographic, zero-width, ideographic, BOM.
SPACES = (
    "".join(
        map(
            chr,
            [9, 10, 11, 12, 13, 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x2010), 0x2028, 0x2029, 0x202F, 0x205F, 0x2060],
        )
    )
    + "\u3000\ufeff"
)
ODD_SPACE = (
    r"[\x{0}-\x{1F}\x{85}\x{A0}\x{1680}\x{2000}-\x{200F}\x{2028}\x{2029}\x{202F}\x{205F}\x{2060}\x{3000}\x{FEFF}]"
)

_TWO = "[0-9][0-9]"
# A date that begins with the year, with or without a time (local ones are UTC's) and an offset from UTC. Others, such
# as 03/04/2021, could be read in two ways, and SendGrid would choose one in silence.
DATE = (
    rf"{_TWO}{_TWO}-{_TWO}-{_TWO}"
    rf"(?:[Tt ]{_TWO}:{_TWO}(?::{_TWO}(?:\.[0-9]+)?)?(?:[Zz]|[+-]{_TWO}(?::?{_TWO})?)?)?"
)

# What JSON writes otherwise in a text.
_ESCAPED = r"[\x00-\x1F\x22\x5C]"


class FieldType(StrEnum):
    """SendGrid's types of fields, by SendGrid's names."""

    TEXT = "Text"
    NUMBER = "Number"
    DATE = "Date"

    @classmethod
    def _missing_(cls, value: object) -> "FieldType":  # noqa: ARG003 -- the enumeration's own signature
        """What SendGrid may add one day is given as text, which it refuses if that is wrong."""
        return cls.TEXT


@dataclass(frozen=True, slots=True)
class Field:
    """One SendGrid field that the export fills. `key` is what the request calls it: a name, or a custom field's id."""

    key: str
    name: str
    column: str
    type: FieldType
    custom: bool
    max_length: int


@dataclass(frozen=True, slots=True)
class CustomField:
    """A custom field as SendGrid defines it."""

    id: str
    name: str
    type: FieldType


@dataclass(frozen=True, slots=True)
class Mapping:
    """How rows become contacts, apart from any one file's columns."""

    email: str
    fields: tuple[Field, ...]
    only_where: tuple[tuple[str, tuple[str, ...]], ...]
    clear_empty: bool
    customer_id: str = "CustomerId"

    @classmethod
    def of(cls, export: "Export", defined: Iterable[CustomField]) -> "Mapping":
        """The export's mapping, with custom fields found among those `defined` at SendGrid (names differ in case only).

        A KeyError never happens: `missing_fields` tells beforehand which are not there.
        """
        wanted = export.mapping
        fields = [
            Field(key, key, column, FieldType.TEXT, custom=False, max_length=length)
            for key, length in RESERVED_LENGTHS.items()
            if (column := getattr(wanted, key))
        ]
        known = {field.name.casefold(): field for field in defined}
        for name, column in sorted(wanted.custom_fields.items()):
            found = known[name.casefold()]
            fields.append(Field(found.id, found.name, column, found.type, custom=True, max_length=CUSTOM_TEXT_LENGTH))
        return cls(
            wanted.email,
            tuple(fields),
            tuple((column, tuple(values)) for column, values in sorted(export.only_where.items())),
            export.clear_empty,
        )

    @property
    def columns(self) -> frozenset[str]:
        """Every column that a file must have."""
        return frozenset(
            [self.email, *(field.column for field in self.fields), *(column for column, _ in self.only_where)]
        )

    @property
    def signature(self) -> str:
        """Goes into every fingerprint: a contact has to be sent again when what is sent of it would read otherwise."""
        keys = ",".join(f"{field.key}:{field.type}:{field.max_length}" for field in self.fields)
        return f"1|{keys}|{int(self.clear_empty)}"

    def bind(self, relation: Relation) -> "Binding":
        """Find the mapping's columns in a file. UnreadableSegment names a column that is not there."""

        def index(column: str, what: str) -> int:
            found = relation.index(column)
            if found is None:
                raise UnreadableSegment(
                    f"{relation.name} has no column {column!r}, which the export maps to {what}; "
                    f"of its {len(relation.columns)} columns{self._some(relation)}",
                    code="missing_column",
                    advice="Correct the export's mapping, or the segment. If the file seems to have one column only, "
                    "its delimiter is another one than expected.",
                )
            return found

        return Binding(
            email=index(self.email, "the e-mail address"),
            fields=tuple((index(field.column, field.name), field) for field in self.fields),
            only_where=tuple((index(column, "only_where"), values) for column, values in self.only_where),
            customer_id=relation.index(self.customer_id),
            clear_empty=self.clear_empty,
            signature=self.signature,
            doubts=relation.doubts,
        )

    def _some(self, relation: Relation, most: int = 12) -> str:
        """The file's columns, for a message. Of a file without a header they are a person's data: never those."""
        names = relation.columns
        known = {column.casefold() for column in (*self.columns, self.customer_id)}
        header = relation.names_itself or any(name.casefold() in known for name in names)
        if not header or any("@" in name or name.strip()[:1] in {*"+-0123456789"} for name in names if name.strip()):
            return " none is shown, as its first row may hold values instead of names"
        shown = ", ".join(repr(name[:80]) for name in names[:most])
        return f": {shown}" if len(names) <= most else f": {shown}, …"


def missing_fields(export: "Export", defined: Iterable[CustomField]) -> list[str]:
    """Names of custom fields that the export maps and SendGrid does not have."""
    known = {field.name.casefold() for field in defined}
    return sorted(name for name in export.mapping.custom_fields if name.casefold() not in known)


@dataclass(frozen=True, slots=True)
class Binding:
    """A mapping bound to the columns of one file: SQL expressions over `c0`, `c1` and so on."""

    email: int
    fields: tuple[tuple[int, Field], ...]
    only_where: tuple[tuple[int, tuple[str, ...]], ...]
    customer_id: int | None
    clear_empty: bool
    signature: str
    doubts: Doubt  # what may be in the values

    def read_columns(self) -> set[int]:
        """Columns that deciding about a row takes."""
        own = {self.email, *(i for i, _ in self.fields), *(i for i, _ in self.only_where)}
        return own if self.customer_id is None else own | {self.customer_id}

    def sent_columns(self) -> set[int]:
        """Columns that writing a contact takes."""
        return {i for i, _ in self.fields}

    @property
    def customer_id_sql(self) -> str:
        return "NULL" if self.customer_id is None else f"c{self.customer_id}"

    @property
    def address_sql(self) -> str:
        """The cell as an address: trimmed and lower-cased, NULL if nothing is left."""
        odd = f"regexp_matches(c{self.email}, {quoted(ODD_SPACE)})"
        return f"nullif(lower({self._trimmed_sql(self.email, odd)}), '')"

    @property
    def fingerprint_sql(self) -> str:
        """64 bits of all that decides what is sent of a row besides its address.

        DuckDB's hash of the cells as they stand: fast, and the same for the same DuckDB. Should a release of it hash
        otherwise, everybody is sent once more, which changes nothing on the list.
        """
        return f"hash({', '.join([quoted(self.signature), *(f'c{i}' for i, _ in self.fields)])})"

    def same_row_sql(self, fingerprint: str, columns: set[int], *, steady: bool) -> str:
        """True of a row whose fingerprint is in that column; DuckDB's error if it is another's.

        All `columns` that are read are needed for it: DuckDB finds bad encoding only in cells that it needs. A `steady`
        file has the same rows whatever is read of it: to look at one row of 64 is enough there.
        """
        others = ", ".join(["''", *(f"c{i}" for i in sorted(columns - self.sent_columns()))])
        cases = [f"WHEN {fingerprint} & 63::UBIGINT > 0 THEN true"] if steady else []
        cases.append(f"WHEN {fingerprint} = {self.fingerprint_sql} THEN hash({others}) IS NOT NULL")
        return f"CASE {' '.join(cases)} ELSE error('the file reads otherwise than before') END"

    def problem_sql(self, address: str) -> str:
        """The reason code of a row whose address is in column `address`; NULL if it can become a contact."""
        wanted = [
            f"lower(trim(coalesce(c{i}, ''), {quoted(SPACES)})) IN "
            f"({', '.join(f'lower({quoted(value.strip(SPACES))})' for value in values)})"
            for i, values in self.only_where
        ]
        filtered = f"WHEN NOT ({' AND '.join(wanted)}) THEN '{Problem.FILTERED}'" if wanted else ""
        return f"""CASE
            WHEN malformed THEN '{Problem.MALFORMED}'
            {filtered}
            ELSE {address_problem_sql(address)} END"""

    def cleaned_sql(self) -> str:
        """The cells that are sent, trimmed, as `v<index>` each with a comma before it; empty ones are NULL."""
        cells = [(i, self._trimmed_sql(i, "odd")) for i in sorted(self.sent_columns())]
        empty = Doubt.EMPTY in self.doubts or Doubt.SPACES in self.doubts
        return "".join(f", nullif({cell}, '') AS v{i}" if empty else f", {cell} AS v{i}" for i, cell in cells)

    def values_sql(self) -> str:
        """What is made of the cleaned cells, each with a comma before it: `w<place>`, a number or a date as it is sent.

        And `unusual`: true of a row if a text of it has to be cut, or has a character that JSON writes otherwise.
        """
        texts = [(f"v{i}", field.max_length) for i, field in self.fields if field.type is FieldType.TEXT]
        unusual = [f"strlen({value}) > {length}" for value, length in texts]
        if texts and Doubt.ESCAPES | Doubt.ODD_SPACES in self.doubts:
            together = f"concat({', '.join(value for value, _ in texts)})"
            unusual.append(f"regexp_matches({together}, {quoted(_ESCAPED)})")
        else:  # without control characters each is found at a fraction of the time
            marks = [mark for mark, doubt in (('"', Doubt.QUOTES), ("\\", Doubt.ESCAPES)) if doubt in self.doubts]
            unusual += [f"contains({value}, '{mark}')" for mark in marks for value, _ in texts]
        values = [(f"w{place}", value_sql(f"v{i}", field)) for place, i, field in self._typed()]
        values.append(("unusual", " OR ".join(unusual) or "false"))
        return "".join(f", {value} AS {name}" for name, value in values)

    def _typed(self) -> list[tuple[int, int, Field]]:
        """The fields that are no texts, with their places and columns."""
        return [(place, *each) for place, each in enumerate(self.fields) if each[1].type is not FieldType.TEXT]

    def value_sql(self, place: int) -> str:
        """What is sent of a row in the field at that place."""
        index, field = self.fields[place]
        return value_sql(f"v{index}", field) if field.type is FieldType.TEXT else f"w{place}"

    def _trimmed_sql(self, index: int, odd: str) -> str:
        """A cell without the spaces around it. `odd`: SQL, whether it may have other ones than plain ones."""
        cell = f"c{index}"
        plain = f"trim({cell})" if Doubt.SPACES in self.doubts else cell
        return (
            f"CASE WHEN {odd} THEN trim({cell}, {quoted(SPACES)}) ELSE {plain} END"
            if Doubt.ODD_SPACES in self.doubts
            else plain
        )

    def contact_sql(self, address: str) -> str:
        """The contact as a JSON object, the way PUT /v3/marketing/contacts takes it. Omitted values leave no trace."""
        usual, unusual = (self._object_sql(address, usual=usual) for usual in (True, False))
        return f"CASE WHEN unusual THEN {unusual} ELSE {usual} END"

    def _object_sql(self, address: str, *, usual: bool) -> str:
        # One call of `concat`, which passes NULL by: several, of a member each, take twice the time. An address has no
        # character that JSON writes otherwise, and texts that are not `unusual` have none.
        parts = ['\'{"email":"\'', address, "'\"'"]
        custom: list[str] = []  # SQL, whether each of the custom fields so far is there
        for place, (index, field) in enumerate(self.fields):
            text = field.type is FieldType.TEXT
            value = f"v{index}" if usual and text else self.value_sql(place)
            there = f"v{index} IS NOT NULL" if text else f"{value} IS NOT NULL"  # a text that is cut is still there
            if self.clear_empty and text:
                value, there = f"coalesce({value}, '')", "true"
            as_it_is = field.type is FieldType.DATE or (usual and text)
            name = f'{_json_text(field.key)}:"' if as_it_is else f"{_json_text(field.key)}:"
            cases = [(there, f",{name}")]
            if field.custom:
                others = " OR ".join(custom) or "false"
                cases = [(f"{there} AND ({others})", f",{name}"), (there, f',"custom_fields":{{{name}')]
                custom.append(there)
            parts.append(f"CASE {' '.join(f'WHEN {when} THEN {quoted(text)}' for when, text in cases)} END")
            parts += [value, f"CASE WHEN {there} THEN '\"' END"] if as_it_is else [f"to_json({value})"]
        parts.append(f"CASE WHEN {' OR '.join(custom) or 'false'} THEN '}}}}' ELSE '}}' END")
        return f"concat({', '.join(parts)})"

    def warnings_sql(self) -> str:
        """What had to be cut or left out of a row, as `field:what` words with a space after each; NULL if nothing."""
        left_out = {place: f"(v{i} IS NOT NULL AND w{place} IS NULL)" for place, i, _ in self._typed()}
        words = [
            (left_out[place], f"{field.name}:left_out ")
            if place in left_out
            else (_longer_sql(f"v{i}", field.max_length), f"{field.name}:cut ")
            for place, (i, field) in enumerate(self.fields)
        ]
        if not words:
            return "NULL"
        said = ", ".join(f"CASE WHEN {found} THEN {quoted(word)} END" for found, word in words)
        return f"CASE WHEN {' OR '.join(found for found, _ in words)} THEN concat({said}) END"

    def odd_sql(self) -> str:
        """Whether any cell that is sent may have other spaces around it than plain ones: the slow case of trimming."""
        cells = ", ".join(f"c{i}" for i in sorted(self.sent_columns()))
        odd = Doubt.ODD_SPACES in self.doubts
        return f"regexp_matches(concat_ws(' ', {cells}), {quoted(ODD_SPACE)})" if cells and odd else "false"


def _longer_sql(value: str, length: int) -> str:
    # Bytes first: they are counted already, characters are not.
    return f"(strlen({value}) > {length} AND length({value}) > {length})"


def value_sql(value: str, field: Field) -> str:
    """The cleaned value in the field's type; NULL if it does not fit."""
    if field.type is FieldType.NUMBER:
        number = f"try_cast({value} AS DOUBLE)"
        return f"CASE WHEN isfinite({number}) AND NOT contains({value}, '_') THEN {number} END"
    if field.type is FieldType.DATE:
        moment = f"try_cast(upper({value}) AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"
        written = (
            f"CASE WHEN regexp_full_match({value}, {quoted(DATE)}) THEN strftime({moment}, '%Y-%m-%dT%H:%M:%SZ') END"
        )
        shown = f"nullif(CASE WHEN year({moment}) BETWEEN 1 AND 9999 THEN {written} END, '')"
        # What most dates look like, at a fraction of the time. Days before Christ and after 9999 are longer.
        day = f"strlen({value}) = 10 AND CAST(try_cast({value} AS DATE) AS VARCHAR) = {value}"
        return f"CASE WHEN {day} THEN {value} || 'T00:00:00Z' ELSE {shown} END"
    cut = f"rtrim(left({value}, {field.max_length}))"
    return f"CASE WHEN {_longer_sql(value, field.max_length)} THEN {cut} ELSE {value} END"


def _json_text(text: str) -> str:
    import orjson

    return orjson.dumps(text).decode()

"""Contacts as CSV, for SendGrid's imports: what CSV can carry, and how a file reads.

Whatever could arrive as something else than an upsert would deliver is left to upserts. SendGrid documents that numbers
with a sign or more than two decimals are taken for text, and that dates are read month first; what an empty cell does
to the value that a contact has, and how quotes within a value are written, it does not say. So only contacts with a
plain value in every field go by import.

The first line has the fields' ids, which is all that sending the file takes; the first column is the address, which
never needs quotes. No value has a line break, so a line is a contact.
"""

import gzip
from pathlib import Path

from shared.contacts.mapping import Binding, Field, FieldType
from shared.contacts.reading import LONGEST_ROW, READ_BUFFER, quoted

SUFFIX = ".csv.gz"

_NUMBER = r"[0-9]+(?:\.[0-9]{1,2})?"
_DAY = r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T00:00:00Z"  # what `value_sql` makes of a date without a time
_UNSAFE = r"[\x00-\x1f\x7f\x{85}\x{2028}\x{2029}\x22\x5c]"  # line breaks, control characters, quote, backslash


def misfit_sql(binding: Binding) -> str:
    """Why CSV cannot carry the contact at hand: `empty_value`, `number`, `date`, `text`.

    NULL if it can.
    """
    if not binding.fields:
        return "NULL::VARCHAR"
    values = [(field, binding.value_sql(place)) for place, (_, field) in enumerate(binding.fields)]
    cases = [f"WHEN {' OR '.join(f'{value} IS NULL' for _, value in values)} THEN 'empty_value'"]
    for kind, pattern, unlike in (
        (FieldType.NUMBER, _NUMBER, "NOT regexp_full_match"),
        (FieldType.DATE, _DAY, "NOT regexp_full_match"),
        (FieldType.TEXT, _UNSAFE, "regexp_matches"),
    ):
        found = [f"{unlike}({value}::VARCHAR, {quoted(pattern)})" for field, value in values if field.type is kind]
        if found:
            cases.append(f"WHEN {' OR '.join(found)} THEN {quoted(kind.lower())}")
    return f"CASE {' '.join(cases)} END"


def row_sql(binding: Binding) -> str:
    """The contact as a line of CSV, without its end; NULL if CSV cannot carry it."""
    cells = "".join(
        f" || ',' || {_cell_sql(binding.value_sql(place), field)}" for place, (_, field) in enumerate(binding.fields)
    )
    return f"CASE WHEN {misfit_sql(binding)} IS NULL THEN address{cells} END"


def _cell_sql(value: str, field: Field) -> str:
    if field.type is FieldType.NUMBER:
        return f"{value}::VARCHAR"
    if field.type is FieldType.DATE:
        return f"substr({value}, 6, 2) || '/' || substr({value}, 9, 2) || '/' || substr({value}, 1, 4)"
    return f"'\"' || {value} || '\"'"


def is_import(batch: Path) -> bool:
    """Whether a batch's file is that of an import, by its name."""
    return batch.name.endswith(SUFFIX)


def field_ids(path: Path) -> list[str]:
    """The fields of a file's columns."""
    with gzip.open(path, "rb") as file:
        return file.readline().decode("ascii").rstrip("\n").split(",")


def addresses_sql(path: Path) -> str:
    """A SELECT of everybody in a file: a column `address`."""
    # Each line as a whole: no value has the delimiter that is named here.
    options = (
        "auto_detect=false, header=true, delim='\x01', quote='', escape='', columns={'line': 'VARCHAR'}, "
        f"compression='gzip', max_line_size={2 * LONGEST_ROW}, buffer_size={2 * READ_BUFFER}"
    )
    return f"SELECT split_part(line, ',', 1) AS address FROM read_csv({quoted(str(path))}, {options})"

"""Which values SendGrid takes: addresses, phone numbers, and what fits a field of each type."""

import re
from datetime import UTC, datetime

from local.sendgrid.fields import MAX_CUSTOM_TEXT, TEXT_LIMITS, Field

MAX_ADDRESS = 254
# Possessive are only repeats of single characters: Python 3.11.2 gets possessive groups wrong.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]++"
_LABEL = r"[A-Za-z0-9]++(?:-++[A-Za-z0-9]++)*"
# ASCII only (SendGrid's own schemas know no other addresses); the last label is not a number.
ADDRESS = rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?![0-9]++(?![A-Za-z0-9-]))(?=[A-Za-z0-9-]{{2}}){_LABEL}(?![.-])"
NUMBER = r"-?+(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?"  # a JSON number without exponent

_address = re.compile(ADDRESS)
_phone = re.compile(r"\+?[0-9][0-9 ().-]{4,30}")
_rfc3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_us_date = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_csv_number = re.compile(r"\d+(\.\d{1,2})?", re.ASCII)


def is_address(address: str) -> bool:
    return len(address) <= MAX_ADDRESS and _address.fullmatch(address) is not None


def read_date(value: str) -> datetime | None:
    """Read a date as SendGrid takes it: RFC 3339, MM/DD/YYYY or M/D/YYYY; None if it is none of these."""
    try:
        if _rfc3339.fullmatch(value):
            return datetime.fromisoformat(value.upper())
        if us := _us_date.fullmatch(value):
            month, day, year = map(int, us.groups())
            return datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return None
    return None


def misfit_reserved(name: str, value: str) -> str:
    """Say why a text cannot be stored in a reserved field, or nothing."""
    limit = TEXT_LIMITS[name]
    if limit is not None and len(value) > limit:
        return f"error storing reserved field name={name}: value is longer than {limit} characters"
    if name == "phone_number" and value and not _phone.fullmatch(value):
        return f'error storing reserved field name={name} as value="{value}": invalid phone number'
    return ""


def misfit_custom(definition: Field, value: object) -> str:
    """Say why a JSON value cannot be stored in a custom field, or nothing."""
    if definition.field_type == "Number":
        return "" if type(value) in (int, float) else _storing(definition, value, "float type conversion error")
    if not isinstance(value, str):
        return _storing(definition, value, "value is not a string")
    if definition.field_type == "Text":
        fits = len(value) <= MAX_CUSTOM_TEXT
        return "" if fits else _storing(definition, "…", f"value is longer than {MAX_CUSTOM_TEXT} characters")
    formats = "RFC3339, MM/DD/YYYY, or M/D/YYYY"
    reason = f"custom field value is not in any of the following date formats: {formats}"
    return "" if read_date(value) else _storing(definition, value, reason)


def misfit_in_csv(definition: Field, cell: str) -> str:
    """Say why a CSV cell cannot be stored: numbers without sign and at most two decimals, dates month first only."""
    if definition.field_type == "Number":
        return "" if _csv_number.fullmatch(cell) else _storing(definition, cell, "float type conversion error")
    if definition.field_type == "Date" and not _us_date.fullmatch(cell):
        reason = "custom field value is not in any of the following date formats: MM/DD/YYYY, or M/D/YYYY"
        return _storing(definition, cell, reason)
    return misfit_custom(definition, cell)


def _storing(definition: Field, value: object, reason: str) -> str:
    kind = definition.field_type
    return f'error storing custom field name={definition.name} type={kind} as value="{value}": {reason}'

"""What the contacts of a request must look like: what refuses the whole request, and what is one row's error later.

Whole request (400, answered at once): wrong shapes, an invalid address, an unknown custom field id, null for a Number.
One row (found while the job runs): a value that does not fit its field's type, an over-long text, a bad phone number.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson

from local.sendgrid.answers import Refused, error, errors, refuse
from local.sendgrid.fields import MAX_CUSTOM_TEXT, OTHER_IDENTIFIERS, TEXT_LIMITS, Field

MAX_CONTACTS = 30_000
MAX_ALTERNATES = 5
MAX_ADDRESS = 254
KEY_MARK = "\0"  # begins the key of a contact without an address

# ASCII addresses only: SendGrid's own schemas know no others.
_ADDRESS = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]++(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]++)*+"
    r"@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*[a-z0-9]"
)
_match_address = _ADDRESS.fullmatch
_PHONE = re.compile(r"\+?[0-9][0-9 ().-]{4,30}")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_US_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


def is_address(address: str) -> bool:
    """Tell whether SendGrid takes this address (given in lower case)."""
    return _match_address(address) is not None and len(address) <= MAX_ADDRESS


@dataclass(slots=True)
class Rows:
    """The rows of one upsert, read: ready to apply, and those whose job-level error is already known."""

    good: list[tuple[str, bytes]] = field(default_factory=list)
    bad: list[tuple[str, str]] = field(default_factory=list)


def read_rows(
    contacts: Sequence[object], fields: Mapping[str, Field], marked: Mapping[str, str], *, listed_errors: int
) -> Rows:
    """Read the `contacts` of an upsert. `marked`: addresses that a fault has given a row error.

    Refused: 400 with at most `listed_errors` errors, if any contact is refused at once. Nothing is applied then.
    """
    rows = Rows()
    refused: list[dict[str, str | None]] = []
    unknown: dict[str, None] = {}
    for index, contact in enumerate(contacts):
        if type(contact) is not dict:
            raise refuse(400, "invalid input", "")
        email = contact.pop("email", None)
        key = email.lower() if type(email) is str else _other_key(contact, email)
        if not _match_address(key) or len(key) > MAX_ADDRESS:
            if not key:
                message = "contact does not have any valid identifiers"
                refused.append(error(message, f"contacts[{index}].identifier"))
                continue
            if key[0] != KEY_MARK:
                refused.append(error(f"email '{email}' is not valid", f"contacts[{index}].identifier"))
                continue
        problem = ""
        for name, value in contact.items():
            if name in TEXT_LIMITS:
                if type(value) is str:
                    limit = TEXT_LIMITS[name]
                    if limit is not None and len(value) > limit:
                        problem = f"error storing reserved field name={name}: value is longer than {limit} characters"
                    elif name == "phone_number" and value and not _PHONE.fullmatch(value):
                        problem = f'error storing reserved field name={name} as value="{value}": invalid phone number'
                elif value is not None:
                    raise refuse(400, "invalid input", "")
            elif name == "custom_fields":
                if type(value) is not dict:
                    raise refuse(400, "invalid input", "")
                for field_id, cell in value.items():
                    definition = fields.get(field_id)
                    if definition is None:
                        unknown[field_id] = None
                    elif cell is None:
                        if definition.field_type == "Number":
                            message = f'custom field "{field_id}" cannot be null'
                            refused.append(error(message, f"contacts[{index}].custom_fields"))
                    else:
                        problem = _misfit(definition, cell) or problem
            elif name == "alternate_emails":
                _check_alternates(value)
        if problem or (marked and key in marked):
            rows.bad.append((key, problem or marked[key]))
        else:
            rows.good.append((key, orjson.dumps(contact)))
    if unknown:
        refused.insert(0, error(f"invalid custom field ids supplied - {','.join(unknown)}", ""))
    if refused:
        raise Refused(errors(400, *refused[:listed_errors]))
    return rows


def _other_key(contact: Mapping[str, object], email: object) -> str:
    if email is not None:
        raise refuse(400, "invalid input", "")
    for name in OTHER_IDENTIFIERS:
        value = contact.get(name)
        if value and isinstance(value, str):
            return f"{KEY_MARK}{name}{KEY_MARK}{value}"
    return ""


def _check_alternates(value: object) -> None:
    if value is None:
        return
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise refuse(400, "invalid input", "")
    if len(value) > MAX_ALTERNATES or not all(is_address(item.lower()) for item in value):
        raise refuse(400, "alternate_emails is not valid", "alternate_emails")


def _misfit(definition: Field, value: object) -> str:
    """Say why a custom value cannot be stored, or nothing."""
    kind = definition.field_type
    if kind == "Number":
        if type(value) is int or type(value) is float:
            return ""
        reason = "float type conversion error"
    elif type(value) is not str:
        reason = f"{type(value).__name__} given"
    elif kind == "Text":
        if len(value) <= MAX_CUSTOM_TEXT:
            return ""
        return _storing(definition, "…", f"value is longer than {MAX_CUSTOM_TEXT} characters")
    else:
        if read_date(value) is not None:
            return ""
        reason = "custom field value is not in any of the following date formats: RFC3339, MM/DD/YYYY, or M/D/YYYY"
    return _storing(definition, value, reason)


def _storing(definition: Field, value: object, reason: str) -> str:
    return (
        f'error storing custom field name={definition.name} type={definition.field_type} as value="{value}": {reason}'
    )


def misfit_in_csv(definition: Field, cell: str) -> str:
    """Say why a CSV cell cannot be stored: numbers without sign and at most two decimals, dates month first only."""
    if definition.field_type == "Number":
        fits = re.fullmatch(r"\d+(\.\d{1,2})?", cell) is not None
        return "" if fits else _storing(definition, cell, "float type conversion error")
    if definition.field_type == "Date" and not _US_DATE.fullmatch(cell):
        return _storing(definition, cell, "custom field value is not in the date format MM/DD/YYYY or M/D/YYYY")
    return _misfit(definition, cell)


def read_date(value: str) -> datetime | None:
    """Read a date as SendGrid takes it: RFC 3339, MM/DD/YYYY or M/D/YYYY; None if it is none of these."""
    try:
        if _RFC3339.fullmatch(value):
            return datetime.fromisoformat(value.upper())
        if us := _US_DATE.fullmatch(value):
            month, day, year = map(int, us.groups())
            return datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return None
    return None

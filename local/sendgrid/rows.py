"""Reading the contacts of an upsert: what refuses the whole request, and what is one row's error later.

Whole request (400, answered at once): wrong shapes, an invalid address, an unknown custom field id, null for a Number.
One row (reported when the job ends): a value that does not fit its field, an over-long text, a bad phone number.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from local.sendgrid.answers import Refused, error, errors, refuse
from local.sendgrid.fields import OTHER_IDENTIFIERS, TEXT_LIMITS, Field
from local.sendgrid.values import is_address, misfit_custom, misfit_reserved

MAX_CONTACTS = 30_000
MAX_ALTERNATES = 5
KEY_MARK = "\0"  # begins the key of a contact without an address


def wrong_shape() -> Refused:
    return refuse(400, "invalid input", "")


@dataclass(slots=True)
class Rows:
    """The rows of one upsert: those ready to apply (keys and records, side by side), and those that will be errors."""

    keys: list[str] = field(default_factory=list)
    records: list[bytes] = field(default_factory=list)
    bad: list[tuple[str, str]] = field(default_factory=list)  # (key, message)


class RowReader:
    """Takes the contacts of one request one by one; `finish` refuses the request or gives the rows.

    `marked`: addresses that a fault has given a row error, with its message.
    """

    def __init__(self, fields: Mapping[str, Field], marked: Mapping[str, str]) -> None:
        self._fields = fields
        self._marked = marked
        self._rows = Rows()
        self._refused: list[dict[str, str | None]] = []
        self._unknown: dict[str, None] = {}  # field ids, in the order they came

    def take(self, index: int, contact: Mapping[str, object], record: bytes) -> None:
        """Take the contact at `index`; `record` is its JSON."""
        key = self._key(index, contact)
        problem = ""
        for name, value in contact.items():
            if name in TEXT_LIMITS:
                problem = _reserved(name, value) or problem
            elif name == "custom_fields":
                problem = self._custom(index, value) or problem
            elif name == "alternate_emails":
                _check_alternates(index, value)
        problem = problem or self._marked.get(key, "")
        if problem:
            self._rows.bad.append((key, problem))
        else:
            self._rows.keys.append(key)
            self._rows.records.append(record)

    def _key(self, index: int, contact: Mapping[str, object]) -> str:
        email = contact.get("email")
        if isinstance(email, str):
            if not is_address(email):
                self._refuse(index, "identifier", f"email '{email}' is not valid")
            return email.lower()
        if email is not None:
            raise wrong_shape()
        for name in OTHER_IDENTIFIERS:
            if value := contact.get(name):
                return f"{KEY_MARK}{name}{KEY_MARK}{value}"
        self._refuse(index, "identifier", "contact does not have any valid identifiers")
        return ""

    def _custom(self, index: int, values: object) -> str:
        if not isinstance(values, dict):
            raise wrong_shape()
        problem = ""
        for field_id, value in values.items():
            definition = self._fields.get(field_id)
            if definition is None:
                self._unknown[field_id] = None
            elif value is not None:
                problem = misfit_custom(definition, value) or problem
            elif definition.field_type == "Number":
                self._refuse(index, "custom_fields", f'custom field "{field_id}" cannot be null')
        return problem

    def _refuse(self, index: int, part: str, message: str) -> None:
        self._refused.append(error(message, f"contacts[{index}].{part}"))

    def finish(self, *, listed_errors: int) -> Rows:
        """Give the rows, or refuse the request (400) naming at most `listed_errors` of what is wrong."""
        if self._unknown:
            self._refused.insert(0, error(f"invalid custom field ids supplied - {','.join(self._unknown)}", ""))
        if self._refused:
            raise Refused(errors(400, *self._refused[:listed_errors]))
        return self._rows


def _reserved(name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise wrong_shape()
    return misfit_reserved(name, value)


def _check_alternates(index: int, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise wrong_shape()
    if len(value) > MAX_ALTERNATES or not all(is_address(item) for item in value):
        raise refuse(400, "alternate_emails is not valid", f"contacts[{index}].alternate_emails")

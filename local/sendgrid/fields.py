"""Field definitions: SendGrid's reserved fields and the account's own.

Ids and limits: OpenAPI (custom fields, contacts); `_rf24` to `_rf28` and "field created just now" from recordings.
"""

import re
from dataclasses import dataclass, replace
from itertools import count
from typing import TypeAlias

from local.sendgrid.answers import NOT_FOUND, refuse

MAX_CUSTOM_FIELDS = 500
MAX_CUSTOM_TEXT = 1_000  # characters
TYPES = ("Text", "Number", "Date")

# Writable reserved text fields and their longest value in characters; None: no limit is stated.
TEXT_LIMITS: dict[str, int | None] = {
    "first_name": 50,
    "last_name": 50,
    "address_line_1": 100,
    "address_line_2": 100,
    "city": 60,
    "state_province_region": 50,
    "postal_code": None,
    "country": 50,
    "phone_number": None,
    "phone_number_id": None,
    "external_id": 254,
    "anonymous_id": 254,
}
OTHER_IDENTIFIERS = ("phone_number_id", "external_id", "anonymous_id")

_RESERVED = (
    *("first_name", "last_name", "email", "alternate_emails", "address_line_1", "address_line_2", "city"),
    *("state_province_region", "postal_code", "country", "phone_number", "whatsapp", "line", "facebook"),
    *("unique_name", "email_domains", "last_clicked", "last_opened", "last_emailed", "singlesend_id"),
    *("automation_id", "created_at", "updated_at", "contact_id", "phone_number_id", "external_id", "anonymous_id"),
    *("list_ids", "segment_ids"),
)
_READ_ONLY = frozenset(_RESERVED[_RESERVED.index("email_domains") : _RESERVED.index("contact_id") + 1])
_DATES = frozenset({"last_clicked", "last_opened", "last_emailed", "created_at", "updated_at"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")

Document: TypeAlias = dict[str, object]


def _reserved_id(position: int, name: str) -> str:
    return f"_rf{position}_{'D' if name in _DATES else 'T'}"


RESERVED_NAMES = {_reserved_id(position, name): name for position, name in enumerate(_RESERVED)}


def reserved_documents() -> list[Document]:
    return [
        {"id": field_id, "name": name, "field_type": "Date" if name in _DATES else "Text"}
        | ({"read_only": True} if name in _READ_ONLY else {})
        for field_id, name in RESERVED_NAMES.items()
    ]


@dataclass(frozen=True, slots=True)
class Field:
    """A custom field. `field_type` is Text, Number or Date and never changes."""

    id: str
    name: str
    field_type: str


class Fields:
    """The account's custom fields by id."""

    def __init__(self) -> None:
        self.by_id: dict[str, Field] = {}
        self._numbers = count(1)

    def add(self, name: object, field_type: object) -> Field:
        """Define a field; Refused (400): a bad name, a name in use, no such type, or the 501st field."""
        checked = self._free_name(name)
        if field_type not in TYPES:
            raise refuse(400, "invalid field type", "field_type")
        if len(self.by_id) >= MAX_CUSTOM_FIELDS:
            raise refuse(400, "maximum number of custom fields reached")
        new = Field(f"e{next(self._numbers)}_{str(field_type)[0]}", checked, str(field_type))
        self.by_id[new.id] = new
        return new

    def rename(self, field_id: str, name: object) -> Field:
        old = self.get(field_id)
        self.by_id[field_id] = replace(old, name=self._free_name(name, but=field_id))
        return self.by_id[field_id]

    def get(self, field_id: str) -> Field:
        if (found := self.by_id.get(field_id)) is None:
            raise refuse(404, NOT_FOUND, "id")
        return found

    def _free_name(self, name: object, but: str = "") -> str:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise refuse(400, "name must be letters, digits and underscores and not begin with a digit", "name")
        taken = {field.name.lower() for field in self.by_id.values() if field.id != but}
        if name.lower() in taken or name.lower() in _RESERVED:
            raise refuse(400, "a field with this name already exists", "name")
        return name

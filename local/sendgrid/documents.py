"""How contacts read: the JSON of the API, and the flat records of an export.

Recorded, and unlike the OpenAPI schema: `segment_ids` is null, `alternate_emails` is null when there are none,
`custom_fields` is absent when empty. Custom fields are keyed by id when written and by NAME when read.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeAlias

import orjson

from local.sendgrid.contacts import Contact, contact_id
from local.sendgrid.fields import TEXT_LIMITS, Field
from local.sendgrid.rows import KEY_MARK
from local.sendgrid.values import read_date

Document: TypeAlias = dict[str, object]

_TEXTS = tuple(TEXT_LIMITS)
_DEPRECATED = ("whatsapp", "line", "facebook", "unique_name")
EXPORT_COLUMNS = ("email", *_TEXTS, "alternate_emails", "contact_id", "created_at", "updated_at")


@lru_cache(maxsize=1_000)  # the contacts of a job share theirs
def timestamp(seconds: float) -> str:
    """Write seconds since the epoch as RFC 3339, whole seconds, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def address_of(contact: Contact) -> str:
    return "" if contact.key.startswith(KEY_MARK) else contact.key


def contact_document(contact: Contact, fields: Mapping[str, Field], base_url: str) -> Document:
    stored = orjson.loads(contact.fields)
    name = contact_id(contact.number)
    document: Document = {
        "id": name,
        "email": address_of(contact),
        **{text: stored.get(text) or "" for text in _TEXTS},
        **dict.fromkeys(_DEPRECATED, ""),
        "alternate_emails": stored.get("alternate_emails") or None,
        "list_ids": sorted(contact.lists),
        "segment_ids": None,
        "created_at": timestamp(contact.created),
        "updated_at": timestamp(contact.updated),
        "_metadata": {"self": f"{base_url}/v3/marketing/contacts/{name}"},
    }
    if custom := _custom_by_name(stored, fields):
        document["custom_fields"] = custom
    return document


def export_record(contact: Contact, fields: Mapping[str, Field]) -> Document:
    """Give a contact as an export holds it: flat, the id named `contact_id`, custom fields by name."""
    stored = orjson.loads(contact.fields)
    return {
        "email": address_of(contact),
        **{text: stored.get(text) or "" for text in _TEXTS},
        "alternate_emails": ",".join(stored.get("alternate_emails") or ()),
        "contact_id": contact_id(contact.number),
        "created_at": timestamp(contact.created),
        "updated_at": timestamp(contact.updated),
        **_custom_by_name(stored, fields),
    }


def _custom_by_name(stored: Mapping[str, object], fields: Mapping[str, Field]) -> Document:
    values = stored.get("custom_fields")
    if not isinstance(values, dict):
        return {}
    return {
        fields[field_id].name: _as_read(fields[field_id], value)
        for field_id, value in values.items()
        if field_id in fields and value not in ("", None)
    }


def _as_read(definition: Field, value: object) -> object:
    if definition.field_type != "Date" or (moment := read_date(str(value))) is None:
        return value
    text = moment.astimezone(UTC).isoformat()
    return text.replace("+00:00", "Z").replace(".000000", "")

"""The contacts of the account: a million of them in some hundred bytes each.

A contact's fields stay the JSON that was sent; they are parsed only to merge or to read. The contact id is a disguised
row number, so no second index is needed. Nothing here is validated: `rows` did that.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import orjson

from local.sendgrid.fields import OTHER_IDENTIFIERS

_SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835  # odd, so multiplying by it can be undone modulo 2**128
_GATHER = pow(_SPREAD, -1, 1 << 128)
_MASK = (1 << 128) - 1


def contact_id(number: int) -> str:
    """Give the id of the contact in row `number` (from 1): 36 characters that look random."""
    return str(UUID(int=(number * _SPREAD) & _MASK))


def _row_number(contact: str) -> int:
    try:
        return (UUID(contact).int * _GATHER) & _MASK
    except ValueError:
        return 0


@dataclass(slots=True)
class Contact:
    """One stored contact. `key`: lower-case address (or a marked other identifier); `fields`: the JSON as sent."""

    number: int
    key: str
    fields: bytes
    lists: frozenset[str]
    created: float  # seconds since the epoch
    updated: float


@dataclass(slots=True)
class Applied:
    """What an upsert did. `errors`: (key, message) of rows that could not be applied."""

    created: int = 0
    updated: int = 0
    errors: list[tuple[str, str]] = field(default_factory=list)


class Contacts:
    """Contacts by key and by id, with a count per list."""

    def __init__(self) -> None:
        self._by_key: dict[str, Contact] = {}
        self._rows: list[Contact | None] = [None]
        self._alternates: dict[str, Contact] = {}
        self.on_list: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._by_key)

    def __contains__(self, key: str) -> bool:
        return key in self._by_key

    def __iter__(self) -> Iterator[Contact]:
        """Walk over the contacts, oldest first; safe while contacts come and go."""
        for number in range(1, len(self._rows)):
            if (contact := self._rows[number]) is not None:
                yield contact

    def newest(self) -> Iterator[Contact]:
        """Walk over the contacts, newest first."""
        return (contact for contact in reversed(self._rows) if contact is not None)

    def get(self, contact: str) -> Contact | None:
        """Find a contact by its id."""
        number = _row_number(contact)
        return self._rows[number] if number < len(self._rows) else None

    def find(self, address: str) -> Contact | None:
        """Find a contact by its address or one of its alternate addresses (lower case)."""
        return self._by_key.get(address) or self._alternates.get(address)

    def upsert(
        self, rows: Iterable[tuple[str, bytes]], lists: frozenset[str], *, created: float, updated: float
    ) -> Applied:
        """Create or update contacts and add them to lists. Later rows of one key win over earlier ones."""
        applied = Applied()
        by_key, all_rows = self._by_key, self._rows
        for key, fields in rows:
            old = by_key.get(key)
            if old is None:
                new = Contact(len(all_rows), key, fields, lists, created, updated)
                by_key[key] = new
                all_rows.append(new)
                applied.created += 1
                if b'"alternate_emails"' in fields:
                    self._index_alternates(new)
            elif message := self._update(old, fields, lists, updated):
                applied.errors.append((key, message))
            else:
                applied.updated += 1
        for list_id in lists:
            self.on_list[list_id] += applied.created
        return applied

    def _update(self, old: Contact, fields: bytes, lists: frozenset[str], now: float) -> str:
        """Merge into `old`; give the message if the row has to be refused."""
        merged = fields if fields == old.fields else _merge(old.fields, fields)
        if merged is None:
            return "all existing identifiers of the contact must be present"
        added = lists - old.lists
        if merged == old.fields and not added:
            return ""  # nothing changes, updated_at neither (recorded: Grouparoo 2021)
        old.fields, old.updated = merged, now
        if added:
            old.lists |= added
            self.on_list.update(added)
        self._index_alternates(old)
        return ""

    def _index_alternates(self, contact: Contact) -> None:
        for address in orjson.loads(contact.fields).get("alternate_emails") or ():
            self._alternates[str(address).lower()] = contact

    def remove_from_list(self, contacts: Sequence[str], list_id: str) -> int:
        """Take contacts (ids) off a list; give how many were on it."""
        gone = [contact for name in contacts if (contact := self.get(name)) is not None and list_id in contact.lists]
        for contact in gone:
            contact.lists -= {list_id}
        self.on_list[list_id] -= len(gone)
        return len(gone)

    def forget_list(self, list_id: str) -> None:
        for contact in self:
            contact.lists -= {list_id}
        del self.on_list[list_id]

    def delete(self, contacts: Sequence[str]) -> int:
        """Delete contacts (ids); unknown ids are passed over. An address that comes back gets a new id."""
        gone = [contact for name in contacts if (contact := self.get(name)) is not None]
        for contact in gone:
            self._rows[contact.number] = None
            del self._by_key[contact.key]
            self.on_list.subtract(contact.lists)
            for address in orjson.loads(contact.fields).get("alternate_emails") or ():
                self._alternates.pop(str(address).lower(), None)
        return len(gone)


def _merge(old: bytes, new: bytes) -> bytes | None:
    """Lay `new` over `old`: fields left out and nulls stay, empty text clears. None: an identifier of old is missing."""
    merged = orjson.loads(old)
    changes = orjson.loads(new)
    if any(merged.get(name) and changes.get(name) != merged[name] for name in OTHER_IDENTIFIERS):
        return None
    custom = merged.get("custom_fields", {}) | (changes.pop("custom_fields", None) or {})
    merged.update((name, value) for name, value in changes.items() if value is not None)
    kept = {name: value for name, value in merged.items() if value != ""}
    if custom := {name: value for name, value in custom.items() if value not in ("", None)}:
        kept["custom_fields"] = custom
    else:
        kept.pop("custom_fields", None)
    return orjson.dumps(kept)

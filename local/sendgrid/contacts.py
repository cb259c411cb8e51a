"""The contacts of the account: a million of them in some hundred bytes each.

A contact's fields stay the JSON that was sent; they are parsed only to merge or to read. The contact id is a disguised
row number, so no second index is needed. Nothing here is validated: `rows` did that.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from local.sendgrid.fields import OTHER_IDENTIFIERS

_SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835  # odd, so multiplying by it can be undone modulo 2**128
_GATHER = pow(_SPREAD, -1, 1 << 128)
_MASK = (1 << 128) - 1
_ALTERNATES = b'"alternate_emails"'


def record_of(contact: Mapping[str, object]) -> bytes:
    """Write a contact's JSON for keeping: copied, because orjson's own bytes hold on to a buffer of several KB."""
    return memoryview(orjson.dumps(contact)).tobytes()


def contact_id(number: int) -> str:
    """Give the id of the contact in row `number` (from 1): 36 characters that look like a random uuid."""
    text = f"{(number * _SPREAD) & _MASK:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _row_number(contact: str) -> int:
    try:
        return (int(contact.replace("-", ""), 16) * _GATHER) & _MASK
    except ValueError:
        return 0


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact as stored. `key`: lower-case address, or a marked other identifier; `fields`: the JSON as sent."""

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
    """Contacts by key and by id, with a count per list. Kept as columns; row 0 is nobody's."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._alternates: dict[str, int] = {}
        self._keys: list[str] = [""]  # "": no such contact any more
        self._fields: list[bytes] = [b""]
        self._lists: list[frozenset[str]] = [frozenset()]
        self._created = array("d", [0.0])
        self._updated = array("d", [0.0])
        self._sets: dict[frozenset[str], frozenset[str]] = {}
        self.on_list: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[Contact]:
        """Walk over the contacts, oldest first; safe while contacts come and go."""
        number = 0
        while (number := number + 1) < len(self._keys):
            if self._keys[number]:
                yield self._row(number)

    def newest(self) -> Iterator[Contact]:
        """Walk over the contacts, newest first."""
        return (self._row(number) for number in range(len(self._keys) - 1, 0, -1) if self._keys[number])

    def _row(self, number: int) -> Contact:
        return Contact(
            number,
            self._keys[number],
            self._fields[number],
            self._lists[number],
            self._created[number],
            self._updated[number],
        )

    def _number(self, contact: str) -> int:
        number = _row_number(contact)
        return number if number < len(self._keys) and self._keys[number] else 0

    def get(self, contact: str) -> Contact | None:
        """Find a contact by its id."""
        number = self._number(contact)
        return self._row(number) if number else None

    def find(self, address: str) -> Contact | None:
        """Find a contact by its address or one of its alternate addresses (lower case)."""
        number = self._numbers.get(address) or self._alternates.get(address)
        return self._row(number) if number else None

    def grown_by(self, keys: Iterable[str]) -> int:
        """Say how many contacts there would be with these keys, too."""
        return len(self) + len(set(keys) - self._numbers.keys())

    def upsert(
        self, keys: list[str], records: list[bytes], lists: frozenset[str], *, created: float, updated: float
    ) -> Applied:
        """Create or update contacts and add them to lists. Later rows of one key win over earlier ones.

        keys and records (the JSON as sent) stand side by side; created and updated: seconds since the epoch.
        """
        applied = Applied()
        if self._numbers.keys().isdisjoint(keys) and len(set(keys)) == len(keys):
            self._append(keys, records, lists, created, updated)
            applied.created = len(keys)
            return applied
        for key, record in zip(keys, records, strict=True):
            number = self._numbers.get(key)
            if number is None:
                self._append([key], [record], lists, created, updated)
                applied.created += 1
            elif message := self._update(number, record, lists, updated):
                applied.errors.append((key, message))
            else:
                applied.updated += 1
        return applied

    def _append(
        self, keys: list[str], records: list[bytes], lists: frozenset[str], created: float, updated: float
    ) -> None:
        """Add contacts that are new, column by column."""
        first, count = len(self._keys), len(keys)
        self._numbers.update(zip(keys, range(first, first + count), strict=True))
        self._keys += keys
        self._fields += records
        self._lists += [lists] * count
        self._created.extend([created] * count)
        self._updated.extend([updated] * count)
        self.on_list.update(dict.fromkeys(lists, count))
        if _ALTERNATES in b"".join(records):  # hardly ever
            for number in range(first, first + count):
                self._index_alternates(number)

    def _update(self, number: int, record: bytes, lists: frozenset[str], now: float) -> str:
        """Merge a record into a contact; give the message if the row has to be refused."""
        old = self._fields[number]
        merged = old if record == old else _merge(old, record)
        if merged is None:
            return "all existing identifiers of the contact must be present"
        added = lists - self._lists[number]
        if merged == old and not added:
            return ""  # nothing changes, updated_at neither (recorded: Grouparoo 2021)
        self._fields[number], self._updated[number] = merged, now
        if added:
            self._lists[number] = self._shared(self._lists[number] | added)
            self.on_list.update(added)
        if _ALTERNATES in merged:
            self._index_alternates(number)
        return ""

    def _shared(self, lists: frozenset[str]) -> frozenset[str]:
        """Give the one copy of a set of lists, so that a million contacts do not hold a million."""
        return self._sets.setdefault(lists, lists)

    def _index_alternates(self, number: int) -> None:
        for address in orjson.loads(self._fields[number]).get("alternate_emails") or ():
            self._alternates[address.lower()] = number

    def remove_from_list(self, contacts: Sequence[str], list_id: str) -> int:
        """Take contacts (ids) off a list; give how many were on it."""
        gone = {number for name in contacts if list_id in self._lists[number := self._number(name)]}
        for number in gone:
            self._lists[number] = self._shared(self._lists[number] - {list_id})
        self.on_list[list_id] -= len(gone)
        return len(gone)

    def forget_list(self, list_id: str) -> None:
        self._lists = [self._shared(lists - {list_id}) if list_id in lists else lists for lists in self._lists]
        del self.on_list[list_id]

    def delete(self, contacts: Sequence[str]) -> int:
        """Delete contacts (ids); unknown ids are passed over. An address that comes back gets a new id."""
        gone = {number for name in contacts if (number := self._number(name))}
        for number in gone:
            self.on_list.subtract(self._lists[number])
            del self._numbers[self._keys[number]]
            self._keys[number], self._fields[number], self._lists[number] = "", b"", frozenset()
        self._alternates = {address: number for address, number in self._alternates.items() if number not in gone}
        return len(gone)


def _merge(old: bytes, new: bytes) -> bytes | None:
    """Lay `new` over `old`: what is left out or null stays, empty text clears.

    None: an identifier that the contact has is missing (all of them must be sent: OpenAPI since May 2024).
    """
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
    return record_of(kept)

"""Upserts in requests' worths. SendGrid: 30,000 contacts or 6 MB a call, whichever is lower.

Users of large lists report that the real limit is 4 MiB (4,194,304 bytes), so a body stays below 3.9 MB. A batch is
kept as one JSON object a line: the line's place is the contact's place in the request, which is how SendGrid names it.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

MAX_CONTACTS = 30_000
MAX_BYTES = 3_900_000
_ENVELOPE = 200  # bytes of a body around the contacts, list id included, generously


@dataclass(frozen=True, slots=True)
class Batch:
    """Contacts of one request, one JSON object a line."""

    number: int
    contacts: int
    lines: bytes


def batches(contacts: Iterable[bytes]) -> Iterator[Batch]:
    """Cut a stream of contacts, JSON objects without line breaks, into batches numbered from 1."""
    lines: list[bytes] = []
    size, number = 0, 1
    for contact in contacts:
        if lines and (len(lines) == MAX_CONTACTS or size + len(contact) + 1 > MAX_BYTES - _ENVELOPE):
            yield Batch(number, len(lines), b"\n".join(lines))
            lines, size, number = [], 0, number + 1
        lines.append(contact)
        size += len(contact) + 1
    if lines:
        yield Batch(number, len(lines), b"\n".join(lines))


def body(list_id: str, lines: bytes) -> bytes:
    """The request's body. A JSON text holds no raw line break, so every one of them separates two contacts."""
    return b'{"list_ids":["%s"],"contacts":[%s]}' % (list_id.encode("ascii"), lines.replace(b"\n", b","))


def without(lines: bytes, places: Collection[int]) -> bytes:
    """The batch less the contacts at these places."""
    return b"\n".join(line for place, line in enumerate(lines.split(b"\n")) if place not in places)


def addresses(lines: bytes) -> list[str]:
    """The address of each contact, by place."""
    import orjson

    return [orjson.loads(line)["email"] for line in lines.split(b"\n")] if lines else []

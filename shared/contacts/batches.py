"""Upserts in requests' worths. SendGrid: 30,000 contacts or 6 MB a call, whichever is lower.

Users of large lists report that the real limit is 4 MiB (4,194,304 bytes), so a body stays below 3.9 MB. A batch is
kept as one JSON object a line: the line's place is the contact's place in the request, which is how SendGrid names it.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

MAX_CONTACTS = 30_000
MAX_BYTES = 3_900_000
_CONTACTS = b'"contacts":['
_SEPARATOR, _END = b",\n", b"]}"
_BEGUN = b'{"email":"'
_ROOM = MAX_BYTES - 200  # bytes of a body for contacts and what separates them; the list id and so on take fewer


@dataclass(frozen=True, slots=True)
class Batch:
    """The contacts of one request: how many, and their JSON objects the way the request has them, in some parts.

    addresses  the same contacts with nothing but their addresses, one a line
    """

    contacts: int
    parts: Sequence[bytes]
    addresses: bytes

    @property
    def size(self) -> int:
        """Bytes of `lines`."""
        return len(self.parts) - self.contacts + sum(map(len, self.parts)) + len(self.parts) - 1

    @property
    def lines(self) -> bytes:
        """One contact a line."""
        return _SEPARATOR.join(self.parts).replace(_SEPARATOR, b"\n")

    def body(self, list_id: str) -> bytes:
        """The request's body, made at once: it is as large as all of them."""
        parts = list(self.parts)
        parts[0] = _beginning(list_id) + parts[0]
        parts[-1] += _END
        return _SEPARATOR.join(parts)


def batches(chunks: Iterable[Sequence[bytes]]) -> Iterator[Batch]:
    """Cut a stream of contacts, JSON objects without line breaks, into batches."""
    held: list[bytes] = []  # contacts of the next batch, a chunk or a part of one each
    known: list[bytes] = []  # their addresses
    contacts = size = 0
    for chunk in chunks:
        left = chunk
        while left:
            objects = _SEPARATOR.join(left)
            fit = len(left)
            full = contacts + fit > MAX_CONTACTS or size + len(objects) > _ROOM
            if full:
                fit = _fitting(left, MAX_CONTACTS - contacts, _ROOM - size) or (0 if held else 1)
                objects = _SEPARATOR.join(left[:fit])
            if fit:
                held.append(objects)
                known.append(_addresses(left[:fit]))
                contacts += fit
                size += len(objects) + len(_SEPARATOR)
            if full:
                yield Batch(contacts, held, b"\n".join(known))
                held, known, contacts, size = [], [], 0, 0
            left = left[fit:]
    if held:
        yield Batch(contacts, held, b"\n".join(known))


def _addresses(contacts: Sequence[bytes]) -> bytes:
    """The contacts with nothing but their addresses, which come first and hold no quotation mark."""
    begun = len(_BEGUN)
    return b"}\n".join([contact[: contact.index(b'"', begun) + 1] for contact in contacts]) + b"}"


def _fitting(contacts: Sequence[bytes], most: int, room: int) -> int:
    """How many of the first contacts fit into so many bytes."""
    ends = accumulate(len(contact) + len(_SEPARATOR) for contact in contacts[:most])
    return bisect_right(list(ends), room + len(_SEPARATOR))


def body(list_id: str, lines: bytes) -> bytes:
    """The request's body. A JSON text holds no raw line break, so every one of them separates two contacts."""
    return b"".join((_beginning(list_id), lines.replace(b"\n", _SEPARATOR), _END))


def _beginning(list_id: str) -> bytes:
    return b'{"list_ids":["%s"],%s' % (list_id.encode("ascii"), _CONTACTS)


def lines_of(request: bytes) -> bytes:
    """The contacts of a request's body, one a line again."""
    return request[request.index(_CONTACTS) + len(_CONTACTS) : -len(_END)].replace(_SEPARATOR, b"\n")


def without(lines: bytes, places: Collection[int]) -> bytes:
    """The batch less the contacts at these places."""
    return b"\n".join(line for place, line in enumerate(lines.split(b"\n")) if place not in places)


def addresses(lines: bytes) -> list[str]:
    """The address of each contact, by place."""
    import orjson

    return [orjson.loads(line)["email"] for line in lines.split(b"\n")] if lines else []

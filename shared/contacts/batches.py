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
_END = b"]}"
_BEGUN = b'{"email":"'
_ROOM = MAX_BYTES - 200  # bytes of a body for contacts and what separates them; the list id and so on take fewer


@dataclass(frozen=True, slots=True)
class Batch:
    """Contacts of one request, JSON objects."""

    objects: Sequence[bytes]

    @property
    def contacts(self) -> int:
        return len(self.objects)

    @property
    def size(self) -> int:
        """Bytes of `lines`."""
        return sum(map(len, self.objects)) + len(self.objects) - 1

    @property
    def lines(self) -> bytes:
        """One contact a line."""
        return b"\n".join(self.objects)

    @property
    def addresses(self) -> bytes:
        """The same contacts with nothing but their addresses, which come first and hold no quotation mark."""
        begun = len(_BEGUN)
        return b"}\n".join([contact[: contact.index(b'"', begun) + 1] for contact in self.objects]) + b"}"

    def body(self, list_id: str) -> bytes:
        """The request's body, made at once: it is as large as all of them."""
        contacts = list(self.objects)
        contacts[0] = _beginning(list_id) + contacts[0]
        contacts[-1] += _END
        return b",\n".join(contacts)


def batches(chunks: Iterable[Sequence[bytes]]) -> Iterator[Batch]:
    """Cut a stream of contacts, JSON objects without line breaks, into batches."""
    held: list[bytes] = []
    size = 0
    for chunk in chunks:
        held += chunk
        size += sum(map(len, chunk)) + 2 * len(chunk)
        while len(held) > MAX_CONTACTS or size > _ROOM:
            place = _fitting(held)
            size -= sum(map(len, held[:place])) + 2 * place
            yield Batch(_cut(held, place))  # and nobody else has them
    if held:
        yield Batch(held)


def _cut(contacts: list[bytes], place: int) -> list[bytes]:
    first = contacts[:place]
    del contacts[:place]
    return first


def _fitting(contacts: Sequence[bytes]) -> int:
    """How many of the first contacts one request takes: at least one."""
    ends = list(accumulate(len(contact) + 2 for contact in contacts[:MAX_CONTACTS]))
    return max(1, bisect_right(ends, _ROOM))


def body(list_id: str, lines: bytes) -> bytes:
    """The request's body. A JSON text holds no raw line break, so every one of them separates two contacts."""
    return b"".join((_beginning(list_id), lines.replace(b"\n", b",\n"), _END))


def _beginning(list_id: str) -> bytes:
    return b'{"list_ids":["%s"],%s' % (list_id.encode("ascii"), _CONTACTS)


def lines_of(request: bytes) -> bytes:
    """The contacts of a request's body, one a line again."""
    return request[request.index(_CONTACTS) + len(_CONTACTS) : -len(_END)].replace(b",\n", b"\n")


def without(lines: bytes, places: Collection[int]) -> bytes:
    """The batch less the contacts at these places."""
    return b"\n".join(line for place, line in enumerate(lines.split(b"\n")) if place not in places)


def addresses(lines: bytes) -> list[str]:
    """The address of each contact, by place."""
    import orjson

    return [orjson.loads(line)["email"] for line in lines.split(b"\n")] if lines else []

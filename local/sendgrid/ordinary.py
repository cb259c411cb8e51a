"""The quick way to read an upsert: one regular expression that knows what an ordinary contact looks like.

Parsing every contact into Python objects takes four times as long, and nearly all contacts are ordinary: compact JSON
of known fields with fitting values and nothing escaped. The expression picks those out of the body whole, with their
address; any other object is left to `rows.RowReader`. A body that it cannot cover to the last character is not read
here at all. A property test holds both ways to the same result.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from local.sendgrid.answers import parse_object
from local.sendgrid.fields import MAX_CUSTOM_TEXT, TEXT_LIMITS, Field
from local.sendgrid.rows import RowReader, Rows
from local.sendgrid.values import ADDRESS, MAX_ADDRESS, NUMBER

_HEAD = re.compile(r'\{(?:"list_ids":(\["[^]\\]*"\]|\[\]),)?"contacts":\[')
_TAIL = "]}"
_LISTS_BEHIND = '],"list_ids":['
_CHARACTER = r'[^"\\\x00-\x1f]'
_STRING = rf'"(?:{_CHARACTER}++|\\.)*"'
_OBJECT = rf'\{{(?:[^{{}}"]++|{_STRING}|\{{(?:[^{{}}"]++|{_STRING})*\}})*\}}'  # any JSON object, at most one level deep
_DATE = (
    r'"20[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])'  # days that every month has
    r'T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?Z"'
)
_UNCHECKED = ("phone_number", "phone_number_id", "external_id", "anonymous_id")  # those need a second look


def split(body: bytes, fields: Mapping[str, Field]) -> tuple[str, list[tuple[str, str]]] | None:
    """Cut a body into the text of its list ids and (contact, address) pairs; address "": not an ordinary contact.

    None: the body is of another shape.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    head = _HEAD.match(text)
    if head is None or not text.endswith(_TAIL):
        return None
    list_ids, start, end = head[1], head.end(), len(text) - len(_TAIL)
    if list_ids is None and (behind := text.rfind(_LISTS_BEHIND)) >= 0:
        list_ids, end = text[behind + len(_LISTS_BEHIND) - 1 : -1], behind
    pairs: list[tuple[str, str]] = _contacts(_signature(fields)).findall(text, start, end)
    covered = sum(len(contact) for contact, _ in pairs) + len(pairs) - 1  # a comma between two
    return (list_ids or "[]", pairs) if covered == end - start else None


def read_pairs(pairs: list[tuple[str, str]], reader: RowReader, marked: Iterable[str], *, listed_errors: int) -> Rows:
    """Turn the pairs into rows; those that are not ordinary, or marked by a fault, go through `reader`."""
    keys = [address.lower() for _, address in pairs]
    records = [contact.encode() for contact, _ in pairs]
    special = {index for index, key in enumerate(keys) if not key or len(key) > MAX_ADDRESS}
    if marked := frozenset(marked):
        special |= {index for index, key in enumerate(keys) if key in marked}
    for index in sorted(special):
        reader.take(index, parse_object(records[index]), records[index])
    careful = reader.finish(listed_errors=listed_errors)
    if not special:
        return Rows(keys, records)
    ordinary = [index for index in range(len(keys)) if index not in special]
    return Rows(
        [keys[index] for index in ordinary] + careful.keys,
        [records[index] for index in ordinary] + careful.records,
        careful.bad,
    )


def _signature(fields: Mapping[str, Field]) -> tuple[tuple[str, str], ...]:
    return tuple((field.id, field.field_type) for field in fields.values())


@lru_cache(maxsize=8)
def _contacts(fields: tuple[tuple[str, str], ...]) -> re.Pattern[str]:
    """Write the expression for these custom fields: groups are the whole contact and its address."""
    by_limit: dict[int | None, list[str]] = {}
    for name, limit in TEXT_LIMITS.items():
        if name not in _UNCHECKED:
            by_limit.setdefault(limit, []).append(name)
    members = [rf'email":"({ADDRESS})"']
    members += [rf'(?:{"|".join(names)})":"{_CHARACTER}{{0,{limit or ""}}}+"' for limit, names in by_limit.items()]
    values = {"Text": rf'"{_CHARACTER}{{0,{MAX_CUSTOM_TEXT}}}+"', "Number": NUMBER, "Date": _DATE}
    by_type: dict[str, list[str]] = {}
    for field_id, field_type in fields:
        by_type.setdefault(field_type, []).append(re.escape(field_id))
    if by_type:
        custom = "|".join(rf'(?:{"|".join(ids)})":{values[kind]}' for kind, ids in by_type.items())
        members.append(rf'custom_fields":\{{(?:"(?:{custom})(?:,"(?:{custom}))*)?\}}')
    ordinary = rf'\{{(?:"(?:{"|".join(members)})(?:,(?=")|(?=\}})))+\}}'
    # The expression must not skip anything: what follows a contact is a comma or the end.
    return re.compile(rf"({ordinary}|{_OBJECT})(?:,(?=\{{)|\Z)")

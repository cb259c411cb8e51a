"""What of a document may be repeated in a message, and what looks as if somebody pasted an API key.

SendGrid keys are `SG.<id>.<secret>`, 69 characters (API keys reference); older ones and other services' tokens are long
runs of mixed characters.
"""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

MAX_DEPTH = 16  # levels of nesting; the models have four

Path = tuple[str | int, ...]

_SENDGRID_KEY = re.compile(r"(?<![A-Za-z0-9])SG\.[\w-]+\.[\w-]|^\s*SG\.[\w.-]{16}")
_TOKEN = re.compile(r"[A-Za-z0-9_\-.+/=]{40,}")
# What tools call a secret: words and a GUID. SendGrid's keys have capitals and dots.
_WORDS_AND_GUID = re.compile(r"[a-z]+(-[a-z]+)*-([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_JUMBLED = 0.32  # share of neighbours where the kind changes: long names have up to 0.25, random text about 0.48
_KEY_NAMES = frozenset({"apikey", "sendgridapikey", "sendgridkey", "key", "secretvalue", "token", "password"})
_NEVER_SHOWN = frozenset({"api_key_secret", "agreed_by"})  # where a key is pasted most easily; a person
_SHOWN = 60  # characters of a value


def looks_like_key(text: str) -> bool:
    """Whether a text could be an API key. Long names of columns and segments are not."""
    if _SENDGRID_KEY.search(text):
        return True
    return any(_is_jumbled(run) for run in _TOKEN.findall(text) if not _WORDS_AND_GUID.fullmatch(run))


def _is_jumbled(run: str) -> bool:
    # A word is of one kind of character after its capital; random text changes kind at every other character.
    neighbours = [_kind(one) + _kind(other) for one, other in pairwise(run) if one.isalnum() and other.isalnum()]
    changes = sum(kinds not in {"aa", "AA", "00", "Aa"} for kinds in neighbours)
    return any(char.isdigit() for char in run) and changes >= _JUMBLED * len(neighbours)


def _kind(char: str) -> str:
    return "0" if char.isdigit() else "A" if char.isupper() else "a"


def shown(value: Any, path: Path = ()) -> str:
    """A value as a message may repeat it: short, as it stands in JSON, nothing personal and no key."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    if not isinstance(value, str):
        return json.dumps(value)[:_SHOWN]
    if "@" in value or looks_like_key(value) or _NEVER_SHOWN.intersection(path):
        return "the value"
    return repr(value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…")


def path_text(path: Path) -> str:
    """`mapping.custom_fields.tier`, `segments[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f"{'.' if text else ''}{'…' if looks_like_key(part) or '@' in part else part[:_SHOWN]}"
    return text


def walk(document: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Everything inside the document with its path, down to one level below MAX_DEPTH."""
    pending: list[tuple[Path, Any]] = [((), document)]
    while pending:
        path, value = pending.pop()
        if path:
            yield path, value
        if len(path) <= MAX_DEPTH:
            inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
            pending.extend(((*path, key), item) for key, item in inner)


def keys_in(document: dict[str, Any]) -> list[Path]:
    """The paths at which the document seems to hold an API key, as a value, as a name, or because of its name."""
    return sorted((path for path, value in walk(document) if _holds_key(path, value)), key=path_text)


def _holds_key(path: Path, value: Any) -> bool:
    name = path[-1]
    if isinstance(name, str):
        # Below custom_fields and only_where, names are the user's own: a column may well be called Key.
        ours = not {"custom_fields", "only_where"}.intersection(path[:-1])
        if looks_like_key(name) or (ours and re.sub("[^a-z]", "", name.lower()) in _KEY_NAMES and value is not None):
            return True
    return isinstance(value, str) and looks_like_key(value)

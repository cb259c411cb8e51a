"""Documents that the app writes for itself say the version of their format, so that no older app misreads a newer one.

A field may be added without a new version if an older app may pass it over: what it does not know it keeps as it is.
Whatever an older app would misread, a new word where it knows all words for one, takes a new version. Older versions
are read for good; of a newer one nothing is believed, and nothing is written over it.
"""

import json
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.errors import NewerFormat


class Kept(BaseModel):
    """A part of such a document: fields of a newer app stay in it."""

    model_config = ConfigDict(extra="allow", validate_assignment=True)


class Versioned(Kept):
    """Such a document. The first ones did not say their version."""

    version: int = 1


Model = TypeVar("Model", bound=Versioned)


def read(model: type[Model], content: bytes, name: str, newest: int) -> Model:
    """The document. NewerFormat if its version is above `newest`; ValidationError if it is not what an app wrote."""
    try:
        found = model.model_validate_json(content)
    except ValidationError:
        refuse_newer(_version_in(content), newest, name)
        raise
    refuse_newer(found.version, newest, name)
    return found


def refuse_newer(version: int, newest: int, name: str) -> None:
    """NewerFormat if that is the version of the thing called `name`."""
    if version > newest:
        raise NewerFormat(name, version, newest)


def _version_in(content: bytes) -> int:
    try:
        version = json.loads(content)["version"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return 1
    return version if isinstance(version, int) else 1

"""What is wrong with a document, as sentences: `list_id: 'abc' is not a UUID; give the list's id from SendGrid, …`."""

from difflib import get_close_matches
from itertools import islice
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from shared.destinations.redaction import Path, path_text, shown
from shared.errors import MOST_PROBLEMS

# By pydantic's error type; {…} are filled from the error's context.
_REASONS = {
    "missing": "is missing",
    "string_type": "is not text",
    "int_type": "is not a whole number",
    "int_from_float": "is not a whole number",
    "finite_number": "is not a whole number",
    "bool_type": "is not true or false",
    "tuple_type": "is not a list",
    "dict_type": "is not an object",
    "model_type": "is not an object",
    "model_attributes_type": "is not an object",
    "literal_error": "is not {expected}",
    "greater_than_equal": "is less than {ge}",
    "less_than_equal": "is more than {le}",
    "string_too_long": "is longer than {max_length} characters",
    "too_short": "is empty",
    "too_long": "holds more than {max_length} entries",
    "datetime_type": "is not a date and time",
    "datetime_parsing": "is not a date and time",
    "datetime_from_date_parsing": "is not a date and time",
    "timezone_aware": "has no offset from UTC",
    "refused": "{reason}",
}


def about(model: type[BaseModel], error: ValidationError) -> list[tuple[Path, str]]:
    """One sentence for each thing that is wrong, with the path of the value it is about; of very many only some."""
    return [
        _sentence(model, detail)
        for detail in islice(error.errors(include_url=False), MOST_PROBLEMS + 1)
        # A list whose entries were all refused counts as short; its entries have their own sentences.
        if not (detail["type"] == "too_short" and detail["input"])
    ]


def _sentence(model: type[BaseModel], detail: ErrorDetails) -> tuple[Path, str]:
    path, value = detail["loc"], detail["input"]
    if detail["type"] == "extra_forbidden":
        return path, f"{path_text(path)}: {_unknown(_model_at(model, path[:-1]), str(path[-1]))}"
    if detail["type"] == "refused" and path[-2:] == (value, "[key]"):  # not the value but the name it was given
        path = path[:-2]
    reason = _REASONS.get(detail["type"], "is not what is expected").format(**detail.get("ctx", {}))
    # Of a list or object the message names the fault inside, unless the fault is to be one.
    is_about_content = detail["type"] in {"missing", "too_short", "too_long"} or (
        detail["type"] == "refused" and not isinstance(value, str)
    )
    what = reason if is_about_content else f"{shown(value, path)} {reason}"
    return path, f"{path_text(path)}: {what}; give {_field_at(model, path).description}"


def _unknown(model: type[BaseModel], name: str) -> str:
    nearest = get_close_matches(name.lower(), model.model_fields, n=1)
    known = f"did you mean {nearest[0]!r}?" if nearest else f"known are {', '.join(model.model_fields)}"
    return f"is not a known key; {known}"


def _field_at(model: type[BaseModel], path: Path) -> FieldInfo:
    """The innermost field on the way to a value: inside a field that is no model, that field."""
    inner = _model_at(model, path[:-1])
    names = [part for part in path if part in inner.model_fields]
    return inner.model_fields[str(names[-1])]


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel]:
    for part in path:
        field = model.model_fields.get(str(part))
        inner = _model_of(field.annotation) if field else None
        if inner is None:
            break
        model = inner
    return model


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """The model in `Model` or `Model | None`."""
    for part in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None

"""What single values of a document may look like, each with the words that a message uses when it does not.

Limits and reserved names of custom fields are SendGrid's (field definitions API and its "Custom Fields" page), those
of secret names Key Vault's.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from shared.destinations.redaction import shown

STANDARD_FIELDS = ("email", "first_name", "last_name", "country", "state_province_region", "city", "postal_code")
RESERVED_FIELDS = frozenset(
    {
        *("phone_number_id", "external_id", "anonymous_id", "alternate_emails", "address_line_1", "address_line_2"),
        *(
            "phone_number",
            "whatsapp",
            "line",
            "facebook",
            "unique_name",
            "email_domains",
            "last_clicked",
            "last_opened",
        ),
        *("last_emailed", "singlesend_id", "automation_id", "created_at", "updated_at", "contact_id", "list_ids"),
        "segment_ids",
    }
)

Names = TypeVar("Names", bound=Iterable[str])


def refusal(reason: str) -> PydanticCustomError:
    """A value is refused because it … `reason`, such as "is not a UUID"."""
    return PydanticCustomError("refused", "{reason}", {"reason": reason})


@dataclass(frozen=True, slots=True)
class Form:
    """A pattern that a text must match as a whole. It goes to the JSON Schema too; `name` goes into messages."""

    pattern: str
    name: str

    def matches(self, text: str) -> bool:
        return re.fullmatch(self.pattern, text) is not None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^{self.pattern}$"}

    def _checked(self, text: str) -> str:
        if not self.matches(text):
            raise refusal(f"is not {self.name}")
        return text


def _line(characters: int, name: str, without: str = "") -> Form:
    limits = f"one line of 1 to {characters} characters{without and f' without {without}'}"
    return Form(rf"(?=.*\S)[^\x00-\x1f\x7f{without}]{{1,{characters}}}", f"{name}, {limits}")


def _not_reserved(name: str) -> str:
    if name.lower() in STANDARD_FIELDS:
        raise refusal("is one of SendGrid's own fields and belongs beside custom_fields, not into it")
    if name.lower() in RESERVED_FIELDS:
        raise refusal("is a name that SendGrid reserves")
    return name


def cron_problem(text: str) -> str | None:
    """What is wrong with a cron expression, as the end of a sentence about it; None if nothing is."""
    if len(text.split()) != 5:  # noqa: PLR2004  CronSim would take a sixth, for seconds
        return "is not a cron expression of five fields (minute, hour, day, month, weekday)"
    try:
        ticks = CronSim(text, datetime(2024, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        return f"is not a cron expression ({str(error).lower()})"
    return None if next(ticks, None) else "is a time that never comes"


def _schedule(text: str) -> str:
    problem = None if text in {"default", "off"} else cron_problem(text)
    if problem:
        raise refusal(problem)
    return text


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # unknown; outside the database; a folder of it
        known = {zone.lower(): zone for zone in available_timezones()}
        nearest = get_close_matches(name.lower(), known, n=1, cutoff=0.75)
        hint = f" (did you mean {known[nearest[0]]!r}?)" if nearest else ""
        raise refusal(f"is not an IANA time zone{hint}") from error
    return name


def each_once(names: Names) -> Names:
    """Refuse a name that stands there twice."""
    return _each_once(names, key=str)


def each_once_in_any_case(names: Names) -> Names:
    """Refuse a name that stands there twice for a reader who does not tell A from a, as SendGrid and SQL do not."""
    return _each_once(names, key=str.casefold)


def _each_once(names: Names, key: Any) -> Names:
    seen: set[str] = set()
    for name in names:
        if key(name) in seen:
            raise refusal(f"holds {shown(name)} twice")
        seen.add(key(name))
    return names


Slug = Annotated[
    str, Form("[a-z0-9][a-z0-9-]{0,62}", "an id: 1 to 63 lower-case letters, digits and hyphens, no hyphen first")
]
Line = Annotated[str, _line(100, "a text")]
Column = Annotated[str, _line(256, "a column's name")]
SegmentName = Annotated[str, _line(256, "a segment's name", without="/")]
Cell = Annotated[str, Form(r"[^\x00]{0,1000}", "a value of at most 1000 characters")]
SecretName = Annotated[str, Form("[0-9A-Za-z-]{1,127}", "a Key Vault secret's name: letters, digits, hyphens")]
ListId = Annotated[str, Form("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "a UUID"), AfterValidator(str.lower)]
FieldName = Annotated[
    str,
    Form("[A-Za-z_][A-Za-z0-9_]{0,99}", "a custom field's name: up to 100 letters, digits and _, no digit first"),
    AfterValidator(_not_reserved),
]
Schedule = Annotated[str, Field(max_length=200), AfterValidator(_schedule)]
TimeZone = Annotated[str, Field(max_length=100), AfterValidator(_time_zone)]

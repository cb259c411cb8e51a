"""SendGrid's endpoints, each as one value: what a rate limit, a retry and an error message depend on.

Source: Twilio's OpenAPI files for Marketing Campaigns v3 (copies in tests/data/sendgrid-openapi).
"""

import re
from dataclasses import dataclass

_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path template; SendGrid keeps one rate limit for each.

    reads        nothing changes on the server, whatever becomes of the request
    repeatable   sending it twice ends as sending it once
    about_people its bodies hold addresses or names, so SendGrid's own words about it may hold them too
    """

    method: str
    template: str
    reads: bool = False
    repeatable: bool = True
    about_people: bool = False

    def path(self, *ids: str) -> str:
        """The path with its ids filled in. ValueError for what is no id: it could lead to another endpoint."""
        if not all(is_id(value) for value in ids):
            raise ValueError(f"not an id in a call of {self}")
        return self.template.format(*ids)

    def __str__(self) -> str:
        return f"{self.method} {self.template.replace('{}', '…')}"

    @property
    def name(self) -> str:
        """For spans and metrics, which are not read by people alone: `GET /v3/marketing/lists/{id}`."""
        return f"{self.method} {self.template.replace('{}', '{id}')}"


def is_id(value: object) -> bool:
    """Whether `value` looks like an id of SendGrid's: its ids are UUIDs and the like, and otherwise opaque."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


_MARKETING = "/v3/marketing"

SCOPES = Route("GET", "/v3/scopes", reads=True)

LISTS = Route("GET", f"{_MARKETING}/lists", reads=True)
LIST = Route("GET", f"{_MARKETING}/lists/{{}}", reads=True)
LIST_COUNT = Route("GET", f"{_MARKETING}/lists/{{}}/contacts/count", reads=True)
LIST_REMOVAL = Route("DELETE", f"{_MARKETING}/lists/{{}}/contacts")

FIELDS = Route("GET", f"{_MARKETING}/field_definitions", reads=True)
FIELD_CREATION = Route("POST", f"{_MARKETING}/field_definitions", repeatable=False)

UPSERT = Route("PUT", f"{_MARKETING}/contacts", about_people=True)
IMPORT = Route("PUT", f"{_MARKETING}/contacts/imports", reads=True)  # announced only: nothing changes without the file
JOB = Route("GET", f"{_MARKETING}/contacts/imports/{{}}", reads=True, about_people=True)
SEARCH = Route("POST", f"{_MARKETING}/contacts/search/emails", reads=True, about_people=True)
CONTACT_DELETION = Route("DELETE", f"{_MARKETING}/contacts")
CONTACT_COUNT = Route("GET", f"{_MARKETING}/contacts/count", reads=True)

CONTACT_EXPORT = Route("POST", f"{_MARKETING}/contacts/exports")
CONTACT_EXPORT_STATUS = Route("GET", f"{_MARKETING}/contacts/exports/{{}}", reads=True)

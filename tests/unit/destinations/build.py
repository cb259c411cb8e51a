"""Documents that are right, for tests to change one thing about."""

import json
from typing import Any

from shared.destinations.documents import read_connection, read_destination
from shared.destinations.models import Connection, Export

LIST_ID = "5a3b1c9e-7d42-4f0a-9e61-2b8c4d7f1a35"
CONSENT = {"agreed_by": "admin@contoso.com", "agreed_at": "2026-11-21T10:00:00Z", "text_version": "2026-11"}

CONNECTION: dict[str, Any] = {"display_name": "Marketing", "api_key_secret": "sendgrid-marketing"}
EXPORT: dict[str, Any] = {
    "display_name": "Newsletter",
    "connection": "marketing",
    "list_id": LIST_ID,
    "segments": ["HighValueCustomers"],
    "mapping": {"email": "EMail"},
}
# Connection and export in one, as the first Customer Insights connector had it.
DESTINATION = {key: value for key, value in (CONNECTION | EXPORT).items() if key != "connection"}


def content(document: Any) -> bytes:
    return json.dumps(document).encode()


def connection(**changes: Any) -> Connection:
    return read_connection("marketing", content(CONNECTION | changes))


def export(**changes: Any) -> Export:
    return read_destination("newsletter", content(EXPORT | changes)).export

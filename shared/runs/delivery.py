"""Upserts or an import: which way a plan goes, and why.

Upserts carry every value, answer at once what is wrong with a contact, and go to SendGrid's API alone. An import is one
job instead of fifty, but its file goes by another host, in the United States as far as is known, and nothing is known
of it before its job has ended. So `auto` keeps to upserts up to as many contacts as they deliver with a third of what
SendGrid lets an account upsert in a minute (200 requests were recorded), and for subusers in the EU.
"""

from typing import TYPE_CHECKING

from shared import telemetry
from shared.destinations.models import Connection, Export
from shared.runs.record import BatchKind, RunRecord
from shared.telemetry import Event

if TYPE_CHECKING:
    from shared.contacts.plan import Planner
    from shared.sendgrid.client import SendGrid

AUTO_ABOVE = 1_000_000  # contacts: about as many as one import takes


def choose(
    run: RunRecord, export: Export, connection: Connection, planner: "Planner", sendgrid: "SendGrid"
) -> list[str] | None:
    """The ids of an import's columns, the address's first; None for upserts alone. The record says so, and why.

    - configured: the export's document wants it that way
    - few_contacts, many_contacts: `auto`, and too few for an import, or enough for one
    - eu_region: `auto`, and the upload would leave the EU
    - not_importable: CSV can carry too few of the contacts; the record's `not_importable` says why not
    - no_field_ids: SendGrid does not tell the ids of its own fields
    """
    run.delivery, run.delivery_reason, run.not_importable = None, None, {}
    if not run.counts["upserts"]:
        return None
    why_not = _why_not(run, export, connection, planner)
    columns = None if why_not else _columns(planner, sendgrid)
    run.delivery = BatchKind.IMPORT if columns else BatchKind.UPSERT
    given = "many_contacts" if export.delivery == "auto" else "configured"
    run.delivery_reason = why_not or (given if columns else "no_field_ids")
    telemetry.info(Event.DELIVERY_CHOSEN, delivery=run.delivery, reason=run.delivery_reason)
    return columns


def _why_not(run: RunRecord, export: Export, connection: Connection, planner: "Planner") -> str | None:
    """Why the run makes no import, if it makes none."""
    if export.delivery == "upsert":
        return "configured"
    least = 1
    if export.delivery == "auto":
        least = AUTO_ABOVE + 1
        if run.counts["upserts"] < least:
            return "few_contacts"
        if connection.region == "eu":
            return "eu_region"
    counts = planner.count_misfits()
    fitting = counts.pop(None, 0)
    run.not_importable = {str(reason): count for reason, count in counts.items()}
    return None if fitting >= least else "not_importable"


def _columns(planner: "Planner", sendgrid: "SendGrid") -> list[str] | None:
    """Ids of SendGrid's own fields are looked up by name; custom fields are called by their ids already."""
    ids = {field.name: field.id for field in sendgrid.field_definitions() if field.reserved}
    fields = [("email", False), *((field.key, field.custom) for field in planner.mapping.fields)]
    columns = [key if custom else ids.get(key) for key, custom in fields]
    return None if None in columns else [column for column in columns if column]

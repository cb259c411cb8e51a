"""The contact at SendGrid: found by its address, deleted by its id, looked for again after the job has ended.

This takes no consent to export: somebody who withdraws it may want people deleted all the same. SendGrid is told the
address, in a search, and nothing else.
"""

from collections.abc import Callable
from contextlib import suppress

from shared.erasures.record import AccountPart, Erasure, Found, Subject
from shared.errors import RetryLater, RunFailed
from shared.runs.remove import VISIBLE_AFTER
from shared.runs.services import Services
from shared.runs.settle import ended_job, wait_for_jobs
from shared.sendgrid.client import FoundContact, SendGrid
from shared.sendgrid.errors import ContactsNotFound

LOOK_AGAIN_SECONDS = 30


def note(services: Services, erasure: Erasure) -> None:
    """Note the connections whose accounts are to be looked into."""
    connections, invalid = services.destinations.connections()
    names = [each.id for each in connections]
    names += [error.name.removeprefix("connections/").removesuffix(".json") for error in invalid]
    erasure.accounts = [AccountPart(connection_id=name) for name in sorted(set(names))]


def delete(services: Services, part: AccountPart, subject: Subject, check: Callable[[], None]) -> None:
    """One step towards the deletion. RetryLater while SendGrid is at it; RunFailed if it cannot be done."""
    connection = services.destinations.connection(part.connection_id)
    sendgrid = services.sendgrid(connection, check)
    if part.job_id:
        job = ended_job(services, sendgrid, part.job_id, part.asked_at)
        if job is None:
            raise wait_for_jobs(services, [part.asked_at])
        if job.status != "completed":
            raise _failed("SendGrid did not carry out the deletion of the contact", "deletion_failed")
    contact = _find(sendgrid, subject.address)
    if contact is None:
        part.deleted = part.found is Found.PERSON
        part.found = part.found or Found.NOTHING
        part.done = True
    elif part.found is None:
        part.found = Found.PERSON  # noted first: should the next step's answer be lost, the record still says it
    elif part.job_id is None:
        with suppress(ContactsNotFound):  # somebody else was faster, and the search has yet to notice
            part.job_id = sendgrid.delete_contact(contact.id)
        part.asked_at = part.asked_at or services.now()
        raise wait_for_jobs(services, [part.asked_at])
    elif part.asked_at and services.now() - part.asked_at < VISIBLE_AFTER:
        raise RetryLater("the deletion does not show yet", code="deletion_pending", retry_after=LOOK_AGAIN_SECONDS)
    else:
        raise _failed("SendGrid reported the deletion as done, and the contact is still there", "still_there")


def _find(sendgrid: SendGrid, address: str) -> FoundContact | None:
    search = sendgrid.search_emails([address])
    if search.refused:
        raise _failed("SendGrid does not take the address in a search", "refused_by_search")
    contact = search.found.get(address)
    if contact and contact.address != address:
        raise _failed("the address is an alternate address of a contact that has another one", "alternate_address")
    return contact


def _failed(message: str, code: str) -> RunFailed:
    return RunFailed(
        message, code=code, advice="Look the contact up in SendGrid (Marketing > Contacts), and delete it by hand."
    )

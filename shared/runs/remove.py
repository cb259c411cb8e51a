"""Remove: leavers are taken off the list. They stay contacts of the account; other lists of theirs are not touched.

SendGrid removes by contact id, and ids are not for keeping: address -> id of today, only those who are on this list.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

from shared import telemetry
from shared.runs import config
from shared.runs.outcomes import Outcome, write
from shared.runs.record import BatchState, Phase, RemovalRecord
from shared.runs.send import IN_FLIGHT
from shared.runs.services import Services
from shared.runs.settle import ended_job, wait_for_jobs
from shared.runs.slice import Slice
from shared.runs.store import Shelf, leavers_name, outcomes_name
from shared.sendgrid.client import SEARCH_SIZE, SendGrid

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

VISIBLE_AFTER = timedelta(minutes=5)  # of a removal; it shows after about 30 seconds, so later nothing will


def remove(services: Services, here: Slice) -> None:
    """Take the plan's leavers off the list, a portion a checkpoint, then follow the jobs to their end.

    Of a run that is to end before its time, only what is under way already is followed.
    """
    run = here.run
    connection = (
        services.destinations.connection(str(run.connection_id)) if run.ends_as else config.unchanged(services, run)
    )
    sendgrid = services.sendgrid(connection, here.check_lease)  # a portion begun is carried to its end
    shelf = services.runs.plan(run)
    for portion in run.removals:
        if portion.state is BatchState.PLANNED and not run.ends_as:
            here.check()
            _remove_portion(sendgrid, shelf, str(run.list_id), portion)
            portion.sent_at = services.now()
            run.progress.done += portion.leavers
            here.checkpoint()
    for portion in run.removals:
        if portion.state is BatchState.SENT:
            here.check()
            _settle_portion(services, here, sendgrid, shelf, portion)
    pending = [portion.sent_at for portion in run.removals if portion.state is BatchState.SENT]
    if pending:
        raise wait_for_jobs(services, pending)
    here.enter(Phase.FINISH)


def _remove_portion(sendgrid: SendGrid, shelf: Shelf, list_id: str, portion: RemovalRecord) -> None:
    """Look the leavers up and queue their removal. Doing it again finds those who are gone not on the list."""
    leavers = shelf.get(leavers_name(portion.number)).decode().split("\n")
    searches = _at_once(sendgrid.search_emails, _hundreds(leavers))
    refused = [address for search in searches for address in search.refused]
    found = {address: contact for search in searches for address, contact in search.found.items()}
    # Only ids of people who were asked for: a search also finds contacts by their alternate addresses.
    contacts = (found[address] for address in leavers if address in found)
    contact_ids = [contact.id for contact in contacts if list_id in contact.list_ids]
    removals = _at_once(lambda ids: sendgrid.remove_from_list(list_id, ids), _hundreds(contact_ids))
    portion.job_ids = [job_id for removal in removals for job_id in removal.job_ids]
    unknown = sum(len(removal.unknown) for removal in removals)
    message = "SendGrid does not take the address in a search"
    portion.failed = write(
        shelf,
        outcomes_name("remove", portion.number),
        (Outcome(address, "remove", "refused_by_search", message) for address in refused),
    )
    portion.removed = len(contact_ids) - unknown
    portion.not_found = len(leavers) - portion.removed - portion.failed
    portion.state = BatchState.SENT if portion.job_ids else BatchState.COMPLETED


def _settle_portion(services: Services, here: Slice, sendgrid: SendGrid, shelf: Shelf, portion: RemovalRecord) -> None:
    jobs = _at_once(lambda job_id: ended_job(services, sendgrid, job_id, portion.sent_at), portion.job_ids)
    if not all(jobs):
        return
    if all(job and job.status == "completed" for job in jobs):
        still = _still_on_list(sendgrid, shelf, str(here.run.list_id), portion)
        if still and portion.sent_at and services.now() - portion.sent_at < VISIBLE_AFTER:
            return
        message = "SendGrid reported the removal as done, and the contact is still on the list"
        outcomes = [Outcome(address, "remove", "still_on_list", message) for address in still]
        write(shelf, outcomes_name("still", portion.number), outcomes)
        portion.removed -= len(still)
        portion.failed += len(still)
        portion.state = BatchState.COMPLETED
    else:
        fail(shelf, portion, "removal_failed", "SendGrid did not carry out the removal")
    portion.job_ids = []  # a million leavers have ten thousand
    here.checkpoint()


def _still_on_list(sendgrid: SendGrid, shelf: Shelf, list_id: str, portion: RemovalRecord) -> list[str]:
    """Look again: removals that were accepted and reported as done have been seen to do nothing."""
    leavers = shelf.get(leavers_name(portion.number)).decode().split("\n")
    searches = _at_once(sendgrid.search_emails, _hundreds(leavers))
    found = {address: contact for search in searches for address, contact in search.found.items()}
    return [address for address in leavers if address in found and list_id in found[address].list_ids]


def _hundreds(items: list[str]) -> list[list[str]]:
    return [items[start : start + SEARCH_SIZE] for start in range(0, len(items), SEARCH_SIZE)]


def _at_once(call: Callable[[Asked], Answer], asked: Iterable[Asked]) -> list[Answer]:
    """The answers, in order, a few calls at a time. After an error nothing new is begun."""
    with ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="remove") as pool:
        answers = [pool.submit(telemetry.carried(call), each) for each in asked]
        try:
            return [answer.result() for answer in answers]
        finally:
            pool.shutdown(cancel_futures=True)


def fail(shelf: Shelf, portion: RemovalRecord, code: str, message: str) -> None:
    """Nobody of the portion counts as removed: they stay members, and are tried again next time."""
    leavers = shelf.get(leavers_name(portion.number)).decode().split("\n")
    outcomes = (Outcome(address, "remove", code, message) for address in leavers)
    portion.failed = write(shelf, outcomes_name("remove", portion.number), outcomes)
    portion.removed = portion.not_found = 0
    portion.state = BatchState.FAILED

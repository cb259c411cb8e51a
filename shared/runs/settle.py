"""Settle: a 202 is not success. Every job is followed to its end, and its errors to the contacts they name."""

from datetime import datetime, timedelta

from shared.contacts.batches import addresses
from shared.errors import RetryLater
from shared.runs import imports
from shared.runs.outcomes import Outcome, write
from shared.runs.record import BatchKind, BatchRecord, BatchState, Phase
from shared.runs.services import Services
from shared.runs.slice import Slice
from shared.runs.store import Shelf, batch_name, outcomes_name
from shared.sendgrid.client import SendGrid
from shared.sendgrid.errors import FileUnavailable, JobNotFound
from shared.sendgrid.jobs import Job, errored_rows

JOB_LIMIT = timedelta(hours=2)  # users report jobs of a few minutes, and some that never end


def settle(services: Services, here: Slice) -> None:
    """Poll the jobs that are pending; come back later while there are any."""
    run = here.run
    connection = services.destinations.connection(str(run.connection_id))
    sendgrid = services.sendgrid(connection, here.check)
    shelf = services.runs.plan(run)
    pending = [batch for batch in (*run.earlier, *run.batches) if batch.state is BatchState.SENT]
    only_awaited = {batch.number for batch in run.unplanned}
    for batch in pending:
        here.check()
        job = ended_job(services, sendgrid, str(batch.job_id), batch.sent_at)
        if job and batch.number in only_awaited:
            batch.state = BatchState.UNCONFIRMED
            here.checkpoint()
        elif job:
            _settle_batch(services, shelf, batch, job)
            here.checkpoint()
    still = [batch for batch in pending if batch.state is BatchState.SENT]
    if still:
        raise wait_for_jobs(services, [batch.sent_at for batch in still])
    here.enter(Phase.FINISH if run.ends_as else Phase.REMOVE)


def ended_job(services: Services, sendgrid: SendGrid, job_id: str, sent_at: datetime | None) -> Job | None:
    """The job if it has ended. One that has not ended within the limit counts as ended, with status `unknown`."""
    try:
        job = sendgrid.job(job_id)
    except JobNotFound:
        job = Job(job_id, "pending")  # it may not be there yet, and an old one may be there no longer
    if job.ended:
        return job
    overdue = sent_at is None or services.now() - sent_at > JOB_LIMIT
    return Job(job_id, "unknown") if overdue else None


def wait_for_jobs(services: Services, sent: list[datetime | None]) -> RetryLater:
    """Soon at first, then less often: half of the time gone by, 2 to 30 seconds. Jobs take about 30 seconds."""
    oldest = min((moment for moment in sent if moment), default=services.now())
    gone = (services.now() - oldest).total_seconds()
    return RetryLater("jobs are pending", code="jobs_pending", retry_after=max(2.0, min(30.0, gone / 2)))


def _settle_batch(services: Services, shelf: Shelf, batch: BatchRecord, job: Job) -> None:
    batch.created, batch.updated = job.created, job.updated
    if job.status == "unknown":
        batch.state = BatchState.UNCONFIRMED
        return
    if job.status == "completed":
        # An import passes over rows that it does not like, without a word, and counts what is left.
        whole = not 0 < job.requested < batch.contacts or batch.kind is BatchKind.UPSERT
        batch.state = BatchState.COMPLETED if whole else BatchState.UNCONFIRMED
        return
    try:
        refused = _refused(services, shelf, batch, job)
    except FileUnavailable:
        refused = 0
    if refused >= max(1, job.errored):
        batch.state = BatchState.ERRORED
    elif job.status == "failed" and job.created + job.updated == 0:
        batch.state = BatchState.FAILED
    else:
        # Some were refused and SendGrid does not say who: everybody of the batch is sent again next time.
        batch.state = BatchState.UNCONFIRMED


def _refused(services: Services, shelf: Shelf, batch: BatchRecord, job: Job) -> int:
    """Write down who was refused and why; gives how many of the batch were."""
    if batch.kind is BatchKind.IMPORT:
        return imports.note_refused(shelf, batch, errored_rows(job, services.download))
    known = set(addresses(shelf.get(batch_name(batch.number))))
    rows = {row.email: row.message for row in errored_rows(job, services.download) if row.email in known}
    return write(
        shelf,
        outcomes_name("settle", batch.number),
        (Outcome(email, "settle", "refused_by_sendgrid", message) for email, message in rows.items()),
    )

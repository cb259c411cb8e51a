"""Asynchronous work: every 202 is a promise that a job keeps after a while, or breaks."""

import asyncio
import csv
import io
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import uuid4

from local.sendgrid.answers import NOT_FOUND, refuse
from local.sendgrid.contacts import Applied
from local.sendgrid.documents import timestamp
from local.sendgrid.rows import KEY_MARK

# What a fault can make of a job.
FAILED = "failed"  # ends `failed`, nothing is applied
NEVER = "never"  # stays pending for ever, nothing is applied
NOTHING = "nothing"  # ends `completed`, nothing is applied
ERRORS_MISSING = "errors_missing"  # rows fail, but no errors_url is given
ERRORS_GONE = "errors_gone"  # errors_url answers 404
ERRORS_GARBLED = "errors_garbled"  # errors_url gives something that is not the CSV
FATES = ("", FAILED, NEVER, NOTHING, ERRORS_MISSING, ERRORS_GONE, ERRORS_GARBLED)


@dataclass(slots=True)
class Outcome:
    """What the work of a job came to."""

    requested: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    errors: list[tuple[str, str]] = field(default_factory=list)  # (key, message)
    unprocessable: str = ""  # why nothing at all could be done

    @classmethod
    def of(cls, requested: int, applied: Applied, errors: list[tuple[str, str]]) -> "Outcome":
        return cls(requested, applied.created, applied.updated, errors=[*errors, *applied.errors])


Work: TypeAlias = Callable[[], Awaitable[Outcome]]


@dataclass(slots=True)
class Job:
    """A job; `outcome` is there when it has ended."""

    id: str
    job_type: str
    requested: int
    fate: str
    started: float
    finished: float = 0.0
    outcome: Outcome | None = None
    polled: bool = False

    @property
    def status(self) -> str:
        if self.outcome is None:
            return "pending"
        if self.fate == FAILED or self.outcome.unprocessable:
            return "failed"
        if not self.outcome.errors:
            return "completed"
        done = self.outcome.created or self.outcome.updated or self.outcome.deleted
        return "errored" if done else "failed"


class Jobs:
    """The account's jobs. They run on the event loop, `seconds` after they were started."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._hurry = asyncio.Event()

    def open(self, job_type: str, requested: int, fate: str) -> Job:
        """Register a job that has not begun."""
        job = Job(str(uuid4()), job_type, requested, fate, time.time())
        self._jobs[job.id] = job
        return job

    def begin(self, job: Job, seconds: float, work: Work) -> None:
        if job.fate == NEVER:
            return
        self._hurry.clear()
        task = asyncio.get_running_loop().create_task(self._run(job, seconds, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, job: Job, seconds: float, work: Work) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), seconds)
        if job.fate in (FAILED, NOTHING):
            job.outcome = Outcome(job.requested)
        else:
            job.outcome = await work()
        job.finished = time.time()

    def get(self, job_id: str) -> Job:
        if (job := self._jobs.get(job_id)) is None:
            raise refuse(404, NOT_FOUND, "id")
        return job

    @property
    def pending(self) -> int:
        """How many jobs are going to end by themselves."""
        return len(self._tasks)

    def hurry(self) -> None:
        """Let the jobs that wait now run at once."""
        self._hurry.set()

    def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()


def job_document(job: Job, base_url: str) -> dict[str, object]:
    """Describe a job as the status endpoint does: zero counts left out, first no results at all, then the request's."""
    document: dict[str, object] = {"id": job.id, "status": job.status, "job_type": job.job_type}
    document["started_at"] = timestamp(job.started)
    outcome = job.outcome
    if outcome is None:
        if job.polled and job.requested:
            document["results"] = {"requested_count": job.requested}
        job.polled = True
        return document
    results: dict[str, object] = {
        "requested_count": outcome.requested,
        "created_count": outcome.created,
        "updated_count": outcome.updated,
        "deleted_count": outcome.deleted,
        "errored_count": outcome.requested if job.fate == FAILED else len(outcome.errors),
    }
    if (outcome.errors or outcome.unprocessable) and job.fate != ERRORS_MISSING:
        results["errors_url"] = f"{base_url}/files/errors/{job.id}.csv?X-Amz-Expires=3600"
    document["results"] = {name: value for name, value in results.items() if value}
    document["finished_at"] = timestamp(job.finished)
    return document


def errors_file(job: Job) -> bytes:
    """Write the file behind errors_url (columns as Castled's connector reads them, 2021)."""
    outcome = job.outcome or Outcome()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    text.write("primary_email, contact_id, errors_occurred\n")
    if outcome.unprocessable:
        writer.writerow(("", "", outcome.unprocessable))
    writer.writerows(("" if key.startswith(KEY_MARK) else key, "", message) for key, message in outcome.errors)
    return text.getvalue().encode()

"""Read list: who is really on the list, from SendGrid's contact export, the only full listing of members there is.

Asked for, waited for in the queue, and taken over file by file, a checkpoint after each. Its URLs expire and are never
kept: every slice asks for them anew, and if they are dead, for another export.
"""

from datetime import timedelta

from shared.contacts.listing import write_listed
from shared.errors import RunFailed
from shared.runs import config
from shared.runs.record import ListingRecord, Phase
from shared.runs.services import Services
from shared.runs.settle import JOB_LIMIT, wait_for_jobs
from shared.runs.slice import Slice
from shared.runs.store import listed_name
from shared.sendgrid.client import ContactExport, SendGrid
from shared.sendgrid.errors import FileUnavailable, JobNotFound

MOST_ATTEMPTS = 3  # exports that a run asks for
KNOWN_AFTER = timedelta(minutes=2)  # within which SendGrid may not know yet of the export that it has just accepted
FILE_MEGABYTES = 10  # small enough for one download, whether SendGrid means that packed or not


def read_list(services: Services, here: Slice) -> None:
    """Put everybody on the list onto the plan's shelf, then go back to preparing."""
    run = here.run
    connection = config.unchanged(services, run)
    sendgrid = services.sendgrid(connection, here.check_going)
    if run.listing is None:
        _ask(services, here, sendgrid, attempt=1)
    while run.listing and not run.listing.complete:
        here.check()
        try:
            _take_over(services, here, sendgrid, run.listing)
        except (FileUnavailable, JobNotFound) as error:
            if run.listing.attempt == MOST_ATTEMPTS:
                raise RunFailed(
                    f"SendGrid's export of the list's contacts cannot be used: {error.message}",
                    code="list_unreadable",
                    advice="Start the run again later. If it comes again, make such an export by hand in SendGrid "
                    "(Marketing > Contacts > the list > Export) to see whether it works there.",
                ) from error
            _ask(services, here, sendgrid, attempt=run.listing.attempt + 1)
    here.enter(Phase.PREPARE)


def _ask(services: Services, here: Slice, sendgrid: SendGrid, *, attempt: int) -> None:
    list_id = str(here.run.list_id)
    listing_id = sendgrid.create_export(list_id, max_file_size=FILE_MEGABYTES)
    here.run.listing = ListingRecord(id=listing_id, list_id=list_id, asked_at=services.now(), attempt=attempt)
    here.checkpoint()


def _take_over(services: Services, here: Slice, sendgrid: SendGrid, listing: ListingRecord) -> None:
    """Store the files that are not stored yet. RetryLater while there are none; FileUnavailable, JobNotFound: dead."""
    from shared.contacts.engine import engine, work_folder

    export = _ready(services, sendgrid, listing)
    shelf = services.runs.plan(here.run)
    urls = sorted(export.urls, key=_path)  # in the same order in every slice
    with work_folder() as folder, engine(folder) as database:
        for number, url in enumerate(urls[listing.files :], listing.files + 1):
            here.check()
            source, target = folder / "file", folder / "listed.parquet"
            with source.open("wb") as file:
                for piece in services.download(url):
                    here.check_lease()
                    file.write(piece)
            contacts = write_listed(database, source, target)
            shelf.put_file(listed_name(listing.id, number), target)
            listing.files, listing.contacts = number, listing.contacts + contacts
            here.checkpoint()
    if listing.contacts < export.contact_count:
        raise FileUnavailable(
            f"its files hold {listing.contacts} contacts of {export.contact_count}", code="listing_incomplete"
        )
    listing.complete = True


def _path(url: str) -> str:
    """A URL's path, also of one that cannot be parsed: the download refuses that."""
    return url.partition("?")[0].partition("://")[2].partition("/")[2]


def _ready(services: Services, sendgrid: SendGrid, listing: ListingRecord) -> ContactExport:
    age = services.now() - listing.asked_at
    try:
        export = sendgrid.export_status(listing.id)
    except JobNotFound:
        if age > KNOWN_AFTER:
            raise
        raise wait_for_jobs(services, [listing.asked_at]) from None
    if export.status == "ready":
        return export
    if export.status == "failure":
        raise FileUnavailable("SendGrid could not make it", code="listing_failed")
    if age > JOB_LIMIT:
        raise RunFailed(
            "SendGrid's export of the list's contacts does not become ready",
            code="list_export_overdue",
            advice="Start the run again later, or look at https://status.sendgrid.com. Until then incremental runs "
            "work as ever.",
        )
    raise wait_for_jobs(services, [listing.asked_at])

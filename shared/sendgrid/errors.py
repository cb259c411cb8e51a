"""What can go wrong with SendGrid. Which answer leads to which of these stands in `policy`, as one table.

SendGridError                   base of all: status, maybe_taken, and SendGrid's own words
├── RunFailed
│   ├── KeyRefused              401, also with the key fetched anew
│   ├── Forbidden               403: the key lacks a right
│   ├── ListNotFound            404 where a list is named
│   ├── UnknownFields           400: custom field ids that the account does not have
│   ├── ContactLimitReached     the plan's number of contacts is used up
│   ├── PayloadTooLarge         413, 414 and their like: send less at once
│   └── RequestRefused          any other 4xx or a redirect
├── RetryLater
│   ├── Throttled               429, or our own count says that a 429 would come
│   ├── Blocked                 403 "temporary block"
│   └── ServiceUnavailable
│       └── SendGridUnavailable 5xx, no answer, half an answer
├── NotFound
│   ├── JobNotFound             no such job or contact export
│   ├── ContactsNotFound        a removal names a contact (or a list) that does not exist
│   └── NobodyFound             a search knows none of the addresses
├── RowsRefused                 400 that names rows of the batch: drop those, send the rest
├── AddressesRefused            400 of a search: at least one address is not to SendGrid's liking
└── FileUnavailable             a file that SendGrid points to cannot be had, or must not be fetched

SendGrid's own words are kept in attributes, apart from the message: they may name people.
"""

from collections.abc import Mapping

from shared.errors import ExportError, NotFound, RetryLater, RunFailed, ServiceUnavailable
from shared.sendgrid.routes import Route

COME_BACK_SECONDS = 30.0  # after a failure that names no time


class SendGridError(ExportError):
    """Base of all errors about SendGrid, with the facts of the call.

    status       HTTP status; None if no answer came
    maybe_taken  SendGrid may have carried the request out all the same, in this or an earlier attempt of the call
    said         SendGrid's own words: they may name people, so they belong in no log and no run record
    """

    status: int | None = None
    maybe_taken: bool = False
    said: tuple[str, ...] = ()


class KeyRefused(SendGridError, RunFailed):
    """The API key is wrong, expired or revoked."""


class Forbidden(SendGridError, RunFailed):
    """The API key is good and lacks a right."""


class ListNotFound(SendGridError, RunFailed):
    """The list does not exist (any more)."""


class UnknownFields(SendGridError, RunFailed):
    """The request names custom fields by ids that the account does not have."""


class ContactLimitReached(SendGridError, RunFailed):
    """The account holds as many contacts as its plan allows."""


class PayloadTooLarge(SendGridError, RunFailed):
    """The request is larger than SendGrid takes; half of it may pass."""


class RequestRefused(SendGridError, RunFailed):
    """SendGrid refuses for a reason that this app does not know how to mend."""


class Throttled(SendGridError, RetryLater):
    """The route's rate limit is used up."""


class Blocked(SendGridError, RetryLater):
    """SendGrid locks this client out for a while."""


class SendGridUnavailable(SendGridError, ServiceUnavailable):
    """SendGrid failed, could not be reached, or answered with half an answer: `maybe_taken` tells these apart."""


class JobNotFound(SendGridError, NotFound):
    """SendGrid knows no such job: it is gone, or the id belongs to another account."""


class ContactsNotFound(SendGridError, NotFound):
    """The list, or at least one of the contacts to be taken off it, does not exist."""


class NobodyFound(SendGridError, NotFound):
    """None of the addresses searched for is a contact."""


class RowsRefused(SendGridError):
    """SendGrid refused the batch and named the rows at fault. Nothing of the batch was applied.

    rows       place in the request's `contacts` -> SendGrid's reason
    addresses  address -> reason, for those that SendGrid named without a place
    Reasons may hold the address.
    """

    def __init__(self, rows: Mapping[int, str], addresses: Mapping[str, str]) -> None:
        super().__init__(
            f"SendGrid refused {len(rows) + len(addresses)} contacts of the batch",
            code="rows_refused",
            advice="See the report for each contact and SendGrid's reason.",
        )
        self.rows = dict(rows)
        self.addresses = dict(addresses)


class AddressesRefused(SendGridError):
    """SendGrid refused a whole search, as it does when one of the addresses is not valid to it."""


class FileUnavailable(SendGridError):
    """A file that SendGrid points to is gone, too large, unreadable, or at a place that must not be asked."""


def unreachable(route: Route, reason: str) -> SendGridUnavailable:
    """The request never reached SendGrid. `reason` is a word for people, without address or key."""
    return SendGridUnavailable(
        f"SendGrid could not be reached ({reason}; {route})",
        code="sendgrid_unreachable",
        retry_after=COME_BACK_SECONDS,
        advice="Look at the app's outbound network and at https://status.sendgrid.com.",
    )


def broken_answer(route: Route, reason: str) -> SendGridUnavailable:
    """The request went out and no whole answer came back: SendGrid may have taken it."""
    error = SendGridUnavailable(
        f"SendGrid's answer did not arrive as it should ({reason}; {route})",
        code="sendgrid_broken_answer",
        retry_after=COME_BACK_SECONDS,
        advice="Nothing to do by hand unless it comes again: then look at https://status.sendgrid.com.",
    )
    error.maybe_taken = not route.reads
    return error

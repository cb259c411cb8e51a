"""What to do about each answer of SendGrid other than 2xx: one table, and the function that looks it up.

SendGrid's own words choose a rule, and join the message of the error only where the request was not about people or
where they are a known phrase that names nobody.

Sources: OpenAPI files of Marketing Campaigns v3, SendGrid's errors page; wording of 400s as recorded in
segmentio/action-destinations, grouparoo/grouparoo, sendgrid-nodejs#953, sendgrid-csharp#1021, sendgrid-go#413.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from shared.errors import RetryLater
from shared.sendgrid import limits, routes
from shared.sendgrid.errors import (
    COME_BACK_SECONDS,
    AddressesRefused,
    Blocked,
    ContactLimitReached,
    ContactsNotFound,
    Forbidden,
    JobNotFound,
    KeyRefused,
    ListNotFound,
    NobodyFound,
    PayloadTooLarge,
    RequestRefused,
    RowsRefused,
    SendGridError,
    SendGridUnavailable,
    Throttled,
    UnknownFields,
)
from shared.sendgrid.routes import Route

LONGEST_COMPLAINT = 500  # characters that are kept of what SendGrid says of one thing; each goes into the report
BLOCK_SECONDS = 900.0  # how long a "temporary block" lasts is not documented; asking on prolongs it


class Action(Enum):
    """What the transport does next."""

    RETRY = auto()  # again after a back-off
    PAUSE = auto()  # again when SendGrid's limit allows
    REFETCH_KEY = auto()  # again, once, with the key fetched anew
    DROP_ROWS = auto()  # up to the caller: the same request without the rows that are named
    FAIL = auto()  # up to the caller: the same request would fare no better


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the policy; the first whose `status`, `says` and `routes` all fit decides."""

    status: range
    action: Action
    raises: type[SendGridError]
    code: str
    message: str
    advice: str = ""
    says: re.Pattern[str] | None = None  # found in one of SendGrid's messages
    routes: frozenset[Route] | None = None  # None: all
    wait: float | None = None  # seconds to wait where SendGrid names no time; None: a back-off
    until_reset: bool = False  # wait for the reset of the rate limit, if Retry-After is absent


_ROW = re.compile(r"contacts(?:\[(\d{1,9})\]|\.(\d{1,9})(?:\.|$))")
_BAD_ADDRESS = re.compile(r"email '(.*)' is not valid", re.IGNORECASE)
_QUOTED = re.compile(r"'.*'")
_FIELD_IDS = re.compile(r"invalid custom field ids supplied\s*[-:]\s*([\w, -]*)", re.IGNORECASE)


def _says(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _only(status: int) -> range:
    return range(status, status + 1)


_ANY_4XX = range(400, 500)
_GIVE_LESS = "Nothing to do by hand: report it if it comes again."

POLICY: tuple[Rule, ...] = (
    Rule(
        _only(401),
        Action.REFETCH_KEY,
        KeyRefused,
        "key_refused",
        "SendGrid refused the API key",
        "Make an API key in SendGrid (Settings > API Keys) and store it as the secret that the connection names.",
    ),
    Rule(
        _only(403),
        Action.PAUSE,
        Blocked,
        "sendgrid_blocked",
        "SendGrid blocks this app for a while, after too many requests that it could not use",
        "Nothing to do by hand unless it comes again: then look for another program with the same API key.",
        says=_says(r"temporar(y|ily) block"),
        wait=BLOCK_SECONDS,
    ),
    Rule(
        _ANY_4XX,
        Action.FAIL,
        ContactLimitReached,
        "contact_limit_reached",
        "the SendGrid account has reached the contact limit of its plan",
        "Delete contacts that are no longer needed in SendGrid, or change to a larger plan; then run the export again.",
        says=_says(r"contact limit"),
    ),
    Rule(
        _only(403),
        Action.FAIL,
        Forbidden,
        "key_forbidden",
        "the API key may not do this",
        "Give the key Restricted Access > Marketing > Full Access in SendGrid, in the account (or subuser) that the "
        "connection is meant for.",
    ),
    Rule(
        range(400, 600),
        Action.FAIL,
        PayloadTooLarge,
        "payload_too_large",
        "the request is larger than SendGrid takes",
        _GIVE_LESS,
        says=_says(r"(message|body|payload|entity) (is )?(larger than|too large)|exceeds? .*(bytes|MB|MiB)"),
    ),
    Rule(
        range(413, 415),
        Action.FAIL,
        PayloadTooLarge,
        "payload_too_large",
        "the request is larger than SendGrid takes",
        _GIVE_LESS,
    ),
    Rule(
        _only(400),
        Action.FAIL,
        UnknownFields,
        "unknown_custom_fields",
        "SendGrid does not know custom fields of the mapping",
        "Look whether the field was deleted or renamed in SendGrid (Marketing > Custom Fields), correct the mapping "
        "and run again.",
        says=_FIELD_IDS,
    ),
    Rule(
        _only(400),
        Action.DROP_ROWS,
        RowsRefused,
        "rows_refused",
        "SendGrid refused contacts of the batch",
        routes=frozenset({routes.UPSERT}),
        says=re.compile(f"{_ROW.pattern}|{_BAD_ADDRESS.pattern}", re.IGNORECASE),
    ),
    Rule(
        _only(400),
        Action.FAIL,
        AddressesRefused,
        "addresses_refused",
        "SendGrid refused an address of a search",
        routes=frozenset({routes.SEARCH}),
    ),
    Rule(
        _only(404),
        Action.FAIL,
        NobodyFound,
        "nobody_found",
        "none of the addresses is a contact",
        routes=frozenset({routes.SEARCH}),
    ),
    Rule(
        _only(404),
        Action.FAIL,
        ContactsNotFound,
        "contacts_not_found",
        "the list or one of the contacts does not exist",
        routes=frozenset({routes.LIST_REMOVAL, routes.CONTACT_DELETION}),
    ),
    Rule(
        _only(404),
        Action.FAIL,
        JobNotFound,
        "job_not_found",
        "SendGrid does not know the job",
        routes=frozenset({routes.JOB, routes.CONTACT_EXPORT_STATUS}),
    ),
    Rule(
        _only(404),
        Action.FAIL,
        ListNotFound,
        "list_not_found",
        "the SendGrid list does not exist",
        "Look up the list's ID in SendGrid (it ends the list's URL in Marketing > Contacts) and correct list_id in the "
        "export.",
        routes=frozenset({routes.LIST, routes.LIST_COUNT, routes.UPSERT, routes.IMPORT, routes.CONTACT_EXPORT}),
    ),
    Rule(
        _only(429),
        Action.PAUSE,
        Throttled,
        "throttled",
        "SendGrid's rate limit is used up",
        "Nothing to do by hand: the run goes on when the limit allows.",
        until_reset=True,
    ),
    Rule(_only(408), Action.RETRY, SendGridUnavailable, "sendgrid_unavailable", "SendGrid took too long"),
    Rule(_only(425), Action.RETRY, SendGridUnavailable, "sendgrid_unavailable", "SendGrid was not ready"),
    Rule(range(500, 600), Action.RETRY, SendGridUnavailable, "sendgrid_unavailable", "SendGrid failed"),
    Rule(
        range(300, 400),
        Action.FAIL,
        RequestRefused,
        "unexpected_redirect",
        "the address of SendGrid's API redirects elsewhere",
        "Look for a proxy between the app and SendGrid; correct SENDGRID_BASE_URL if it is set.",
    ),
    Rule(
        range(1000),
        Action.FAIL,
        RequestRefused,
        "request_refused",
        "SendGrid refused the request",
        "Look the status up in SendGrid's API reference; if the mapping is in order, report it.",
    ),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do about an answer, and the error to raise when that is not possible.

    `wait`: seconds before a next attempt; None leaves it to the back-off.
    """

    action: Action
    error: SendGridError
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class Complaint:
    """One error of an error body; `field` is empty where SendGrid names none."""

    message: str
    field: str = ""

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


def classify(route: Route, status: int, headers: Mapping[str, str], body: bytes, *, now: float) -> Verdict:
    """Look an answer other than 2xx up in the policy. `now` is epoch seconds."""
    complaints = read_complaints(body)
    rule = rule_for(route, status, complaints)
    wait = limits.retry_after(headers, now)
    if wait is None:
        wait = limits.until_reset(headers, now) if rule.until_reset else rule.wait
    error = _build(rule, route, status, complaints, COME_BACK_SECONDS if wait is None else wait)
    error.status = status
    error.said = tuple(map(str, complaints))
    error.maybe_taken = rule.action is Action.RETRY and not route.reads
    return Verdict(rule.action, error, wait)


def rule_for(route: Route, status: int, complaints: tuple[Complaint, ...]) -> Rule:
    """The row of the table that decides."""
    # What stands between quotes is somebody's data, which must not choose the rule.
    wording = [_QUOTED.sub("''", str(complaint)) for complaint in complaints]
    return next(
        rule
        for rule in POLICY
        if status in rule.status
        and (rule.routes is None or route in rule.routes)
        and (rule.says is None or any(rule.says.search(text) for text in wording))
    )


def forbidden() -> Forbidden:
    """The key's own list of rights lacks the one that is needed."""
    rule = next(rule for rule in POLICY if rule.raises is Forbidden)
    return Forbidden("the API key lacks the right to marketing contacts", code=rule.code, advice=rule.advice)


def throttled(route: Route, retry_after: float) -> Throttled:
    """No request was sent: the limit that SendGrid named is used up for `retry_after` more seconds."""
    rule = next(rule for rule in POLICY if rule.raises is Throttled)
    return Throttled(f"{rule.message} ({route})", code=rule.code, advice=rule.advice, retry_after=retry_after)


def read_complaints(body: bytes) -> tuple[Complaint, ...]:
    """The errors of an error body in any of the shapes met: {"errors": […]}, {"errors": {…}}, […], {…}; else none."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):  # an HTML page of a gateway, or nothing
        return ()
    if isinstance(parsed, dict):
        parsed = parsed.get("errors") or parsed
    entries: list[Any] = parsed if isinstance(parsed, list) else [parsed]
    return tuple(complaint for entry in entries if (complaint := _complaint(entry)))


def _complaint(entry: Any) -> Complaint | None:
    if isinstance(entry, str):
        return Complaint(entry[:LONGEST_COMPLAINT])
    if not isinstance(entry, dict):
        return None
    message = next((entry[key] for key in ("message", "error") if isinstance(entry.get(key), str)), "")
    field = next((entry[key] for key in ("field", "parameter") if isinstance(entry.get(key), str)), "")
    return Complaint(message[:LONGEST_COMPLAINT], field[:LONGEST_COMPLAINT]) if message or field else None


def _build(
    rule: Rule, route: Route, status: int, complaints: tuple[Complaint, ...], retry_after: float
) -> SendGridError:
    if rule.raises is RowsRefused:
        return RowsRefused(*_refused(complaints))
    quoted = "".join(f": {text}" for text in dict.fromkeys(_quotable(route, complaints)))
    message = f"{rule.message} (HTTP {status}; {route}){quoted}"
    if issubclass(rule.raises, RetryLater):
        return rule.raises(message, code=rule.code, advice=rule.advice, retry_after=retry_after)
    return rule.raises(message, code=rule.code, advice=rule.advice)


def _refused(complaints: tuple[Complaint, ...]) -> tuple[dict[int, str], dict[str, str]]:
    rows: dict[int, str] = {}
    addresses: dict[str, str] = {}
    for complaint in complaints:
        if place := _ROW.search(complaint.field) or _ROW.search(complaint.message):
            rows[int(place[1] or place[2])] = complaint.message
        elif named := _BAD_ADDRESS.search(complaint.message):
            addresses[named[1].lower()] = complaint.message
    return rows, addresses


# What SendGrid is known to say about requests that hold people, and that names none of them.
_NAMES_NOBODY = _says(
    r"invalid (input|json)|access forbidden|authorization required|too many requests|internal server error"
    r"|custom field \"\w+\" cannot be null"
)


def _quotable(route: Route, complaints: tuple[Complaint, ...]) -> list[str]:
    if not route.about_people:
        return [str(complaint)[:200] for complaint in complaints[:3] if "@" not in str(complaint)]
    known = [complaint.message for complaint in complaints if _NAMES_NOBODY.fullmatch(complaint.message)]
    fields = [
        f"ids {named[1].strip()}"[:200] for complaint in complaints if (named := _FIELD_IDS.search(str(complaint)))
    ]
    return (known + fields)[:3]

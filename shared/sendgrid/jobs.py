"""SendGrid's asynchronous jobs: how one stands, and which rows it could not store.

A 202 only says that a job is queued. It ends `completed`, `errored` (some rows) or `failed` (all rows, or the whole
could not be processed); counts that are zero are left out, and all of them may be absent while it is pending. Rows at
fault are named by e-mail address alone, in a CSV file at `errors_url` (header `primary_email, contact_id,
errors_occurred`, recorded by castledio). Read by header name: its columns are not documented.
"""

import codecs
import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from shared.sendgrid.errors import FileUnavailable

LONGEST_ROW = 64 * 1024  # characters of a row of the errors file, which has an address, an id and a sentence
LONGEST_MESSAGE = 500  # characters of a message that are kept; each goes into the report
ENDED = frozenset({"completed", "errored", "failed"})

_EMAIL_COLUMNS = ("primary_email", "email")
_MESSAGE_COLUMNS = ("errors_occurred", "errors", "error")


@dataclass(frozen=True, slots=True)
class Job:
    """One job as SendGrid reports it. `status` may be a word that is not known here: then the job has not ended."""

    id: str
    status: str
    requested: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    errored: int = 0
    errors_url: str | None = field(default=None, repr=False)  # whoever has it can read the addresses

    @classmethod
    def read(cls, job_id: str, answer: Mapping[str, Any]) -> Self:
        results = answer.get("results")
        results = results if isinstance(results, dict) else {}
        url = results.get("errors_url")
        return cls(
            id=job_id,
            status=str(answer.get("status") or "pending").lower(),
            requested=count(results.get("requested_count")),
            created=count(results.get("created_count")),
            updated=count(results.get("updated_count")),
            deleted=count(results.get("deleted_count")),
            errored=count(results.get("errored_count")),
            errors_url=url if isinstance(url, str) and url else None,
        )

    @property
    def ended(self) -> bool:
        return self.status in ENDED


@dataclass(frozen=True, slots=True)
class RowError:
    """Why SendGrid did not store a contact. `email` is in lower case and may be empty; both are personal data."""

    email: str = field(repr=False)
    message: str = field(repr=False)


def count(value: Any) -> int:
    """A count of SendGrid's: absent, null and nonsense are 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def errored_rows(job: Job, fetch: Callable[[str], Iterable[bytes]]) -> Iterator[RowError]:
    """The rows that the job could not store, streamed. `fetch` gives the file at a URL, piece by piece (downloads.py).

    Nothing if the job names no file. FileUnavailable if the file is not what it should be.
    """
    if job.errors_url is None:
        return
    lines = _Lines(fetch(job.errors_url))
    records = csv.reader(lines, skipinitialspace=True)
    try:
        header = [name.strip().lower() for name in next(records, [])]
        email, message = _column(header, _EMAIL_COLUMNS), _column(header, _MESSAGE_COLUMNS)
        for record in records:
            lines.begin_row()
            if record:
                yield RowError(_cell(record, email).lower(), _cell(record, message)[:LONGEST_MESSAGE])
    except csv.Error as error:
        raise _unreadable(f"is not CSV: {error}") from error


class _Lines:
    """Text with its line ends kept, as csv wants it. A line may hold half a record: csv asks for the next.

    A file is as large as its server likes it, so no row of it may be: FileUnavailable.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self._row = 0  # characters of it so far

    def begin_row(self) -> None:
        self._row = 0

    def __iter__(self) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
        rest = ""
        for piece in self._pieces:
            *lines, rest = (rest + decoder.decode(piece)).split("\n")
            yield from (self._counted(f"{line}\n") for line in lines)
            if len(rest) > LONGEST_ROW:
                raise _unreadable("has a row without an end")
        yield self._counted(rest + decoder.decode(b"", final=True))

    def _counted(self, line: str) -> str:
        self._row += len(line)
        if self._row > LONGEST_ROW:
            raise _unreadable("has a row without an end")
        return line


def _column(header: list[str], names: tuple[str, ...]) -> int:
    for name in names:
        if name in header:
            return header.index(name)
    raise _unreadable(f"has no column {names[0]}")


def _cell(record: list[str], column: int) -> str:
    return record[column].strip() if column < len(record) else ""


def _unreadable(what: str) -> FileUnavailable:
    return FileUnavailable(
        f"SendGrid's file of row errors {what}",
        code="file_unreadable",
        advice="Look the import up in SendGrid (Marketing > Contacts) for the rows that it refused.",
    )

"""The error tree. A class says what happens next; nobody downstream matches strings.

ExportError                 everything this app raises on purpose: code, message, advice
├── RunFailed               the run ends `failed`
│   ├── UnreadableSegment   a file of the snapshot cannot be read as what it claims to be
│   ├── InvalidDocument     a destination document cannot be used as it stands
│   └── NewerFormat         a newer version of the app wrote it: it is left alone
├── RunSkipped              the run ends `skipped`: nothing was sent, the message says what to mend
├── RunCanceled             the run ends `canceled`
├── RetryLater              the slice ends and comes back after `retry_after` seconds
│   └── ServiceUnavailable  SendGrid, storage or the vault did not answer as it should
├── LeaseLost               another instance has taken over: stop at once, write nothing
├── NotFound                what was asked for does not exist
└── Conflict                somebody else changed it first
"""

import traceback
from collections.abc import Sequence
from pathlib import Path

MOST_PROBLEMS = 50  # that are told of one document: they go into answers and logs


class ExportError(Exception):
    """Base of all errors raised on purpose.

    `code` is a stable snake_case word for programs, the message a sentence for people, `advice` what they can do.
    None of the three ever holds an address, a name or a key: they go to logs and run records.
    """

    def __init__(self, message: str, *, code: str, advice: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.advice = advice


class RunFailed(ExportError):
    """The run cannot go on, and trying again without a change would not help."""


class UnreadableSegment(RunFailed):
    """A file of the snapshot is not what its name, header or model.json says."""


class InvalidDocument(RunFailed):
    """A connection or export document that cannot be used; `problems` has one sentence a field, up to a number."""

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        if len(problems) > MOST_PROBLEMS:
            problems = [*problems[:MOST_PROBLEMS], "has more problems than these"]
        super().__init__(
            f"{name}: {'; '.join(problems)}",
            code="invalid_document",
            advice=f"Correct {name} in the config container and run the export again.",
        )
        self.name = name
        self.problems = tuple(problems)


class NewerFormat(RunFailed):
    """Something that a newer version of the app has written."""

    def __init__(self, name: str, version: int, newest: int) -> None:
        super().__init__(
            f"{name} has version {version} of its format, and this app knows up to {newest}",
            code="newer_format",
            advice="Deploy the newer version of the app again. What it wrote is left as it is.",
        )


class RunSkipped(ExportError):
    """A guard said no before anything was sent."""


class RunCanceled(ExportError):
    """Somebody asked for the run to stop."""


class RetryLater(ExportError):
    """Not now: come back after `retry_after` seconds. Not a failure of the run."""

    def __init__(self, message: str, *, code: str, retry_after: float, advice: str = "") -> None:
        super().__init__(message, code=code, advice=advice)
        self.retry_after = retry_after


class ServiceUnavailable(RetryLater):
    """A service failed in a way that time may heal; a run that sees too many of these in a row fails."""


def internal_error(error: Exception) -> ServiceUnavailable:
    """A fault of ours, by its kind and place: its text may quote rows."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return ServiceUnavailable(
        f"internal error: {type(error).__name__} at {Path(place.filename).name}:{place.lineno}",
        code="internal_error",
        retry_after=60,
        advice="This is a fault of the app. Look at its log around this time, and report it.",
    )


class LeaseLost(ExportError):
    """This instance is no longer the one that works on the export."""

    def __init__(self) -> None:
        super().__init__("the lease on the export was lost", code="lease_lost")


class NotFound(ExportError):
    """No such blob, document, run or secret."""


class Conflict(ExportError):
    """The version that a write was based on is no longer the current one."""

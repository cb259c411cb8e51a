"""If-Match and If-None-Match: nobody overwrites a version that they have not seen (RFC 9110, 13.1)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.api.endpoint import Call
from shared.api.problems import ConditionFailed, ConditionMissing
from shared.errors import Conflict

if TYPE_CHECKING:
    from shared.cloud.storage import Blob


def expected(call: Call, there: "Blob | None") -> str | None:
    """The ETag that the write is to be based on, None to create. `there`: the document as it stands, if there is one.

    ConditionMissing if the request does not say; ConditionFailed if it says something else than what is there.
    """
    current = there.etag if there else None
    if_match, if_none_match = call.headers.get("if-match"), call.headers.get("if-none-match")
    if if_match is not None:
        if current is None or not {"*", current} & _etags(if_match):
            raise _failed("it was changed or removed since you read it", there)
        return current
    if if_none_match is not None and call.route.condition == "either":
        if current is not None and {"*", current} & _etags(if_none_match):
            raise _failed("it exists already", there)
        return current
    create = " to replace it, or If-None-Match: * to create it" if call.route.condition == "either" else ""
    raise ConditionMissing(
        f"the request has no If-Match{create}",
        code="condition_missing",
        advice="Give the ETag of the version that the change is based on in If-Match, or * for any.",
    )


@contextmanager
def still_expected() -> Iterator[None]:
    """Around the write: somebody may have been faster since `expected` looked."""
    try:
        yield
    except Conflict as error:
        raise _failed("somebody changed it at the same moment") from error


def _etags(header: str) -> set[str]:
    return {part.strip().removeprefix("W/").strip('"') for part in header.split(",")}


def _failed(why: str, there: "Blob | None" = None) -> ConditionFailed:
    from shared.destinations.authors import author_of

    at, by = (there.last_modified, author_of(there)) if there else (None, None)
    return ConditionFailed(why, updated_at=at, updated_by=by)

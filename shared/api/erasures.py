"""Erasures: a person is taken out of what the app keeps, and an auditor can see that it was done."""

from http import HTTPStatus
from typing import TYPE_CHECKING

from shared.api.endpoint import VIEWS, Answer, Call, Parameter, endpoint, location
from shared.api.exports import RETRY_AFTER
from shared.api.problems import BadRequest
from shared.api.roles import Role
from shared.errors import RunFailed

if TYPE_CHECKING:
    from shared.erasures.record import ErasureStore

LARGEST_PAGE = 100
_RECORD = "shared.erasures.record:Erasure"


@endpoint(
    "start_erasure",
    "POST",
    "erasures",
    role=Role.ADMINISTRATOR,
    body=f"{VIEWS}:ErasureWish",
    answers={202: _RECORD},
    headers=("Location", "Retry-After"),
)
def start_erasure(call: Call) -> Answer:
    """Queue the erasure of a person: memberships, reports, and with `delete_contact` the contact at SendGrid."""
    from shared.api.views import ErasureWish
    from shared.erasures.start import start

    wish = call.body(ErasureWish)
    if "@" in (wish.reference or ""):
        raise BadRequest.of("reference", "holds an @; give a case number, not an address: the record is kept")
    try:
        erasure = start(
            call.services,
            wish.address,
            by=call.principal.name,
            reference=wish.reference,
            delete_contact=wish.delete_contact,
        )
    except RunFailed as error:
        if error.code != "invalid_address":
            raise
        raise BadRequest.of("address", error.message) from None
    headers = location(f"erasures/{erasure.erasure_id}", seconds=RETRY_AFTER)
    return Answer(erasure, status=HTTPStatus.ACCEPTED, headers=headers)


@endpoint(
    "list_erasures",
    "GET",
    "erasures",
    role=Role.ADMINISTRATOR,
    query=(
        Parameter("limit", f"how many, at most {LARGEST_PAGE}; 20 if not given", number=(1, LARGEST_PAGE)),
        Parameter("before", "`next` of the page before this one"),
    ),
    answers={200: f"{VIEWS}:ErasurePage"},
    problems=(400,),
)
def list_erasures(call: Call) -> Answer:
    """List the erasures, newest first. None of them names anybody."""
    from shared.api.views import ErasurePage

    count = call.number("limit", 20)
    found = _store(call).newest(count, before=call.query("before"))
    return Answer(ErasurePage(erasures=found, next=found[-1].erasure_id if len(found) == count else None))


@endpoint(
    "get_erasure",
    "GET",
    "erasures/{erasure_id}",
    role=Role.ADMINISTRATOR,
    answers={200: _RECORD},
    problems=(404,),
)
def get_erasure(call: Call) -> Answer:
    """Give the record of an erasure: what was touched, and what remains to be done by people."""
    erasure, etag = _store(call).load(call.path("erasure_id"))
    return Answer(erasure, etag=etag, headers={} if erasure.state.ended else {"Retry-After": str(RETRY_AFTER)})


def _store(call: Call) -> "ErasureStore":
    from shared.erasures.record import ErasureStore

    return ErasureStore(call.services.storage.state)

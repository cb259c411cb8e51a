"""An erasure is asked for: subject, record, message, in this order: a crash in between leaves no name behind."""

from pydantic import BaseModel

from shared import telemetry
from shared.cloud.storage import RunQueue
from shared.erasures.record import Erasure, ErasureStore, Subject, new_id
from shared.errors import NotFound, RunFailed
from shared.runs.services import Services
from shared.telemetry import Event


class ErasureMessage(BaseModel):
    """The queue message: which erasure, and the how-manieth slice of it. It does not hold the address."""

    erasure_id: str
    slice: int = 0


def start(
    services: Services, address: str, *, by: str, reference: str | None = None, delete_contact: bool = False
) -> Erasure:
    """Queue an erasure; a like one of the same person that is under way is given instead. RunFailed: no address."""
    from shared.contacts.engine import engine, work_folder
    from shared.contacts.erasing import normalised

    with work_folder() as folder, engine(folder) as database:
        found = normalised(database, folder, address)
    if found is None:
        raise RunFailed("this is no e-mail address that a run would send", code="invalid_address")
    subject = Subject(address=found, given=address)
    store = ErasureStore(services.storage.state)
    now = services.now()
    twin = _twin(store, subject, delete_contact=delete_contact)
    erasure = twin or Erasure(
        erasure_id=new_id(now), reference=reference, delete_contact=delete_contact, requested_by=by, requested_at=now
    )
    if twin is None:
        store.create(erasure, subject)
        send(services.storage.export_runs, ErasureMessage(erasure_id=erasure.erasure_id))
        telemetry.info(Event.ERASURE_QUEUED, erasure_id=erasure.erasure_id, delete_contact=delete_contact)
    return erasure


def send(queue: RunQueue, message: ErasureMessage, *, delay: float = 0) -> None:
    """Wake somebody up for the erasure, after `delay` seconds."""
    queue.send(message.model_dump_json(), delay=delay)


def _twin(store: ErasureStore, subject: Subject, *, delete_contact: bool) -> Erasure | None:
    for erasure_id, _ in store.open():
        try:
            erasure, other = store.load(erasure_id)[0], store.subject(erasure_id)
        except NotFound:
            continue  # it has ended since, or has just begun
        if not erasure.state.ended and other.address == subject.address and erasure.delete_contact == delete_contact:
            return erasure
    return None

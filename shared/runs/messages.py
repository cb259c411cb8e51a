"""The queue message: which run, and the how-manieth slice of it. A few hundred bytes of JSON at most."""

from pydantic import BaseModel

from shared.cloud.storage import RunQueue


class Message(BaseModel):
    run_id: str
    export_id: str
    slice: int = 0
    delay: float = 0  # seconds that it was told to wait: what it waited beyond them, it waited for its turn


def send(queue: RunQueue, message: Message, *, delay: float = 0) -> None:
    """Wake somebody up for the run, after `delay` seconds."""
    queue.send(message.model_copy(update={"delay": delay}).model_dump_json(), delay=delay)

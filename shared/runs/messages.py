"""The queue message: which run, and the how-manieth slice of it. At most 100 bytes of JSON."""

from pydantic import BaseModel

from shared.cloud.storage import RunQueue


class Message(BaseModel):
    run_id: str
    export_id: str
    slice: int = 0


def send(queue: RunQueue, message: Message, *, delay: float = 0) -> None:
    """Wake somebody up for the run, after `delay` seconds."""
    queue.send(message.model_dump_json(), delay=delay)

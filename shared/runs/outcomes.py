"""What SendGrid said of single contacts: one JSON object a line, kept with the plan until the report is written."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from shared.runs.store import Shelf


@dataclass(frozen=True, slots=True)
class Outcome:
    """A contact that was not stored or not removed. `stage`: send, settle or remove; `message`: in SendGrid's words."""

    email: str
    stage: str
    code: str
    message: str


def write(shelf: Shelf, name: str, outcomes: Iterable[Outcome]) -> int:
    """Write them all, in place of what was there; gives how many there are."""
    lines = [json.dumps(asdict(outcome), ensure_ascii=False) for outcome in outcomes]
    if lines:
        shelf.put(name, "\n".join(lines).encode())
    return len(lines)

"""What every phase works with: stores, SendGrid, settings, clock. Made once a process by `shared.app`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shared.cloud.storage import Storage
from shared.destinations.models import Connection
from shared.destinations.store import Destinations
from shared.runs.store import RunStore
from shared.runs.turn import Turns
from shared.sendgrid.client import SendGrid, Upload
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """The parts by name.

    `sendgrid` makes a client of a connection's account; its second argument is called before every request and raises
    to stop. `download` fetches a file that SendGrid points to, `upload` sends one to where it points. `now` is UTC.
    """

    settings: Settings
    storage: Storage
    destinations: Destinations
    runs: RunStore
    turns: Turns
    sendgrid: Callable[[Connection, Callable[[], None]], SendGrid]
    download: Callable[[str], Iterable[bytes]]
    upload: Callable[[Upload, Path, Callable[[], None]], None]
    now: Callable[[], datetime]

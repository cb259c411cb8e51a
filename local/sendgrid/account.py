"""The state of the simulated account, and how the simulation is set."""

import re
from dataclasses import dataclass, field
from uuid import uuid4

from local.sendgrid.answers import NOT_FOUND, refuse
from local.sendgrid.contacts import Contacts
from local.sendgrid.exports import Export
from local.sendgrid.fields import Fields
from local.sendgrid.imports import CsvImport
from local.sendgrid.jobs import Jobs

FULL_ACCESS = ("alerts.read", "mail.send", "marketing.read", "user.profile.read")
MARKETING = "marketing.read"  # reads and writes: SendGrid's documentation of key permissions
MAX_LIST_NAME = 100
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


@dataclass(slots=True)
class Settings:
    """How the simulated service behaves; each can be changed while it runs."""

    job_seconds: float = 1.0  # real jobs take about 30 s
    rate_limited: bool = True  # False: no limits and no rate headers
    rate_window: float = 60.0  # seconds
    rate_reset: str = "delta"  # or "epoch": both meanings of X-RateLimit-Reset are documented
    upsert_rate: int = 200  # requests a window: upsert, contact deletion
    other_rate: int = 600
    rate_limits: dict[str, int] = field(default_factory=dict)  # by "METHOD /route/{template}"
    byte_limit: int = 4_194_304  # of an upsert; documented are 6 MB, users report 4 MiB
    contact_limit: int | None = None  # the plan's; upserts beyond are refused
    listed_errors: int = 100  # how many errors one 400 lists
    export_megabyte: int = 1_000_000  # bytes that count as 1 MB for max_file_size


class Lists:
    """Contact lists: id to name, in the order of their creation. Names need not be unique."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def add(self, name: object, list_id: str | None = None) -> str:
        list_id = list_id or str(uuid4())
        self.names[list_id] = _checked(name)
        return list_id

    def rename(self, list_id: str, name: object) -> None:
        self.require(list_id)
        self.names[list_id] = _checked(name)

    def require(self, list_id: str) -> None:
        if list_id not in self.names:
            raise refuse(404, NOT_FOUND, "id")

    def read_ids(self, value: object) -> frozenset[str]:
        """Read the `list_ids` of a request: 400 for anything but uuids, 404 for a list that does not exist."""
        if value is None:
            return frozenset()
        if not isinstance(value, list):
            raise refuse(400, "invalid input", "")
        if not all(isinstance(item, str) and _UUID.fullmatch(item) for item in value):
            raise refuse(400, "invalid list id", "list_ids")
        if not all(item in self.names for item in value):
            raise refuse(404, "one or more list ids do not exist", "list_ids")
        return frozenset(value)


def _checked(name: object) -> str:
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_LIST_NAME:
        raise refuse(400, f"name must have 1 to {MAX_LIST_NAME} characters", "name")
    return name


class Account:
    """One account: keys with their scopes, lists, fields, contacts, jobs and files."""

    def __init__(self, base_url: str, keys: dict[str, tuple[str, ...]]) -> None:
        self.base_url = base_url
        self.keys = dict(keys)
        self.settings = Settings()
        self.lists = Lists()
        self.fields = Fields()
        self.contacts = Contacts()
        self.jobs = Jobs()
        self.imports: dict[str, CsvImport] = {}  # announced, by job id, until the file is uploaded
        self.exports: dict[str, Export] = {}
        self.row_errors: dict[str, str] = {}  # address -> message: rows a fault has marked

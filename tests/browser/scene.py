"""A connection, a list and exports of a test's own, put there as documents: what comes before the page is opened."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from local.stack import Stack

MAPPING = {"email": "EMail", "first_name": "FirstName"}
BAD_ROWS = "nobody,,\nwrong,not an address,Ada\n"


class Scene:
    """Names that no other test uses: `connection`, `export`, `segment`, and a list of the export's name."""

    def __init__(self, stack: Stack) -> None:
        mark = uuid.uuid4().hex[:6]
        self.stack, self.mark = stack, mark
        self.connection, self.export, self.segment = f"account-{mark}", f"export-{mark}", f"Segment{mark}"
        self.name = self.export.title()
        self.list_id = stack.sendgrid.create_list(f"List {mark}")

    def connect(self, *, scopes: Sequence[str] | None = None, **more: Any) -> str:
        return self.stack.put_connection(self.connection, scopes=scopes, **more)

    def put(self, **more: Any) -> None:
        """The export; `more` adds or overrides document keys."""
        document: dict[str, Any] = {"connection": self.connection, "segments": [self.segment], "mapping": MAPPING}
        document |= {"run_on_landing": False, "list_id": self.list_id, **more}
        self.stack.put_export(self.export, **document)

    def land(self, people: int = 3, *, rows: str = "", columns: Mapping[str, str] | None = None) -> None:
        """Land so many people, and `rows` besides. `columns`: what other columns hold for everybody."""
        more = dict(columns or {})
        header = ",".join(["CustomerId", "EMail", "FirstName", *(f'"{name}"' for name in more)])
        end = "".join(f',"{value}"' for value in more.values())
        lines = [f"c{i},person{i}.{self.mark}@example.com,Name{i}{end}" for i in range(people)]
        self.stack.land(f"{self.segment}.csv", "\n".join([header, *lines, rows]).encode())

    def run(self, **wish: Any) -> dict[str, Any]:
        """Run over HTTP and wait for the end."""
        known = [run["run_id"] for run in self.stack.runs(self.export)]
        answer = self.stack.http("POST", f"/api/exports/{self.export}/runs", json=wish)
        assert answer.status_code == 202, answer.text
        return self.stack.wait_for_run(self.export, known=known)

    @property
    def members(self) -> dict[str, Any]:
        return self.stack.sendgrid.members(self.list_id)

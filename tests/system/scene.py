"""What a system test acts with: an export of its own on the stack that all share."""

import csv
import io
import json
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from local.stack import ENDED, Stack

PATIENCE = 120  # seconds; generous, because the machine may be busy
MAPPING = {"email": "EMail", "first_name": "FirstName"}
# What SendGrid only answers with; everything else changes something there.
READS = ("GET ", "POST /v3/marketing/contacts/search")

Document = dict[str, Any]


class Scene:
    """A connection, a list and an export of one segment, with names that no other test uses.

    The export's document is written by `export()`: a test that wants something else in it says so there.
    """

    def __init__(self, stack: Stack) -> None:
        mark = uuid.uuid4().hex[:8]
        self.stack = stack
        self.connection, self.export_id, self.segment = f"account-{mark}", f"export-{mark}", f"Segment{mark}"
        self.list_id = stack.sendgrid.create_list(self.export_id)
        self._known: list[str] = []
        self._before = self._writes()

    def connect(self, *, scopes: Sequence[str] | None = None, **more: Any) -> str:
        """Write the connection, with a key that works. Gives the key."""
        return self.stack.put_connection(self.connection, scopes=scopes, **more)

    def export(self, **more: Any) -> None:
        """Write the export. `more` adds or overrides document keys."""
        document = {"connection": self.connection, "segments": [self.segment], "mapping": MAPPING, **more}
        self.stack.put_export(self.export_id, list_id=document.pop("list_id", self.list_id), **document)

    def land(self, content: bytes, suffix: str = ".csv") -> None:
        """Land the segment as a single file."""
        self.stack.land(f"{self.segment}{suffix}", content)

    def land_people(self, people: Mapping[str, str]) -> None:
        """Land the segment as a CSV file of addresses and first names."""
        self.land("".join(["EMail,FirstName\n", *(f"{email},{name}\n" for email, name in people.items())]).encode())

    def land_model(self, files: Sequence[bytes | None], columns: Sequence[str] = ("EMail", "FirstName")) -> None:
        """Land a Common Data Model folder of headerless CSV files, model.json last; None is listed but missing."""
        folder = f"{self.segment}-export"
        names = [f"{folder}/{self.segment}/2026/11/21/0300/{self.segment}_{i}.csv" for i in range(1, len(files) + 1)]
        url = f"{self.stack.azurite.blob_url}/{self.stack.segments.name}"
        entity = {
            "$type": "LocalEntity",
            "name": self.segment,
            "attributes": [{"name": name, "dataType": "string"} for name in columns],
            "partitions": [{"name": name, "location": f"{url}/{name}"} for name in names],
        }
        for name, content in zip(names, files, strict=True):
            if content is not None:
                self.stack.land(name, content)
        model = {"name": folder, "version": "1.0", "entities": [entity]}
        self.stack.land(f"{folder}/model.json", json.dumps(model).encode())

    def wait(self, seconds: float = PATIENCE) -> Document:
        """The export's next run, at its end, its books checked."""
        run = self.stack.wait_for_run(self.export_id, known=self._known, seconds=seconds)
        self._known.append(run["run_id"])
        assert_accounted(run)
        return run

    def start(self, **wish: Any) -> Document:
        """Start a run over HTTP and follow it there to its end."""
        answer = self.stack.http("POST", f"/api/exports/{self.export_id}/runs", json=wish)
        assert answer.status_code == 202, answer.text
        self._known.append(answer.json()["run_id"])
        deadline = time.monotonic() + PATIENCE
        while (run := self.stack.http("GET", answer.headers["Location"]).json())["state"] not in ENDED:
            assert time.monotonic() < deadline, run
            time.sleep(0.1)
        assert_accounted(run)
        found: Document = run
        return found

    def rest(self) -> None:
        """Wait until the last run has let go of everything, which it does after it has told of its end."""
        deadline = time.monotonic() + PATIENCE
        while json.loads(self.stack.storage.state.read(f"{self.export_id}/turn.json").content)["active"]:
            assert time.monotonic() < deadline
            time.sleep(0.1)

    @property
    def members(self) -> dict[str, Document]:
        """The list's members by address."""
        return self.stack.sendgrid.members(self.list_id)

    def report(self, run: Document) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.stack.report(run), newline="")))

    def look_from_here(self) -> None:
        """Let `writes` forget what has been until now."""
        self._before = self._writes()

    def writes(self) -> dict[str, int]:
        """Requests since this scene was set that changed something in SendGrid, or tried to, and how often."""
        return dict(self._writes() - self._before)

    def _writes(self) -> Counter[str]:
        requests = self.stack.sendgrid.stats()["requests"]
        return Counter({name: sum(by.values()) for name, by in requests.items() if not name.startswith(READS)})


def assert_accounted(run: Document) -> None:
    """Every row and every leaver is in exactly one sum (docs/architecture.md)."""
    counts = run["counts"]
    if not run["planned"]:
        return
    rows = ("malformed", "filtered", "no_email", "invalid_email", "duplicate", "contacts")
    assert counts["rows"] == sum(counts[name] for name in rows), counts
    assert counts["contacts"] == counts["unchanged"] + counts["upserts"], counts
    if run["dry_run"]:
        return
    assert counts["upserts"] == sum(counts[name] for name in ("accepted", "rejected_by_sendgrid", "unconfirmed"))
    leavers = ("removed", "not_found", "kept_by_other_export", "failed_removals")
    assert counts["leavers"] == sum(counts[name] for name in leavers), counts

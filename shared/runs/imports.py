"""Imports of a run: send a batch's file, and read who of it SendGrid refused. Upserts: `send` and `settle`."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from shared.contacts.imports import addresses_sql, field_ids
from shared.contacts.reading import quoted
from shared.runs.outcomes import Outcome
from shared.runs.record import BatchRecord
from shared.runs.services import Services
from shared.runs.slice import Slice
from shared.runs.store import Shelf, file_of, outcomes_name
from shared.sendgrid.client import SendGrid, Upload
from shared.sendgrid.jobs import RowError


def send(services: Services, here: Slice, sendgrid: SendGrid, path: Path) -> Upload:
    """Announce the file and upload it. It is as good as a 202 then: the job begins by itself."""
    upload = sendgrid.announce_import(str(here.run.list_id), field_ids(path))
    services.upload(upload, path, here.check_going)
    return upload


def note_refused(shelf: Shelf, batch: BatchRecord, rows: Iterable[RowError]) -> int:
    """Write down who was refused and why; gives how many of the batch were. Neither is held in memory."""
    from shared.contacts.engine import engine, make_room_for_json, work_folder

    with work_folder() as folder, engine(folder) as database:
        named = folder / "named.ndjson"
        with named.open("w", encoding="utf-8") as file:
            for row in rows:
                outcome = Outcome(row.email, "settle", "refused_by_sendgrid", row.message)
                file.write(json.dumps(asdict(outcome), ensure_ascii=False) + "\n")
        if not named.stat().st_size:
            return 0
        columns = ", ".join(f"'{name}': 'VARCHAR'" for name in Outcome.__dataclass_fields__)
        make_room_for_json(database)
        everybody = addresses_sql(shelf.fetch(file_of(batch), folder))
        refused = folder / "refused.ndjson"
        [(count,)] = database.execute(f"""
            COPY (SELECT DISTINCT ON (email) * FROM read_ndjson({quoted(str(named))}, columns={{{columns}}})
                WHERE email IN (SELECT address FROM ({everybody})))
            TO {quoted(str(refused))} (FORMAT json)
        """).fetchall()
        if count:
            shelf.put_file(outcomes_name("settle", batch.number), refused)
        return int(count)

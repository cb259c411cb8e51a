"""Log lines as Application Insights keeps them, and KQL that is run on them, by DuckDB."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import duckdb_kql

from shared import telemetry

SEVERITY = {logging.DEBUG: 0, logging.INFO: 1, logging.WARNING: 2, logging.ERROR: 3, logging.CRITICAL: 4}
OLDEST = timedelta(days=30)


class Traces:
    """The table `traces` of one app."""

    def __init__(self) -> None:
        self._database: duckdb.DuckDBPyConnection = duckdb_kql.connect()
        self._database.execute("CREATE TABLE everything (timestamp TIMESTAMP, message VARCHAR, severityLevel BIGINT)")

    def add(self, message: str, *, level: int = logging.INFO, age: timedelta = timedelta(0)) -> None:
        row = (datetime.now(UTC).replace(tzinfo=None) - age, message, SEVERITY[level])
        self._database.execute("INSERT INTO everything VALUES (?, ?, ?)", row)

    @contextmanager
    def listening(self, *, age: timedelta = timedelta(0)) -> Iterator[None]:
        """What the app says within goes into the table, as if it had been said so long ago."""
        table = self

        class Handler(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                table.add(record.getMessage(), level=record.levelno, age=age)

        handler, before = Handler(), telemetry.log.level
        telemetry.log.addHandler(handler)
        telemetry.log.setLevel(logging.INFO)
        try:
            yield
        finally:
            telemetry.log.removeHandler(handler)
            telemetry.log.setLevel(before)

    def find(self, query: str, *, within: timedelta = OLDEST) -> list[dict[str, Any]]:
        """What the query finds among the lines of that time."""
        since = datetime.now(UTC).replace(tzinfo=None) - within
        self._database.execute(
            f"CREATE OR REPLACE TABLE traces AS SELECT * FROM everything WHERE timestamp >= '{since.isoformat()}'"
        )
        result = duckdb_kql.query(self._database, query)
        return [dict(zip(result.columns, row, strict=True)) for row in result.fetchall()]

"""Malformed rows of CSV files: DuckDB leaves them out, and tells of them in tables of its own."""

from pathlib import Path
from typing import TYPE_CHECKING

from shared.contacts.reading import MOST_MALFORMED, Relation, quoted, too_many_malformed

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TABLES = """
    CREATE TABLE malformed (file UINTEGER, row BIGINT);
    -- The i-th malformed row of a file, at number r, had r - i good rows before it; later ones are i numbers on.
    CREATE VIEW gaps AS
    SELECT file, row - i AS good_before, max(i) AS skipped
    FROM (SELECT file, row, row_number() OVER (PARTITION BY file ORDER BY row) AS i FROM malformed) GROUP BY ALL;
"""


def note(connection: "DuckDBPyConnection", first: int, relation: Relation) -> None:
    """Keep which rows were left out of a relation that has just been read, whose files are numbered from `first` on.

    UnreadableSegment if there are too many of a file, or one is in truth many.
    """
    tables = connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'reject_errors'").fetchall()
    if not tables:
        return
    found = connection.execute("""
        SELECT file_id, bool_or(error_type = 'LINE SIZE OVER MAXIMUM') FROM reject_errors GROUP BY ALL ORDER BY ALL
    """).fetchall()
    for place, too_long in found:
        if too_long:
            relation.refuse_swallowed_rows(place)
        _note(connection, first + place, relation, place)
    if found:
        connection.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")


def _note(connection: "DuckDBPyConnection", number: int, relation: Relation, place: int) -> None:
    """DuckDB counts records, the header as the first."""
    blank = relation.blank_lines(place)
    connection.execute(f"""
        INSERT INTO malformed
        SELECT DISTINCT {number}, line - {relation.first_row} + 1 {"- coalesce(before, 0)" if blank else ""}
        FROM (FROM reject_errors WHERE file_id = {place}) {_blank_sql(blank) if blank else ""}
    """)
    name, _ = relation.csv_texts[place]
    of_file = f"FROM malformed JOIN files ON file = number WHERE name = {quoted(name)}"
    if connection.execute(f"SELECT count(*) > {MOST_MALFORMED} {of_file}").fetchall() == [(True,)]:
        raise too_many_malformed(name, len(relation.columns))


def _blank_sql(numbers: Path) -> str:
    """How many of the numbers in a file come before `line`: a join that adds the column `before`."""
    source = f"read_csv({quoted(str(numbers))}, auto_detect=false, header=false, columns={{'blank': 'BIGINT'}})"
    counted = f"SELECT blank, row_number() OVER (ORDER BY blank) AS before FROM {source}"
    return f"ASOF LEFT JOIN ({counted}) ON line > blank"

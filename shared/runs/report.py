"""report.csv: one line for every row or contact that did not get where it should, and why; and for every stranger.

`file,row,customer_id,email,stage,code,message`. Where a spreadsheet would take a cell for a formula, a ' is put before
it: at its beginning, and behind what is a separator to spreadsheets of other countries or programs (OWASP, "CSV
Injection").
"""

from pathlib import Path
from typing import TYPE_CHECKING

from shared.contacts.engine import execute, shares
from shared.contacts.membership import count
from shared.contacts.problems import Problem
from shared.contacts.reading import quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MESSAGES = {
    Problem.MALFORMED: "the row cannot be split into the file's columns, or is not in the file's encoding",
    Problem.FILTERED: "only_where does not let the row pass",
    Problem.NO_EMAIL: "the e-mail address is empty",
    Problem.INVALID_EMAIL: "this is no e-mail address",
    Problem.MULTIPLE_ADDRESSES: "the cell holds more than one e-mail address",
    Problem.NON_ASCII_LOCAL_PART: "SendGrid takes only ASCII characters before the @",
    Problem.ADDRESS_TOO_LONG: "longer than an e-mail address may be: 254 characters, 64 of them before the @",
    Problem.DUPLICATE: "an earlier row has the same e-mail address",
}

# Their full-width forms too, which East Asian spreadsheets read alike.
_FORMULA = r"(^|[;\t\r\n])([ \x22]*[=+@\x{FF1D}\x{FF0B}\x{FF20}\x{FF0D}-])"
_BREAK = r"^()([\t\r\n])"
MOST_SORTED = 1_000_000  # lines; no spreadsheet opens more
STRANGER = "on the list, and put there by none of its exports; the run has not touched the contact"


def write_report(
    connection: "DuckDBPyConnection", rejects: Path, rows: Path, path: Path, *, strangers: Path | None = None
) -> None:
    """Write the report from the plan's files and from tables `fates` and `outcomes` (see contacts.membership).

    In the order of files and rows, unless it is too long for anybody to read.
    """
    messages = " ".join(f"WHEN {quoted(code)} THEN {quoted(text)}" for code, text in MESSAGES.items())
    mark = quoted(r"\1'\2")
    cells = ", ".join(
        f"regexp_replace(regexp_replace({name}, {quoted(_BREAK)}, {mark}), {quoted(_FORMULA)}, {mark}, 'g') AS {name}"
        for name in ("file", "customer_id", "email", "message")
    )
    # Table by table: a join and a sort in one query would have to share the memory that each of them takes.
    connection.execute(f"""
        CREATE OR REPLACE TABLE lines AS
        SELECT file, row, customer_id, email, 'prepare' AS stage, code, CASE code {messages} END AS message
        FROM read_parquet({quoted(str(rejects))});
        INSERT INTO lines
        SELECT NULL, NULL, NULL, address, stage, code, message FROM outcomes WHERE stage = 'remove';
    """)
    if strangers:
        connection.execute(
            "INSERT INTO lines SELECT NULL, NULL, NULL, address, 'read_list', 'stranger', ? FROM read_parquet(?)",
            [STRANGER, str(strangers)],
        )
    origins = f"read_parquet({quoted(str(rows))})"
    for share in shares(count(connection, "fates", origins)):
        execute(
            connection,
            f"""
            INSERT INTO lines SELECT file, row, customer_id, address, stage, code, message
            FROM (FROM fates WHERE {share}) AS fate JOIN (FROM {origins} WHERE {share}) AS origin USING (address)
        """,
        )
    order = "ORDER BY file NULLS LAST, row" if count(connection, "lines") <= MOST_SORTED else ""
    execute(
        connection,
        f"""
        COPY (SELECT * REPLACE ({cells}) FROM lines {order}) TO {quoted(str(path))} (FORMAT csv, HEADER)
    """,
    )

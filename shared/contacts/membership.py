"""What an export has put on its list: address and fingerprint of the fields sent, as one Parquet file.

After a run it changes by what SendGrid accepted and by nothing else. A fingerprint of 0 stands for *sent, not
confirmed*: such a person may be on the list, is sent again next time, and is a leaver like any other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shared.contacts import imports
from shared.contacts.engine import NARROW, both_processors, execute, make_room_for_json, shares
from shared.contacts.reading import LONGEST_ROW, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ROW_GROUP = 20_480  # rows that DuckDB holds of a Parquet file while it writes; its default is six times as many
_OBJECTS = f"maximum_object_size={2 * LONGEST_ROW}"
NO_MEMBERS = "(SELECT '' AS address, 0::UBIGINT AS fingerprint LIMIT 0)"


@dataclass(frozen=True, slots=True)
class Fates:
    """What became of a plan: files on this machine. Lists may be empty.

    previous     members.parquet as it was, if there was one
    rows         rows.parquet of the plan: address, fingerprint, file, row, customer_id of each upsert
    outcomes     NDJSON: email, stage, code, message of contacts that SendGrid refused or could not remove
    refused      batches, NDJSON or files of an import, of which SendGrid refused every contact
    unsent       batches that never went out
    unconfirmed  batches that went out and of which nothing certain is known
    leavers      leavers.parquet of the plan: address, kept
    """

    previous: Path | None
    rows: Path
    outcomes: Sequence[Path]
    refused: Sequence[Path]
    unsent: Sequence[Path]
    unconfirmed: Sequence[Path]
    leavers: Path


@dataclass(frozen=True, slots=True)
class SettledCounts:
    """The second half of the accounting: `accepted + rejected_by_sendgrid + unconfirmed` are the plan's upserts."""

    accepted: int
    rejected_by_sendgrid: int
    unconfirmed: int


def is_membership(connection: "DuckDBPyConnection", path: Path) -> bool:
    """Whether the file can be read from end to end as what `write_members` writes."""
    import duckdb

    source = f"read_parquet({quoted(str(path))})"
    try:
        kinds = connection.execute(f"SELECT column_name, column_type FROM (DESCRIBE FROM {source})").fetchall()
        if dict(kinds) != {"address": "VARCHAR", "fingerprint": "UBIGINT"}:
            return False
        # All of it is decoded here: nothing else finds a page that is damaged.
        whole, used, _ = connection.execute(
            f"SELECT count(*), count(address), bit_xor(hash(address, fingerprint)) FROM {source}"
        ).fetchall()[0]
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:
        return False
    return bool(whole == used)


def write_known(connection: "DuckDBPyConnection", members: Path | None, begun: Sequence[Path], path: Path) -> Path:
    """The membership, in which everybody of these batches is unconfirmed."""
    make_room_for_json(connection)
    connection.execute(f"CREATE OR REPLACE TABLE begun AS {_addresses_sql(begun)}")
    _copy(
        connection,
        lambda share: (
            f"""
            WITH unconfirmed AS (SELECT DISTINCT address FROM begun WHERE {share})
            SELECT address, 0::UBIGINT AS fingerprint FROM unconfirmed
            UNION ALL
            SELECT address, fingerprint FROM {_members(members)} ANTI JOIN unconfirmed USING (address) WHERE {share}
        """
        ),
        path,
        count(connection, "begun", _members(members)),
    )
    return path


def settle(connection: "DuckDBPyConnection", fates: Fates) -> SettledCounts:
    """Work out every upsert's fate and leave it in table `fates` (address, stage, code, message; accepted: no row)."""
    connection.execute(f"""
        SET preserve_insertion_order = false;  -- no order counts, and keeping one costs memory
        CREATE TABLE upserts AS SELECT address, fingerprint FROM read_parquet({quoted(str(fates.rows))});
        CREATE TABLE outcomes (address VARCHAR, stage VARCHAR, code VARCHAR, message VARCHAR);
    """)
    if any((fates.outcomes, fates.refused, fates.unsent, fates.unconfirmed)):
        make_room_for_json(connection)
    for path in fates.outcomes:
        connection.execute(
            f"INSERT INTO outcomes SELECT email, stage, code, message FROM read_ndjson(?, {_OBJECTS}, columns={{"
            "'email': 'VARCHAR', 'stage': 'VARCHAR', 'code': 'VARCHAR', 'message': 'VARCHAR'})",
            [str(path)],
        )
    for paths, stage, code, message in (
        (fates.refused, "settle", "job_failed", "SendGrid could not process the batch"),
        (fates.unsent, "send", "not_sent", "the run ended before this contact was sent"),
        (fates.unconfirmed, "settle", "unconfirmed", "SendGrid took the contact and did not say what became of it"),
    ):
        if paths:
            connection.execute(
                f"INSERT INTO outcomes SELECT address, ?, ?, ? FROM ({_addresses_sql(paths)})", [stage, code, message]
            )
    connection.execute("CREATE TABLE fates (address VARCHAR, stage VARCHAR, code VARCHAR, message VARCHAR)")
    for share in shares(count(connection, "upserts", "outcomes")):
        # One by one: an aggregate and a join in one query would have to share the memory that each of them takes.
        first = f"SELECT min(rowid) AS place FROM outcomes WHERE {share} AND stage <> 'remove' GROUP BY address"
        execute(connection, f"CREATE OR REPLACE TEMP TABLE firsts AS {first}")
        said = "FROM outcomes WHERE rowid IN (SELECT place FROM firsts)"
        execute(connection, f"CREATE OR REPLACE TEMP TABLE said AS {said}")
        sent = f"(SELECT address FROM upserts WHERE {share})"
        execute(connection, f"INSERT INTO fates FROM said SEMI JOIN {sent} AS sent USING (address)")
    upserts, rejected, open_ = connection.execute("""
        SELECT (SELECT count(*) FROM upserts),
            count(*) FILTER (code NOT IN ('not_sent', 'unconfirmed')),
            count(*) FILTER (code IN ('not_sent', 'unconfirmed')) FROM fates
    """).fetchall()[0]
    return SettledCounts(upserts - rejected - open_, rejected, open_)


def write_members(connection: "DuckDBPyConnection", fates: Fates, path: Path) -> None:
    """The membership after the run, from what `settle` left. Doing it again with its own result gives the same."""
    leavers = f"read_parquet({quoted(str(fates.leavers))})"
    _copy(
        connection,
        lambda share: (
            f"""
            WITH gone AS (
                SELECT address FROM {leavers}
                ANTI JOIN (SELECT address FROM outcomes WHERE {share} AND stage = 'remove') AS failed USING (address)
                WHERE {share}
            ), sent AS (
                SELECT address, CASE code WHEN 'unconfirmed' THEN 0 ELSE fingerprint END AS fingerprint
                FROM upserts LEFT JOIN (FROM fates WHERE {share}) AS fate USING (address)
                WHERE {share} AND (code IS NULL OR code = 'unconfirmed')
            )
            SELECT address, fingerprint::UBIGINT AS fingerprint FROM sent
            UNION ALL
            SELECT address, fingerprint FROM {_members(fates.previous)}
            ANTI JOIN sent USING (address) ANTI JOIN gone USING (address) WHERE {share}
        """
        ),
        path,
        count(connection, "upserts", leavers, "outcomes", _members(fates.previous)),
    )


def count_steady(
    connection: "DuckDBPyConnection", before: Path | None, after: Path, others: Sequence[Path] = ()
) -> int:
    """How many are on the list for certain, though SendGrid may not have counted yet what the run has sent.

    Confirmed members of before and after, and those of `others`, which are memberships on the same list.
    """
    connection.execute("CREATE OR REPLACE TEMP TABLE steady (who UBIGINT)")
    everybody = parquet_sql([path for path in (after, before, *others) if path])
    with both_processors(connection):
        for share in shares(count(connection, everybody) // NARROW):
            confirmed = f"(SELECT hash(address) AS who FROM {{}} WHERE fingerprint <> 0 AND {share})"
            both = f"SEMI JOIN {confirmed.format(_members(before))} AS earlier USING (who)" if before != after else ""
            execute(connection, f"INSERT INTO steady FROM {confirmed.format(parquet_sql([after]))} {both}")
            for other in others:
                theirs = confirmed.format(parquet_sql([other]))
                execute(connection, f"INSERT INTO steady FROM {theirs} ANTI JOIN steady USING (who)")
    return count(connection, "steady")


def count(connection: "DuckDBPyConnection", *relations: str) -> int:
    """How many rows these have together."""
    return sum(int(connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]) for name in relations)


def _addresses_sql(batches: Sequence[Path]) -> str:
    """The addresses of batches: NDJSON, or files of imports, which are few."""
    selects = [imports.addresses_sql(batch) for batch in batches if imports.is_import(batch)]
    upserts = ", ".join(quoted(str(batch)) for batch in batches if not imports.is_import(batch))
    if upserts:
        contacts = f"read_ndjson_objects([{upserts}], {_OBJECTS})"
        selects.append(f"SELECT json_extract_string(json, '/email') AS address FROM {contacts}")
    return " UNION ALL ".join(selects)


def parquet_sql(paths: Sequence[Path]) -> str:
    """Files as one table. In a query, one scan of many takes the memory of one, and many scans that of many."""
    return f"read_parquet([{', '.join(quoted(str(path)) for path in paths)}])"


def _members(path: Path | None) -> str:
    return f"read_parquet({quoted(str(path))})" if path else NO_MEMBERS


def _copy(connection: "DuckDBPyConnection", select: Callable[[str], str], path: Path, addresses: int) -> None:
    """Write what is selected by shares of so many addresses."""
    parts = {share: path.with_name(f"{path.name}-{number}") for number, share in enumerate(shares(addresses))}
    for share, part in parts.items():
        copy_to_parquet(connection, select(share), part)
    if len(parts) == 1:
        part.rename(path)
        return
    copy_to_parquet(connection, f"FROM {parquet_sql([*parts.values()])}", path)
    for part in parts.values():
        part.unlink()


def copy_to_parquet(connection: "DuckDBPyConnection", select: str, path: Path) -> None:
    """Write what is selected, in little memory."""
    execute(
        connection,
        f"COPY ({select}) TO {quoted(str(path))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})",
    )

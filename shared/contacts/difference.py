"""Contacts against those whom the export has put on its list, in little memory whatever their number."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shared.contacts.engine import NARROW, both_processors, execute, shares
from shared.contacts.membership import NO_MEMBERS, count, parquet_sql
from shared.contacts.reading import quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def compare(
    connection: "DuckDBPyConnection",
    *,
    members: Path | None,
    others: Sequence[Path],
    everything: bool,
    leave: bool,
    listed: Sequence[Path] | None,
) -> None:
    """Make tables of `winners` (id, address, fingerprint, …) and of the files that `Planner.decide` describes.

    upserts    winners that are new, changed, or missing from the list; all of them if `everything`
    gone       members who are no winners, and whom somebody else has taken off the list already
    leavers    other members who are no winners, and whether they are `kept` by others; none without `leave`
    strangers  who is on the list and neither a winner nor a member, of this export or of others
    known, held, listed   the files' addresses, each of the last once
    """
    source = parquet_sql(listed) if listed else NO_MEMBERS
    connection.execute(f"""
        CREATE VIEW known AS FROM {parquet_sql([members]) if members else NO_MEMBERS};
        CREATE VIEW held AS SELECT address FROM {parquet_sql(others) if others else NO_MEMBERS};
        CREATE TABLE listed (address VARCHAR);
        CREATE TABLE out (address VARCHAR, fingerprint UBIGINT);
        CREATE TABLE gone (address VARCHAR);
        CREATE TABLE leavers (address VARCHAR, kept BOOLEAN);
        CREATE TABLE strangers (address VARCHAR);
    """)
    for share in shares(count(connection, source)):
        execute(connection, f"INSERT INTO listed SELECT DISTINCT address FROM {source} WHERE {share}")
    if everything or members is None:
        connection.execute("CREATE VIEW upserts AS FROM winners; CREATE VIEW stale AS FROM known")
    else:
        _find_unlike(connection, members, missing=listed is not None)
    for share in shares(count(connection, "upserts", "stale")):
        execute(
            connection,
            f"""
            INSERT INTO out SELECT address, fingerprint FROM stale
            ANTI JOIN (SELECT address FROM upserts WHERE {share}) AS present USING (address) WHERE {share}
        """,
        )
    # Who was not confirmed may get onto the list yet, so such a one is looked for there in the end.
    gone = "false" if listed is None else "fingerprint <> 0 AND address NOT IN (SELECT address FROM listed WHERE {0})"
    for share in shares(count(connection, "out", "listed", "held")):
        kept = f"address IN (SELECT address FROM held WHERE {share})" if others else "false"
        there = f"FROM out WHERE {share} AND"
        execute(connection, f"INSERT INTO gone SELECT address {there} {gone.format(share)}")
        if leave:
            execute(connection, f"INSERT INTO leavers SELECT address, {kept} {there} NOT ({gone.format(share)})")
    for share in shares(count(connection, "listed", "winners", "known", "held")) if listed else ():
        known = " ".join(
            f"ANTI JOIN (SELECT address FROM {name} WHERE {share}) AS {name}_share USING (address)"
            for name in ("winners", "known", "held")
        )
        execute(connection, f"INSERT INTO strangers SELECT address FROM listed {known} WHERE {share}")


def count_missing(connection: "DuckDBPyConnection") -> int:
    """Winners who are members and not on the list."""
    return sum(
        count(
            connection,
            f"""winners SEMI JOIN (FROM known WHERE {share}) AS member USING (address)
            ANTI JOIN (FROM listed WHERE {share}) AS there USING (address) WHERE {share}""",
        )
        for share in shares(count(connection, "winners", "known", "listed"))
    )


def _find_unlike(connection: "DuckDBPyConnection", members: Path, *, missing: bool) -> None:
    """Tables `upserts` and `stale`: winners and members that have no like on the other side.

    The many that have are found by two numbers of 64 bits, which takes a fraction of the memory of their addresses.
    """
    source = f"read_parquet({quoted(str(members))}, file_row_number=true)"
    connection.execute("CREATE TABLE unlike (id BIGINT, place BIGINT)")
    with both_processors(connection):
        for share in shares(count(connection, "winners", "known") // NARROW):
            execute(
                connection,
                f"""
                INSERT INTO unlike
                SELECT id, place
                FROM (SELECT id, hash(address) AS hashed, fingerprint FROM winners WHERE {share})
                FULL JOIN (
                    SELECT file_row_number AS place, hash(address) AS hashed, fingerprint FROM {source} WHERE {share}
                ) USING (hashed, fingerprint)
                WHERE id IS NULL OR place IS NULL
            """,
            )
    for share in shares(count(connection, "winners", "listed")) if missing else ():
        execute(
            connection,
            f"""
            INSERT INTO unlike SELECT id, NULL FROM winners
            ANTI JOIN (SELECT address FROM listed WHERE {share}) AS there USING (address) WHERE {share}
        """,
        )
    fresh = "SELECT id FROM unlike WHERE id IS NOT NULL"
    execute(connection, f"CREATE TABLE upserts AS FROM winners WHERE id IN ({fresh})")
    places = "SELECT place FROM unlike WHERE id IS NULL"
    stale = f"SELECT address, fingerprint FROM {source} WHERE file_row_number IN ({places})"
    execute(connection, f"CREATE TABLE stale AS {stale}")

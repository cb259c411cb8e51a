"""Contacts become the difference that has to be sent: upserts, leavers, rejects, and the counts that must add up.

The winner among rows with one address is the first: segments in the export's order, files in the snapshot's, rows in
the file's. Files are read twice, first into a narrow table that decides, then, those with contacts to send, beside it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.contacts import imports
from shared.contacts.difference import compare, count_missing
from shared.contacts.domains import resolve_international_domains
from shared.contacts.engine import (
    NARROW,
    both_processors,
    execute,
    give_back_room_for_json,
    keep_little,
    second,
    shares,
    stream,
)
from shared.contacts.mapping import Binding, Mapping
from shared.contacts.membership import copy_to_parquet
from shared.contacts.problems import Problem
from shared.contacts.reading import MOST_MALFORMED, LocalFile, Relation, open_relation, quoted, too_many_malformed
from shared.contacts.sources import Bound, sources
from shared.contacts.text import unreadable
from shared.errors import UnreadableSegment

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SHOWN = 320  # characters of a refused cell that go to the report

_TABLES = """
    -- `before`: rows of the same file that are in earlier pieces.
    CREATE TABLE files (number UINTEGER, name VARCHAR, first_id BIGINT, before BIGINT);
    CREATE TABLE malformed (file UINTEGER, row BIGINT);
    -- The i-th malformed row of a file, at number r, had r - i good rows before it; later ones are i numbers on.
    CREATE VIEW gaps AS
    SELECT file, row - i AS good_before, max(i) AS skipped
    FROM (SELECT file, row, row_number() OVER (PARTITION BY file ORDER BY row) AS i FROM malformed) GROUP BY ALL;
    CREATE TABLE rows (
        file UINTEGER, address VARCHAR, fingerprint UBIGINT, customer_id VARCHAR, problem VARCHAR, given VARCHAR
    );
"""


@dataclass(frozen=True, slots=True)
class PlanCounts:
    """What a plan comes to. `rows` is the sum of the next six, `contacts` of `unchanged` and `upserts`.

    The last four are known only when the list itself has been read.
    """

    rows: int = 0
    malformed: int = 0
    filtered: int = 0
    no_email: int = 0
    invalid_email: int = 0
    duplicate: int = 0
    contacts: int = 0
    unchanged: int = 0
    upserts: int = 0
    leavers: int = 0
    kept_by_other_export: int = 0
    members: int = 0  # on the list by this export before the run
    listed: int | None = None  # really on the list
    missing_from_list: int | None = None  # contacts of the membership that were not: part of the upserts
    gone_elsewhere: int | None = None  # members of no segment whom somebody else has taken off the list already
    strangers: int | None = None  # on the list, and put there by none of its exports

    def as_dict(self) -> dict[str, int]:
        """The counts that are known."""
        return {name: count for name, count in asdict(self).items() if count is not None}


@dataclass(slots=True)
class Planner:
    """Reads files, then decides, then hands out what to send. `connection` is an empty database of its own."""

    connection: "DuckDBPyConnection"
    mapping: Mapping
    _bound: list[Bound] = field(default_factory=list)
    _rows: int = 0  # of the narrow table
    _rows_of_file: int = 0  # of the file that was read last, as far as it was, malformed ones included
    _everything: bool = True  # every winner is sent

    def __post_init__(self) -> None:
        self.connection.execute(_TABLES)

    def add(self, file: LocalFile) -> None:
        """Read a file, or its next piece, or some that are joined: one row of the narrow table each.

        UnreadableSegment if it cannot be read to its end.
        """
        import duckdb

        relation = open_relation(self.connection, file, self.mapping.columns)
        if relation is None:
            return
        binding = self.mapping.bind(relation)
        number = self._bound[-1][0].stop if self._bound else 0
        numbers = range(number, number + max(1, len(file.joined)))
        lengths = f"SELECT unnest({list(numbers)}) AS number, unnest({[rows for _, rows in file.joined]}) AS length"
        beside = f"SELECT unnest(repeat([number], length)) AS file FROM ({lengths})" if file.joined else ""
        source = relation.select(binding.read_columns(), beside=beside)
        read = f"""
            INSERT INTO rows
            SELECT {"file" if file.joined else number}, address, {binding.fingerprint_sql}, {binding.customer_id_sql},
                problem, CASE WHEN problem IS NOT NULL THEN left(c{binding.email}, {SHOWN}) END
            FROM (SELECT *, {binding.problem_sql("address")} AS problem
                FROM (SELECT *, {binding.address_sql} AS address FROM ({source})))
        """
        start = self._rows  # the next row's id: no row is deleted, and an INSERT that fails leaves no gap
        before = self._rows_of_file if file.continues else 0
        try:
            written = execute(self.connection, read)
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            raise unreadable(file.name, error) from error
        if file.joined:
            self._check_joined(file, number)
        names, counts = zip(*(file.joined or [(file.name, 0)]), strict=True)
        self.connection.execute(
            f"INSERT INTO files SELECT unnest(?), unnest(?), unnest(?), {before}",
            [list(numbers), names, list(accumulate(counts[:-1], initial=start))],
        )
        self._rows += written
        self._rows_of_file = before + written + self._note_malformed(number, relation)
        self._bound.append((numbers, relation, binding))

    def _check_joined(self, file: LocalFile, number: int) -> None:
        """UnreadableSegment if DuckDB has read more rows or fewer than were counted: nobody knows whose they are."""
        wrong = f"file IS NULL OR (file >= {number} AND problem = '{Problem.MALFORMED}')"
        if self._one(f"SELECT count(*) FROM rows WHERE {wrong}"):
            what = f"{file.name} or one of the {len(file.joined) - 1} files after it has rows that cannot be told apart"
            advice = "Look at their quotation marks and line breaks, and land the segment again."
            raise UnreadableSegment(what, code="unreadable_file", advice=advice)

    def _note_malformed(self, number: int, relation: Relation) -> int:
        """Keep what DuckDB's CSV reader left out of the relation, and count it.

        DuckDB counts records, the header as the first.
        """
        if not self._one("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'reject_errors'"):
            return 0
        if self._one("SELECT count(*) FROM reject_errors WHERE error_type = 'LINE SIZE OVER MAXIMUM'"):
            relation.refuse_swallowed_rows()
        if not self._one("SELECT count(*) FROM reject_errors"):
            return 0
        blank = relation.blank_lines()
        noted = execute(
            self.connection,
            f"""
            INSERT INTO malformed
            SELECT DISTINCT {number}, line - {relation.first_row} + 1 {"- coalesce(before, 0)" if blank else ""}
            FROM reject_errors {_blank_sql(blank) if blank else ""}
        """,
        )
        self.connection.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")
        of_file = f"FROM malformed JOIN files ON file = number WHERE name = {quoted(relation.name)}"
        if self._one(f"SELECT count(*) {of_file}") > MOST_MALFORMED:
            raise too_many_malformed(relation.name, len(relation.columns))
        return noted

    def decide(
        self,
        *,
        members: Path | None,
        others: Sequence[Path],
        everything: bool,
        leave: bool,
        listed: Sequence[Path] | None = None,
    ) -> PlanCounts:
        """Compare with the membership, and with the list itself if that has been read, and count.

        `members` and `others` are Parquet files of this export's membership and of those of other exports of the same
        list; `everything` sends unchanged contacts too; without `leave` nobody is a leaver. `listed` are Parquet files
        of the addresses that are on the list: contacts who are not are sent, and members who are not do not leave.
        """
        # From here on no order counts, and keeping it would cost memory that grows with the segment.
        self.connection.execute("SET preserve_insertion_order = false")
        relations = [relation for _, relation, _ in self._bound]
        if any(relation.length for relation in relations) and not any(relation.json for relation in relations):
            give_back_room_for_json(self.connection, max(relation.length for relation in relations))
        resolve_international_domains(self.connection)
        self._choose_winners()
        self._everything = everything or members is None
        compare(self.connection, members=members, others=others, everything=everything, leave=leave, listed=listed)
        counts = self._count()
        return counts if listed is None else replace(counts, **self._count_list())

    def _choose_winners(self) -> None:
        """Every row but the first of an address is a duplicate.

        Hashes find the few addresses that may be there twice, in a fraction of the memory that all of them would take.
        """
        self.connection.execute("CREATE TABLE twice (hashed UBIGINT)")
        with both_processors(self.connection):
            for share in shares(self._one("SELECT count(*) FROM rows") // NARROW):
                execute(
                    self.connection,
                    f"""
                    INSERT INTO twice SELECT hash(address) AS hashed FROM rows WHERE problem IS NULL AND {share}
                    GROUP BY hashed HAVING count(*) > 1
                """,
                )
        self.connection.execute(f"""
            UPDATE rows SET problem = '{Problem.DUPLICATE}' WHERE rowid IN (
                SELECT id FROM (
                    SELECT rowid AS id, row_number() OVER (PARTITION BY address ORDER BY rowid) AS place
                    FROM rows WHERE problem IS NULL AND hash(address) IN (SELECT hashed FROM twice)
                ) WHERE place > 1
            );
            CREATE VIEW winners AS SELECT rowid AS id, * EXCLUDE (problem, given) FROM rows WHERE problem IS NULL;
        """)

    def _count(self) -> PlanCounts:
        by_problem = dict(self.connection.execute("SELECT problem, count(*) FROM rows GROUP BY problem").fetchall())
        contacts = by_problem.get(None, 0)
        upserts = contacts if self._everything else self._one("SELECT count(*) FROM upserts")
        malformed = self._one("SELECT count(*) FROM malformed")
        bad_address = (
            Problem.INVALID_EMAIL,
            Problem.MULTIPLE_ADDRESSES,
            Problem.NON_ASCII_LOCAL_PART,
            Problem.ADDRESS_TOO_LONG,
        )
        return PlanCounts(
            rows=sum(by_problem.values()) + malformed,
            malformed=malformed + by_problem.get(Problem.MALFORMED, 0),
            filtered=by_problem.get(Problem.FILTERED, 0),
            no_email=by_problem.get(Problem.NO_EMAIL, 0),
            invalid_email=sum(by_problem.get(problem, 0) for problem in bad_address),
            duplicate=by_problem.get(Problem.DUPLICATE, 0),
            contacts=contacts,
            unchanged=contacts - upserts,
            upserts=upserts,
            leavers=self._one("SELECT count(*) FROM leavers"),
            kept_by_other_export=self._one("SELECT count(*) FROM leavers WHERE kept"),
            members=self._one("SELECT count(*) FROM known"),
        )

    def _count_list(self) -> dict[str, int]:
        return {
            "listed": self._one("SELECT count(*) FROM listed"),
            "missing_from_list": count_missing(self.connection),
            "gone_elsewhere": self._one("SELECT count(*) FROM gone"),
            "strangers": self._one("SELECT count(*) FROM strangers"),
        }

    def contacts(self) -> Iterator[list[tuple[bytes, str | None]]]:
        """Every contact to send, as a JSON object, with its warnings, some thousands at a time in the files' order."""
        return self._to_send(lambda binding: f"encode({binding.contact_sql('address')}), {binding.warnings_sql()}")

    def contacts_for_import(self) -> Iterator[list[tuple[bytes, str | None, bool]]]:
        """The same with a third value: true of a contact that is given as a row of CSV, because CSV can carry it."""
        return self._to_send(
            lambda binding: (
                f"""encode(coalesce(csv, {binding.contact_sql("address")})), {binding.warnings_sql()},
                csv IS NOT NULL"""
            ),
            also=lambda binding: f"{imports.row_sql(binding)} AS csv",
        )

    def count_misfits(self) -> dict[str | None, int]:
        """How many contacts to send CSV can carry, under None, and how many not, by reason."""
        counts: Counter[str | None] = Counter()
        for found in self._to_send(
            lambda _: "misfit, count(*)", also=lambda binding: f"{imports.misfit_sql(binding)} AS misfit", group=True
        ):
            counts.update(dict(found))
        return dict(counts)

    def _to_send(
        self,
        columns: Callable[[Binding], str],
        *,
        also: Callable[[Binding], str] = lambda _: "0",
        group: bool = False,
    ) -> Iterator[list[Any]]:
        """Of each file these columns of its contacts to send, some thousands of rows at a time.

        `also`: what they take besides the address and the cleaned cells.
        """
        if self._everything:
            keep_little(self.connection)
        for relation, binding, beside in sources(self.connection, self._bound, everything=self._everything):
            read = (relation.steady and binding.sent_columns()) or binding.read_columns()
            yield from stream(
                self.connection,
                f"""
                SELECT {columns(binding)}
                FROM (SELECT *, {also(binding)} FROM (SELECT * {binding.values_sql()}
                    FROM (SELECT address {binding.cleaned_sql()}
                    FROM (SELECT *, {binding.odd_sql()} AS odd
                    FROM ({relation.select(read, beside=beside)})
                    WHERE wanted AND {binding.same_row_sql("fingerprint", read, steady=relation.steady)}))))
                {"GROUP BY ALL" if group else ""}
            """,
            )

    def leavers(self, portion: int) -> Iterator[list[str]]:
        """Addresses to take off the list, so many at a time."""
        cursor = second(self.connection)
        cursor.execute("SELECT address FROM leavers WHERE NOT kept ORDER BY address")
        while rows := cursor.fetchmany(portion):
            yield [address for (address,) in rows]
        cursor.close()

    def write_rows(self, path: Path) -> None:
        """Where each upsert comes from: address, fingerprint, file, row, customer_id."""
        copy_to_parquet(
            self.connection,
            f"""SELECT address, fingerprint, name AS file, {self._row_sql()} AS row, customer_id
                FROM upserts {self._files_sql("upserts")}""",
            path,
        )

    def write_leavers(self, path: Path) -> None:
        """Who is a member no longer: address, and `kept` if this run has not to take it off the list."""
        copy_to_parquet(
            self.connection, "SELECT address, kept FROM leavers UNION ALL SELECT address, true FROM gone", path
        )

    def write_strangers(self, path: Path) -> None:
        """Who is on the list by nobody's doing that is known here: address. Empty if the list has not been read."""
        copy_to_parquet(self.connection, "SELECT address FROM strangers", path)

    def write_rejects(self, path: Path) -> None:
        """Every row that did not become a contact: file, row, customer_id, email, code."""
        copy_to_parquet(
            self.connection,
            f"""SELECT name AS file, {self._row_sql()} AS row, customer_id, given AS email, code
                FROM (SELECT rowid AS id, file, customer_id, problem AS code,
                        CASE problem WHEN '{Problem.DUPLICATE}' THEN address ELSE given END AS given
                    FROM rows WHERE problem IS NOT NULL) AS rejects
                {self._files_sql("rejects")}
                UNION ALL
                SELECT name, before + row, NULL, NULL, '{Problem.MALFORMED}'
                FROM malformed JOIN files ON file = number""",
            path,
        )

    def _files_sql(self, rows: str) -> str:
        gaps = f"ASOF LEFT JOIN gaps ON gaps.file = {rows}.file AND id - first_id >= gaps.good_before"
        return f"JOIN files ON files.number = {rows}.file {gaps if self._has_gaps() else ''}"

    def _row_sql(self) -> str:
        """The number that a person would count in the file, malformed rows included."""
        return f"id - first_id + before + 1 {'+ coalesce(gaps.skipped, 0)' if self._has_gaps() else ''}"

    def _has_gaps(self) -> bool:
        return bool(self._one("SELECT count(*) FROM gaps"))

    def _one(self, sql: str) -> int:
        return int(self.connection.execute(sql).fetchall()[0][0] or 0)


def _blank_sql(numbers: Path) -> str:
    """How many of the numbers in a file come before `line`: a join that adds the column `before`."""
    source = f"read_csv({quoted(str(numbers))}, auto_detect=false, header=false, columns={{'blank': 'BIGINT'}})"
    counted = f"SELECT blank, row_number() OVER (ORDER BY blank) AS before FROM {source}"
    return f"ASOF LEFT JOIN ({counted}) ON line > blank"

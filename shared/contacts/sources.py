"""Where the contacts to send are read from: whole files, or copies of the few rows of some that have to be sent."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from shared.contacts.mapping import Binding
from shared.contacts.reading import Relation

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FEW = 4  # rows are copied rather than all read anew if no more than every fourth of a file has to be sent
MOST_COPIED = 50_000  # rows of a copy: their places are held

_KNOWN = "SELECT address, fingerprint"

Bound = tuple[range, Relation, Binding]  # numbers of files that are read as one, and how


def sources(
    connection: "DuckDBPyConnection", files: Sequence[Bound], *, everything: bool
) -> Iterator[tuple[Relation, Binding, str]]:
    """What to read for the contacts to send, and SQL of what is known of each row: address, fingerprint, `wanted`.

    Of the tables `rows` and `upserts`, in their order. `everything`: every row without a problem is sent.
    """
    if everything:
        for numbers, relation, binding in files:
            yield relation, binding, f"{_KNOWN}, problem IS NULL AS wanted FROM rows WHERE {_among(numbers)}"
        return
    rows, sent = (
        dict(connection.execute(f"SELECT file, count(*) FROM {table} GROUP BY file").fetchall())
        for table in ("rows", "upserts")
    )
    few: list[Bound] = []  # in a row
    copied = 0
    for bound in files:
        numbers, relation, binding = bound
        wanted = sum(sent.get(number, 0) for number in numbers)
        is_few = relation.lines and wanted * FEW <= sum(rows.get(number, 0) for number in numbers)
        if few and (not is_few or copied + wanted > MOST_COPIED or not _alike(few[0], bound)):
            yield _copy(connection, few)
            few, copied = [], 0
        if is_few and wanted:
            few.append(bound)
            copied += wanted
        elif wanted:
            mine = f"rowid IN (SELECT id FROM upserts) AS wanted FROM rows WHERE {_among(numbers)}"
            yield relation, binding, f"{_KNOWN}, {mine}"
    if few:
        yield _copy(connection, few)


def _copy(connection: "DuckDBPyConnection", few: Sequence[Bound]) -> tuple[Relation, Binding, str]:
    """The rows of these files that are sent: one query for all of them takes the time of one to plan."""
    (first, relation, binding), *_ = few
    path = relation.path.with_name(f"{relation.path.name}-sent")
    doubts = binding.doubts
    with path.open("wb") as target:
        for numbers, each, its_binding in few:
            start = connection.execute(f"SELECT min(rowid) FROM rows WHERE {_among(numbers)}").fetchall()[0][0]
            ids = connection.execute(f"SELECT id FROM upserts WHERE {_among(numbers)} ORDER BY id").fetchall()
            each.copy_rows((id_ - start for (id_,) in ids), target)
            doubts |= its_binding.doubts
    everybody = _among(range(first.start, numbers.stop))
    known = f"{_KNOWN}, true AS wanted FROM upserts WHERE {everybody} ORDER BY id"
    return relation.copied_to(path), replace(binding, doubts=doubts), known


def _among(numbers: range) -> str:
    return f"file BETWEEN {numbers.start} AND {numbers.stop - 1}"


def _alike(bound: Bound, other: Bound) -> bool:
    """Whether rows of the two files can stand in one."""
    (_, relation, binding), (_, its_relation, its_binding) = bound, other
    same_binding = replace(binding, doubts=its_binding.doubts) == its_binding
    return same_binding and (relation.columns, relation.format) == (its_relation.columns, its_relation.format)

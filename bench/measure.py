"""The measurements: each fills the book. The floor runs right before what is held against it."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

from bench import cold, programs
from bench.book import Book
from bench.generator import MAPPING, Segment
from bench.samples import MIB
from bench.world import Instance, RunFigures, World

SEGMENT = "Bench"
MEGABYTE = 1_000_000
GOOD = {"successful", "completed_with_warnings"}

FULL_COLUMNS = {name: MAPPING[name] for name in ("email", "first_name", "last_name", "country", "city", "postal_code")}
ROWS_OF_A_PART = 10_000  # 1.6 MB of CSV
FORMATS = ("csv", "ndjson", "parquet", "parts")

Say = Callable[[str], None]

_numbers = count(1)


class Wrong(RuntimeError):
    """A run did not do what it should have done: then its time means nothing."""


def exports(world: World, book: Book, rows: int, repeats: int, say: Say, *, profile: Path | None = None) -> None:
    """Floor, first full export, refresh without a change, refresh with one per cent of everything."""
    before, after = Segment(rows), Segment(rows, generation=2)
    for segment in (before, after):
        segment.make()
    for _ in range(repeats):
        floor = programs.run_floor(world, before)
        _note_program(book, "floor", rows, floor)
        with world.instance(profile=profile) as instance, _Exported(world) as export_id:
            world.put_export(export_id, SEGMENT)
            full = _full(world, book, instance, before, "export")
            unchanged = instance.run(world.land(SEGMENT, before.path))
            _expect(unchanged, before, unchanged=before.contacts, upserts=0, leavers=0)
            _note(book, "unchanged", rows, unchanged)
            changed = instance.run(world.land(SEGMENT, after.path))
            _expect(changed, after, upserts=2 * after.changed, leavers=after.changed, removed=after.changed)
            _note(book, "changed", rows, changed)
            book.add("changed.others", rows, changed.record["counts"]["removed"] - after.changed)
        say(
            f"{rows:,} rows: floor {floor.seconds:.2f} s; export {full.last:.2f} s to the last 202, {full.end:.2f} s "
            f"in all, {full.peak / MIB:.0f} MiB; unchanged {unchanged.end:.2f} s; changed {changed.end:.2f} s"
        )


def formats(world: World, book: Book, rows: int, repeats: int, say: Say, *, names: tuple[str, ...] = FORMATS) -> None:
    """The same rows as one CSV file, as NDJSON, as Parquet, and as many CSV files, in turns."""
    csv = Segment(rows)
    kinds = {
        "csv": csv,
        "ndjson": replace(csv, format="ndjson"),
        "parquet": replace(csv, format="parquet"),
        "parts": replace(csv, parts=rows // ROWS_OF_A_PART),
    }
    for _ in range(repeats):
        for name in names:
            try:
                took = first_export(world, book, kinds[name], name)
            except Wrong as error:
                book.failures.append(f"{rows:,} rows as {name}: {error}")
                say(book.failures[-1])
                continue
            say(f"{rows:,} rows as {name}: {took.last:.2f} s, {took.peak / MIB:.0f} MiB")


def first_export(world: World, book: Book, segment: Segment, name: str, **document: object) -> RunFigures:
    """A first full export in a fresh function process, noted as `name`."""
    with world.instance() as instance, _Exported(world) as export_id:
        world.put_export(export_id, SEGMENT, **document)
        return _full(world, book, instance, segment, name)


def paced(world: World, book: Book, rows: int, say: Say, *, limit: int, window: int) -> None:
    """A first full export to a SendGrid that takes `limit` requests in `window` seconds on each route.

    What the limiter alone would take: from the landing to the beginning of the window that the last request falls in.
    """
    segment = Segment(rows)
    segment.make()
    with world.instance() as instance, _Exported(world) as export_id:
        world.put_export(export_id, SEGMENT)
        world.stub("reset", limit=limit, window=window)
        took = instance.run(world.land(SEGMENT, segment.path))
    _expect(took, segment, upserts=segment.contacts)
    requests = took.stats["upserts"]
    windows = -(-requests // limit) - 1
    if not windows or took.stats["throttled"]:
        raise Wrong(f"{requests} requests in {windows + 1} windows, {took.stats['throttled']} of them answered 429")
    pace = windows * window
    book.add("paced.last s", rows, took.last)
    book.add("pace s", rows, pace)
    say(f"{rows:,} rows, {limit} requests in {window} s: {took.last:.1f} s, the limiter alone {pace:.1f} s")


def deliveries(world: World, book: Book, rows: int, repeats: int, say: Say) -> None:
    """Upserts against imports: of all the segment's columns, and of those that are never empty."""
    for _ in range(repeats):
        for what, mapping in (("", MAPPING), (" of full columns", FULL_COLUMNS)):
            for way in ("upsert", "import"):
                name = f"{way}{what}"
                took = first_export(world, book, Segment(rows), name, delivery=way, mapping=mapping)
                batches = took.record["batches"]
                imported = sum(batch["contacts"] for batch in batches if batch["kind"] == "import")
                say(
                    f"{rows:,} rows by {name}: {imported:,} contacts imported; {took.stats['upserts']} upserts, "
                    f"{took.stats['imports']} imports, {sum(took.stats['requests'].values())} requests in all; "
                    f"{took.stats['bytes'] / MEGABYTE:.1f} MB; {took.last:.2f} s to the last, end {took.end:.2f} s, "
                    f"{took.peak / MIB:.0f} MiB"
                )


def peers(world: World, book: Book, rows: int, repeats: int, say: Say) -> None:
    """What people use today, where its packages are there."""
    if not programs.have_peers():
        say("no peers: their environment is not there (make bench makes it)")
        return
    for _ in range(repeats):
        for name in programs.PEERS:
            took = programs.run_peer(world, Segment(rows), name)
            _note_program(book, name, rows, took)
            say(f"{rows:,} rows by {name}: {took.seconds:.2f} s, {took.peak:.0f} MiB, {took.delivered:.0%} delivered")


def cold_imports(book: Book, repeats: int, say: Say) -> None:
    cold.compile_files()
    for _ in range(repeats):
        took = cold.cold_import()
        book.add("import s", 0, took.seconds)
        book.add("import MiB", 0, took.mebibytes)
    say(f"cold import of function_app: {book.median('import s', 0):.2f} s, {book.median('import MiB', 0):.0f} MiB")


class _Exported:
    """An export's id for as long as the context lasts; it and its segment are gone afterwards."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._export_id = f"bench-{next(_numbers)}"

    def __enter__(self) -> str:
        return self._export_id

    def __exit__(self, *_: object) -> None:
        self._world.forget(self._export_id, SEGMENT)


def _full(world: World, book: Book, instance: Instance, segment: Segment, name: str) -> RunFigures:
    world.stub("reset")
    took = instance.run(world.land(SEGMENT, segment.make()))
    _expect(took, segment, upserts=segment.contacts)
    if took.stats["on_list"] != segment.contacts:
        raise Wrong(f"{took.stats['on_list']} people on the list, not {segment.contacts}")
    _note(book, name, segment.rows, took)
    book.series[f"{name}-{segment.rows}"] = took.series
    return took


def _expect(took: RunFigures, segment: Segment, **counts: int) -> None:
    """Wrong unless the run has ended well with these counts."""
    record = took.record
    if record["state"] not in GOOD:
        raise Wrong(f"the run ended {record['state']}: {record['reason']}")
    if took.stats["refused"]:
        raise Wrong(f"{took.stats['refused']} requests were refused")
    expected = {"contacts": segment.contacts, "duplicate": segment.repeated, **counts}
    found = {name: record["counts"].get(name) for name in expected}
    if found != expected:
        raise Wrong(f"the run's counts are {found}, not {expected}")


def _note(book: Book, name: str, rows: int, took: RunFigures) -> None:
    book.add(f"{name}.first s", rows, took.first)
    book.add(f"{name}.last s", rows, took.last)
    book.add(f"{name}.end s", rows, took.end)
    book.add(f"{name}.peak MiB", rows, took.peak / MIB)
    book.add(f"{name}.disk MB", rows, took.disk / MEGABYTE)
    book.add(f"{name}.processor s", rows, took.processor)
    book.add(f"{name}.stub processor s", rows, took.stub_processor)
    book.add(f"{name}.storage processor s", rows, took.storage_processor)
    book.add(f"{name}.upserts", rows, took.stats["upserts"])
    book.add(f"{name}.imports", rows, took.stats["imports"])
    book.add(f"{name}.sent MB", rows, took.stats["bytes"] / MEGABYTE)
    book.add(f"{name}.requests", rows, sum(took.stats["requests"].values()))
    book.add(f"{name}.slices", rows, took.slices)
    for kind in ("write", "list", "read", "queue"):
        book.add(f"{name}.storage {kind}", rows, took.storage.get(kind, 0))


def _note_program(book: Book, name: str, rows: int, took: programs.ProgramFigures) -> None:
    book.add(f"{name} s", rows, took.seconds)
    book.add(f"{name}.own s", rows, took.own)
    book.add(f"{name}.processor s", rows, took.processor)
    book.add(f"{name}.peak MiB", rows, took.peak)
    book.add(f"{name}.delivered", rows, took.delivered)
    book.add(f"{name}.requests", rows, took.requests)

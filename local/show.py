"""Runs on a terminal: progress while one goes, and what it came to."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

Document = dict[str, Any]

# The accounting of every run (docs/architecture.md): each sum, then its parts.
_ACCOUNTING = (
    ("rows", ("malformed", "filtered", "no_email", "invalid_email", "duplicate", "contacts")),
    ("contacts", ("unchanged", "upserts")),
    ("upserts", ("accepted", "rejected_by_sendgrid", "unconfirmed")),
    ("leavers", ("removed", "not_found", "kept_by_other_export", "failed_removals")),
)


class Watch(Protocol):
    def __call__(self, run: Document, /) -> None: ...


@contextmanager
def progress(console: Console) -> Iterator[Watch]:
    """Gives what to call with the run's record at every look: a bar on a terminal, a line a phase elsewhere."""
    if not console.is_terminal:
        yield _lines(console)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("waiting for the trigger", total=None)

        def draw(run: Document) -> None:
            state = run["progress"]
            bar.update(task, description=_doing(run), completed=state["done"], total=state["total"] or None)

        yield draw


def accounting(run: Document) -> Table:
    """What became of every row and every leaver."""
    title = f"run {run['run_id']}: {run['state'].replace('_', ' ')}"
    table = Table(title=title, title_justify="left", box=None, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for whole, parts in _ACCOUNTING:
        table.add_row(f"[bold]{whole}[/]", f"[bold]{run['counts'].get(whole, 0):,}[/]")
        for part in parts:
            table.add_row(f"  {part.replace('_', ' ')}", f"{run['counts'].get(part, 0):,}")
    return table


def rejects(report: str) -> Table:
    """The rows of a report.csv, by stage and reason."""
    table = Table(title="rejects by reason", title_justify="left", box=None, show_header=False)
    reasons = Counter((row["stage"], row["code"]) for row in csv.DictReader(io.StringIO(report)))
    for (stage, code), count in reasons.most_common():
        table.add_row(f"  {stage}: {code.replace('_', ' ')}", f"{count:,}")
    return table


def _lines(console: Console) -> Watch:
    seen: list[str] = []

    def write(run: Document) -> None:
        if (doing := _doing(run)) not in seen:
            seen.append(doing)
            console.print(f"  {doing}")

    return write


def _doing(run: Document) -> str:
    return f"{run['state']}, {run['phase']}".replace("_", " ")

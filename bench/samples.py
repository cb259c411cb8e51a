"""What processes use, as the kernel tells it: memory, processor time, space in a folder. Linux only."""

import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

MIB = 1024 * 1024
_TICK = os.sysconf("SC_CLK_TCK")
_USER, _SYSTEM = 13, 14  # fields of /proc/<pid>/stat, counted from 0
_FORGET_PEAK = "5"  # proc(5), clear_refs


def forget_peak(pid: int) -> None:
    """From now on the process's peak is counted anew, from what it holds at this moment."""
    Path(f"/proc/{pid}/clear_refs").write_text(_FORGET_PEAK)


def memory(pid: int) -> tuple[int, int]:
    """Bytes in memory now and at most so far; zeros when the process has gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0, 0
    found = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return _kibibytes(found.get("VmRSS", "0")), _kibibytes(found.get("VmHWM", "0"))


def processor_seconds(pid: int) -> float:
    """Seconds of processor time so far, of all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[_USER - 2]) + int(fields[_SYSTEM - 2])) / _TICK


def folder_size(folder: Path) -> int:
    """Bytes of the files in the folder and below, as far as they take space."""
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.stat(os.path.join(place, name)).st_blocks * 512  # noqa: PTH116, PTH118 - ten times a second
            except OSError:
                continue
    return total


@dataclass(slots=True)
class Sampler:
    """Looks at a process and its temporary folder from time to time, until the context ends.

    `series`: (seconds since the start, bytes in memory, bytes in the folder).
    """

    pid: int
    folder: Path | None = None
    interval: float = 0.05
    peak: int = 0
    series: list[tuple[float, int, int]] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread:
            self._thread.join()

    @property
    def most_on_disk(self) -> int:
        return max((disk for _, _, disk in self.series), default=0)

    def _look(self) -> None:
        began = time.monotonic()
        while True:
            now, peak = memory(self.pid)
            if now:
                self.peak = max(self.peak, peak)
                disk = folder_size(self.folder) if self.folder else 0
                self.series.append((time.monotonic() - began, now, disk))
            if self._over.wait(self.interval):
                return


def _kibibytes(text: str) -> int:
    return int(text.split(maxsplit=1)[0]) * 1024

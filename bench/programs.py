"""The floor and the peers: each a program of its own, from its start to its end."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench.generator import DATA, Segment
from bench.samples import MIB, Sampler
from bench.world import ROOT, World

PEERS = {"client": "bench.peers.client_loop", "pandas": "bench.peers.pandas_requests"}
PEER_BATCH = 10_000  # contacts a request; with 30,000 they would be over SendGrid's 6 MB
PEER_PYTHON = DATA.parent / "peers" / "bin" / "python"


@dataclass(frozen=True, slots=True)
class ProgramFigures:
    """`seconds` from start to end, `own` as the program tells itself (without its imports); `peak` in MiB."""

    seconds: float
    own: float
    processor: float
    peak: float
    delivered: float  # of those who can be delivered, 0 to 1
    requests: int


def run_floor(world: World, segment: Segment) -> ProgramFigures:
    """RuntimeError unless it delivers everybody: it is a floor only then."""
    figures = _run(world, segment, [sys.executable, "-m", "bench.floor", str(segment.make()), world.stub_url])
    if figures.delivered < 1:
        raise RuntimeError(f"the floor delivered only {figures.delivered:.1%}")
    return figures


def run_peer(world: World, segment: Segment, name: str) -> ProgramFigures:
    command = [str(PEER_PYTHON), "-m", PEERS[name], str(segment.make()), world.stub_url, str(PEER_BATCH)]
    return _run(world, segment, command)


def _run(world: World, segment: Segment, command: list[str]) -> ProgramFigures:
    world.stub("reset")
    log = world.folder / "program.log"
    with log.open("wb") as output:
        began = time.monotonic()
        program = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        with Sampler(program.pid, interval=0.01) as sampler:
            _, status, used = os.wait4(program.pid, 0)
            seconds = time.monotonic() - began
        program.returncode = os.waitstatus_to_exitcode(status)
    text = log.read_text(errors="replace")
    if program.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {program.returncode}:\n{text[-2000:]}")
    stats = world.stub("stats")
    return ProgramFigures(
        seconds=seconds,
        own=_told(text, seconds),
        processor=used.ru_utime + used.ru_stime,
        peak=sampler.peak / MIB,
        delivered=stats["on_list"] / segment.contacts,
        requests=sum(stats["requests"].values()),
    )


def _told(text: str, otherwise: float) -> float:
    try:
        return float(json.loads(text)["seconds"])
    except (ValueError, TypeError, KeyError):
        return otherwise


def have_peers() -> bool:
    return Path(PEER_PYTHON).exists()

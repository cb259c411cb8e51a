"""Child processes that never outlive the one that started them."""

import ctypes
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # prctl(2)


def start(
    command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start `command` with its output appended to `log`, in a session of its own so that Ctrl-C reaches only us.

    On Linux the kernel ends the child when the thread that called this ends; elsewhere a crash may leave it behind.
    """
    with log.open("ab") as out:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one prctl call
        )


def stop(process: subprocess.Popen[bytes], *, patience: float = 10) -> None:
    """End the process by its id: politely, then after `patience` seconds for good. One that has ended is fine."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def peak_memory(pid: int) -> int:
    """The most memory, in bytes, that a process has held so far. Linux only."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024


def free_ports(count: int) -> list[int]:
    """Ports on the loopback address that nobody listens on now. Somebody may take one before it is used."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], *, what: str, log: Path, seconds: float = 60
) -> None:
    """Return when `ready` says so; RuntimeError with the end of the log if the process ends or time runs out first."""
    deadline = time.monotonic() + seconds
    while True:
        if process.poll() is not None:  # asked first: on its port somebody else may be listening
            raise RuntimeError(f"{what} ended with code {process.returncode}:\n{_end_of(log)}")
        if ready():
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} was not ready after {seconds:g} s:\n{_end_of(log)}")
        time.sleep(0.02)


def _end_of(log: Path, characters: int = 4000) -> str:
    return log.read_text(errors="replace")[-characters:] if log.exists() else ""


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def end_on_sigterm() -> None:
    """Let SIGTERM unwind the program as Ctrl-C does, so that every context is left in order. Main thread only."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))

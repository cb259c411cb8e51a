"""SIGTERM: the platform takes this instance away. Slices at work end at their next step, and their leases are let go.

The Functions worker itself dies of the signal at once, which would leave the lease to run out for a minute.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from shared import telemetry

PATIENCE_SECONDS = 20  # for slices that are in the middle of a step; the platform kills after 30 at the least
FLUSH_SECONDS = 3  # for telemetry on its way

_asked = threading.Event()
_idle = threading.Condition()
_at_work = 0


def asked() -> bool:
    """Whether this instance is about to go."""
    return _asked.is_set()


@contextmanager
def at_work() -> Iterator[None]:
    """Around a slice: the process waits for it, for a while, before it gives in to the signal."""
    global _at_work  # noqa: PLW0603 -- slices of one process
    with _idle:
        _at_work += 1
    try:
        yield
    finally:
        with _idle:
            _at_work -= 1
            _idle.notify_all()


def listen() -> None:
    """From now on SIGTERM ends slices before it ends the process. Only the main thread can arrange that."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _on_signal)


def _on_signal(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 -- a signal handler's signature
    if not _asked.is_set():
        _asked.set()
        threading.Thread(target=_go_when_idle, name="stopping", daemon=True).start()
    elif signal.getsignal(signal.SIGTERM) is _on_signal:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)


def _go_when_idle() -> None:
    """Send the signal once more when no slice is at work. A host that has its own handler by now ends by itself."""
    with _idle:
        _idle.wait_for(lambda: not _at_work, timeout=PATIENCE_SECONDS)
    telemetry.flush(FLUSH_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)

"""SIGTERM in a process of its own: a slice at work ends first, then the process does, by the signal."""

import signal
import subprocess
import sys
import threading

from shared.runs import stopping

_PROCESS = """
import os, signal, sys, time
from shared.runs import stopping
stopping.listen()
with stopping.at_work():
    os.kill(os.getpid(), signal.SIGTERM)
    print("asked", stopping.asked(), flush=True)
print("ended", flush=True)
time.sleep({after})
print("still here", flush=True)
"""


def run(after: float) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _PROCESS.format(after=after)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_slice_at_work_ends_before_the_process_does() -> None:
    done = run(after=50)
    assert done.returncode == -signal.SIGTERM
    assert done.stdout.splitlines() == ["asked True", "ended"]


def test_only_the_main_thread_can_listen_and_others_are_no_fault() -> None:
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=stopping.listen)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) == before
    assert not stopping.asked()

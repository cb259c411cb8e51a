"""The whole stack: it does the main job, says so when the job is done wrong, and leaves nothing behind."""

import datetime as dt
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from rich.console import Console

from local.demo import Demo
from local.generator import Segment
from local.stack import Stack

ROOT = Path(__file__).parents[3]


def test_the_demo_ends_well_and_says_what_it_did(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local.demo", "--people", "400", "--seed", "5"]
    env = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)}
    demo = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=240, check=False)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "The list is the segment." in demo.stdout
    assert re.search(r"removed +[1-9]", demo.stdout)
    assert re.search(r"duplicate +[1-9]", demo.stdout)
    assert list(tmp_path.iterdir()) == []


def test_the_demo_notices_a_list_that_is_not_the_segment() -> None:
    segment = Segment(people=200)
    victim = next(segment.addresses())
    with Stack() as stack, Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        demo = Demo(stack, segment, Console(file=nowhere))
        stack.sendgrid.fail_rows([victim])
        demo.first_landing(dt.datetime.now(dt.UTC))
    assert any("the list lacks 1 contacts and has 0" in line for line in demo.wrong)


def test_a_stack_that_is_terminated_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "local.run", "--people", "50"]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        for line in running.stdout:
            if "The local stack is up" in line:
                break
        children = _children(running.pid)
        assert len(children) == 3  # storage, SendGrid, host
        running.send_signal(signal.SIGTERM)
        running.stdout.read()
        assert running.wait(60) == 128 + signal.SIGTERM
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    assert list(tmp_path.iterdir()) == []


def test_a_host_that_cannot_start_says_why() -> None:
    with pytest.raises(RuntimeError, match="is no NCRONTAB expression"), Stack(settings={"REFRESH_SCHEDULE": "now"}):
        pass


def test_a_killed_host_comes_back_at_the_same_address() -> None:
    with Stack() as stack:
        pid = stack.host_pid
        assert stack.host_peak_memory() > 20 * 1024 * 1024
        stack.kill_host()
        assert stack.host_pid == 0
        with pytest.raises(requests.ConnectionError):
            stack.http("GET", "/api/health")
        stack.start_host()
        assert stack.host_pid not in {0, pid}
        assert stack.http("GET", "/api/health").status_code == 200
        assert stack.http("GET", "/api/runs/none", headers={"x-functions-key": "wrong"}).status_code == 401


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()

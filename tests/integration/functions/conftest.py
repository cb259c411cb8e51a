"""The app inside the runtime library, with storage, vault, identity and SendGrid to work with, and no host."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from local import process
from local.stack import Stack
from tests.integration.functions.runtime import ROOT

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an HTTP function gave back; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: str

    def json(self) -> Document:
        found: Document = json.loads(self.body)
        return found


class Runtime:
    """Calls functions in the child process, one at a time. `settings` are beside those of the stack."""

    def __init__(self, stack: Stack, **settings: str) -> None:
        self._log = stack.folder / f"runtime-{'-'.join(settings)}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.functions.runtime", str(stack.vault.certificate)],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], **stack.settings, **stack.identity.environment, **settings},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def functions(self) -> dict[str, Document]:
        return self._call("functions")

    def http(
        self,
        function: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """`params` are those of the route, which the host takes out of the path; names of `headers` in lower case."""
        query = dict(parse_qsl(urlsplit(path).query))
        answer = self._call(
            "http",
            function=function,
            method=method,
            url=f"https://app.example{path}",
            headers={"host": "app.example", "content-type": "application/json", **(headers or {})},
            query=query,
            params=dict(params or {}),
            body=base64.b64encode(body).decode(),
        )
        assert answer["ok"], self.log()
        return Answer(answer["status"], answer["headers"], answer["body"])

    def blob(self, function: str, container: str, name: str) -> bool:
        """Whether the function returned; False if it raised. The same for the two below."""
        return bool(self._call("blob", function=function, container=container, name=name)["ok"])

    def timer(self, function: str) -> bool:
        return bool(self._call("timer", function=function)["ok"])

    def queue(self, function: str, text: str) -> bool:
        return bool(self._call("queue", function=function, text=text)["ok"])

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        process.stop(self._process)
        self._process.stdout.close()

    def _call(self, call: str, **arguments: Any) -> Document:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"call": call, **arguments}).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, self.log()
        answer: Document = json.loads(line)
        return answer


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    with Stack(start_host=False, settings={"LANDING_SETTLE_SECONDS": "0"}) as stack:
        stack.sendgrid.configure(job_seconds=0)
        stack.put_connection("marketing")
        yield stack


@pytest.fixture(scope="package")
def runtime(stack: Stack) -> Iterator[Runtime]:
    runtime = Runtime(stack)
    yield runtime
    runtime.close()

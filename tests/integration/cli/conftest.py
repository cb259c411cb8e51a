"""The command line over the whole local stack, in both of its ways: over HTTP, and on storage itself."""

import io
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import shared.app
from local.stack import Stack
from shared.cli.__main__ import main

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, and what it said."""

    code: int
    stdout: str
    stderr: str

    def json(self) -> Document:
        found: Document = json.loads(self.stdout)
        return found

    def problem(self) -> Document:
        found: Document = json.loads(self.stderr)
        return found


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Cli:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment

    def __call__(self, *arguments: str, answer: str | None = None, watched: bool = False) -> Done:
        """`answer`: what somebody at a terminal types; without one nobody is there. `watched`: stderr is a terminal."""
        stdin = Terminal(answer) if answer is not None else io.StringIO()
        stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        stderr = Terminal() if watched else io.StringIO()
        try:
            code = main(arguments, self.environment, (stdin, stdout, stderr))
        except SystemExit as error:
            code = int(error.code or 0)
        stdout.seek(0)
        return Done(code, stdout.read(), stderr.getvalue())


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    with Stack(settings={"LANDING_SETTLE_SECONDS": "0"}) as stack:
        stack.sendgrid.configure(job_seconds=0)
        stack.put_connection("marketing")
        yield stack


@pytest.fixture
def by_url(stack: Stack) -> Cli:
    """Over HTTP."""
    return Cli({"EXPORTS_URL": stack.url, "EXPORTS_KEY": stack.function_key})


@pytest.fixture
def on_storage(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setattr(shared.app, "_app", None)  # restored after the test
    return Cli(stack.settings)


@pytest.fixture(params=["by_url", "on_storage"])
def cli(request: pytest.FixtureRequest) -> Cli:
    """In both ways, one after the other."""
    found: Cli = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def fresh() -> str:
    """A word that no other test uses."""
    return f"t{uuid.uuid4().hex[:8]}"


class Folder:
    """A folder of documents."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def put(self, name: str, document: Document | bytes) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())

    def connection(self, connection_id: str, **more: Any) -> None:
        document = {"display_name": "Account", "api_key_secret": f"sendgrid-{connection_id}", **more}
        self.put(f"connections/{connection_id}.json", document)

    def export(self, export_id: str, connection: str = "marketing", **more: Any) -> None:
        document = {
            "display_name": "Newsletter",
            "connection": connection,
            "list_id": str(uuid.UUID(int=1)),
            "segments": ["Nobody"],
            "mapping": {"email": "EMail"},
            "schedule": "off",
            **more,
        }
        self.put(f"exports/{export_id}.json", document)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "documents")

"""What people and programs get to see: results on stdout, problems and progress on stderr."""

import json
from collections.abc import Mapping
from typing import Any, TextIO

_CLEAR = "\r\x1b[K"


class Output:
    """With `as_json` stdout gets one document from `document`, and `line` says nothing."""

    def __init__(self, answers: TextIO, stdout: TextIO, stderr: TextIO, *, as_json: bool) -> None:
        self._answers = answers
        self._stdout = stdout
        self._stderr = stderr
        self._as_json = as_json
        self._in_progress = False

    def line(self, text: str = "") -> None:
        """A line for people; what could steer a terminal is left out of it."""
        if not self._as_json:
            print(printable(text), file=self._stdout, flush=True)

    def document(self, document: Mapping[str, Any]) -> None:
        if self._as_json:
            print(json.dumps(document, indent=2, ensure_ascii=False), file=self._stdout, flush=True)

    def content(self, content: bytes) -> None:
        """Bytes as they are."""
        self._stdout.flush()
        self._stdout.buffer.write(content)
        self._stdout.flush()

    def problem(self, problem: Mapping[str, Any]) -> None:
        """RFC 9457 as JSON, or as a sentence a line."""
        self.progress("")
        if self._as_json:
            print(json.dumps({name: each for name, each in problem.items() if each}), file=self._stderr)
            return
        errors = problem.get("errors") or []
        lines = [f"{each['field']}: {each['detail']}" for each in errors] or [str(problem["detail"])]
        for text in (*lines, str(problem.get("advice") or "")):
            if text:
                print(printable(text), file=self._stderr, flush=True)

    def progress(self, text: str) -> None:
        """A line that takes the place of the one before; only on a terminal."""
        if not self._stderr.isatty() or not (text or self._in_progress):
            return
        self._in_progress = bool(text)
        print(f"{_CLEAR}{printable(text)}", end="", file=self._stderr, flush=True)

    def asks(self, question: str) -> bool:
        """Whether somebody at a terminal says yes. Nobody there is no."""
        if not self._answers.isatty():
            return False
        print(f"{question} [y/N] ", end="", file=self._stderr, flush=True)
        return self._answers.readline().strip().lower() in {"y", "yes"}


def printable(text: str) -> str:
    """The text without characters that steer terminals or hide others; letters of all languages stay."""
    return "".join(char if char.isprintable() else "·" for char in text)

"""Over HTTP: a key goes to the app and nowhere else, and answers that are not the app's are told as such."""

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from shared.cli.__main__ import main


class Server:
    """Answers as it is told to, in turn, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                status, headers, body = server.answers.pop(0)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def answer(self, status: int, body: object = b"", **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.append((status, {name.replace("_", "-"): value for name, value in headers.items()}, content))


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


def cli(server: Server, *arguments: str, **environment: str) -> tuple[int, str, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    env = {"EXPORTS_URL": server.url, **environment}
    return main(arguments, env, (io.StringIO(), stdout, stderr)), stdout.getvalue(), stderr.getvalue()


NONE: dict[str, list[str]] = {"exports": [], "invalid": []}


def test_a_function_key_goes_into_its_header_not_into_the_address(server: Server) -> None:
    server.answer(200, NONE)
    assert cli(server, "status", EXPORTS_KEY="s3cret") == (0, "", "")
    [(path, headers)] = server.asked
    assert (path, headers["x-functions-key"]) == ("/api/exports", "s3cret")


def test_a_token_is_a_bearer_and_netrc_does_not_take_its_place(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    server.answer(200, NONE)
    assert cli(server, "status", "--token", EXPORTS_TOKEN="t0ken")[0] == 0
    assert server.asked[0][1]["authorization"] == "Bearer t0ken"


def test_a_redirect_is_not_followed(server: Server) -> None:
    server.answer(302, Location=f"{server.url}/elsewhere")
    code, _, told = cli(server, "status", "--json", EXPORTS_KEY="s3cret")
    assert (code, json.loads(told)["code"], len(server.asked)) == (4, "unexpected_answer", 1)


def test_a_page_that_is_no_json_is_not_the_apps(server: Server) -> None:
    server.answer(200, b"<html>sign in</html>")
    assert cli(server, "status", EXPORTS_KEY="s3cret")[0] == 4


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_an_id_does_not_lead_to_another_address(server: Server, name: str) -> None:
    for command in ("run", "report"):  # exports/../runs would start every export
        assert cli(server, command, name, EXPORTS_KEY="s3cret")[0] == 1
    assert server.asked == []


def test_a_look_is_repeated_when_the_app_says_later(server: Server) -> None:
    server.answer(503, {"status": 503, "code": "storage_unavailable", "detail": "later"}, Retry_After="0")
    server.answer(200, NONE)
    assert cli(server, "status", EXPORTS_KEY="s3cret")[0] == 0


def test_who_called_and_who_agreed_is_not_printed(server: Server) -> None:
    run = {
        "run_id": "news-20261122T000000Z-abcdef",
        "export_id": "news",
        "state": "failed",
        "mode": "full",
        "submitted_at": "2026-11-22T00:00:00Z",
        "submitted_by": "somebody@contoso.example",
    }
    for options in ([], ["--json"]):
        server.answer(200, {"runs": [run], "next": None})
        code, told, _ = cli(server, "status", "news", *options, EXPORTS_KEY="s3cret")
        assert code == 0
        assert "news-20261122T000000Z-abcdef" in told
        assert "somebody" not in told


def test_text_that_steers_a_terminal_does_not_reach_it(server: Server) -> None:
    problems = ["\x1b[2Jlist_id: is missing"]
    server.answer(200, {"exports": [], "invalid": [{"name": "exports/x.json", "problems": problems}]})
    told = cli(server, "status", EXPORTS_KEY="s3cret")[1]
    assert "list_id: is missing" in told
    assert "\x1b" not in told

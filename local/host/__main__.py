"""Run the app of a folder until SIGTERM or Ctrl-C, then let the calls in hand end.

Without options it does what `func start` does: port 7071, settings from the environment and local.settings.json.
"""

import argparse
import logging
import os
import secrets
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from local.host.config import HostError, read_settings
from local.host.host import Host, Options
from local.host.queues import HIDDEN_SECONDS
from local.host.routes import Keys

_log = logging.getLogger("local.host")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="[%(asctime)s] %(levelname)s %(message)s")
    logging.getLogger("azure").setLevel(logging.WARNING)  # or every poll of a queue would be a line
    app_dir = options.app.resolve()
    try:
        return _serve(app_dir, options)
    except HostError as error:
        _log.error("the app cannot be hosted: %s", error)
        return 1


def _serve(app_dir: Path, options: argparse.Namespace) -> int:
    file = options.settings or app_dir / "local.settings.json"
    if options.settings or file.exists():
        for name, value in read_settings(file).items():
            os.environ.setdefault(name, value)  # as with func start, the environment comes first
    sys.path.insert(0, str(app_dir))
    if options.vault_certificate:
        _trust(options.vault_certificate)
    keys = Keys(options.function_key or secrets.token_urlsafe(), options.master_key or secrets.token_urlsafe())
    host = Host(app_dir, os.environ, Options(options.port, keys, options.hidden_seconds))
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        _on(number, ended)
    host.start()
    _log.info("listening on %s", host.url)
    if not options.function_key:
        _log.info("function key %s", keys.default)
    ended.wait()
    _log.info("draining")
    host.drain()
    _log.info("stopped")
    return 0


def _trust(certificate: Path) -> None:
    """Give the exporter the local vault's certificate through its constructor: no setting may turn that check off."""
    from local.vault import client_options
    from shared.app import App, install
    from shared.settings import Settings

    install(App(Settings.from_environment(), vault_options=client_options(certificate)))


def _on(number: signal.Signals, ended: threading.Event) -> None:
    """Set `ended` at the signal, after the app's own handler for it (the app was imported before) has had its turn."""
    previous = signal.getsignal(number)

    def handle(received: int, frame: FrameType | None) -> None:
        if callable(previous) and previous is not signal.default_int_handler:
            previous(received, frame)
        ended.set()

    signal.signal(number, handle)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.host", description=__doc__)
    parser.add_argument("app", nargs="?", type=Path, default=Path(), help="folder of function_app.py and host.json")
    parser.add_argument("--port", type=int, default=7071, help="0: any free one (default: 7071)")
    parser.add_argument("--settings", type=Path, help="a local.settings.json (default: the app's, if there is one)")
    parser.add_argument("--function-key", help="the default function key (default: a random one, printed)")
    parser.add_argument("--master-key", help="the master key (default: a random one)")
    parser.add_argument(
        "--hidden-seconds",
        type=int,
        default=HIDDEN_SECONDS,
        help="how long the queue message of a killed host stays invisible (default: %(default)s)",
    )
    parser.add_argument("--vault-certificate", type=Path, help="certificate of a local vault, for the exporter only")
    return parser


if __name__ == "__main__":
    sys.exit(main())

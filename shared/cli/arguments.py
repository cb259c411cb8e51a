"""What can be typed, and what the exit codes mean."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

FINE, REFUSED, USAGE, CONFLICT, NOT_LET_IN, NOT_CONFIRMED = 0, 1, 2, 3, 4, 5
FAILED, SKIPPED, CANCELED, STILL_RUNNING = 10, 11, 12, 13
INTERRUPTED = 130

EXIT_CODES = {
    FINE: "done; with run --wait: successful or completed_with_warnings (the state says which)",
    REFUSED: "documents have problems, or what was asked for is refused or does not exist",
    USAGE: "the command was not understood",
    CONFLICT: "a document was changed by somebody else since it was shown; nothing of theirs was overwritten",
    NOT_LET_IN: "not let in, or the app, storage or a setting of theirs failed",
    NOT_CONFIRMED: "apply: there are changes and nobody agreed to them; nothing was written",
    FAILED: "run --wait: the run failed",
    SKIPPED: "run --wait: a guard said no, nothing was sent",
    CANCELED: "run --wait: the run was canceled",
    STILL_RUNNING: "run --wait --timeout: the run goes on, the time is over",
    INTERRUPTED: "interrupted",
}

LARGEST_LIMIT = 100
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}

Options = argparse.Namespace


def parse(arguments: Sequence[str] | None, environment: Mapping[str, str]) -> Options:
    """The command and its options, those left out taken from the environment. SystemExit(2) if they make no sense."""
    parser = _parser()
    options = parser.parse_args(arguments)
    options.environment = environment
    if options.command != "validate":
        _complete(parser, options, environment)
    if options.command == "apply" and options.json and not (options.yes or options.dry_run):
        parser.error("apply --json cannot ask: give --yes or --dry-run too")
    if options.command == "run" and options.timeout is not None and not options.wait:
        parser.error("--timeout goes with --wait")
    return options


def _complete(parser: argparse.ArgumentParser, options: Options, environment: Mapping[str, str]) -> None:
    if not options.url and (options.key or options.token):
        options.url = environment.get("EXPORTS_URL")
        if not options.url:
            parser.error("--key and --token go with --url (or EXPORTS_URL)")
    options.url = options.url or environment.get("EXPORTS_URL") or None
    if not options.url:
        return
    options.url = _address(parser, options.url)
    if options.token:
        options.bearer = environment.get("EXPORTS_TOKEN") or None
        options.scope = options.scope or environment.get("EXPORTS_SCOPE")
        if not options.bearer and not options.scope:
            parser.error("--token takes EXPORTS_TOKEN from the environment, or --scope to ask Entra ID for one")
        return
    options.key = options.key or environment.get("EXPORTS_KEY")
    if not options.key:
        parser.error("with --url, give the function key in EXPORTS_KEY (or --key), or say --token")


def _address(parser: argparse.ArgumentParser, url: str) -> str:
    """The app's address without /api. What was given is not repeated: people paste addresses with keys in them."""
    parts = urlsplit(url)
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    plain = parts.path.strip("/") in {"", "api"} and not (parts.query or parts.fragment or "@" in parts.netloc)
    if not (secure and parts.hostname and plain):
        parser.error("--url is the app's https address and nothing more, such as https://name.azurewebsites.net")
    return f"{parts.scheme}://{parts.netloc}"


def _parser() -> argparse.ArgumentParser:
    codes = "\n".join(f"  {code:>3}  {meaning}" for code, meaning in EXIT_CODES.items())
    parser = argparse.ArgumentParser(
        prog="python -m shared.cli",
        description="Keep connections and exports in a folder, run exports, and see what became of them.",
        epilog=f"exit codes:\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        found: argparse.ArgumentParser = commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=f"exit codes:\n{codes}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=parents,
        )
        found.add_argument("--json", action="store_true", help="one JSON document on stdout, and nothing else there")
        return found

    where = _where()
    validate = command("validate", "check the documents of a folder, without any connection")
    _folder(validate)
    apply = command("apply", "make what is stored equal to the documents of a folder", where)
    _folder(apply)
    apply.add_argument("--dry-run", action="store_true", help="show the differences and write nothing")
    apply.add_argument("--yes", action="store_true", help="do not ask before writing")
    apply.add_argument("--prune", action="store_true", help="remove what the folder does not have, if nothing uses it")
    run = command("run", "start a run of an export", where)
    run.add_argument("export", metavar="EXPORT", help="the export's id")
    run.add_argument("--mode", choices=("incremental", "full", "reconcile"), default="incremental")
    run.add_argument("--dry-run", action="store_true", help="plan and report only: nothing is sent")
    run.add_argument("--force", action="store_true", help="let an empty or a much smaller segment pass")
    run.add_argument("--wait", action="store_true", help="show progress until the run has ended")
    run.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="with --wait: look no longer than that")
    status = command("status", "show how the exports stand, or the newest runs of one", where)
    status.add_argument("export", metavar="EXPORT", nargs="?", help="the export's id")
    status.add_argument("--limit", type=_limit, metavar="N", help="how many runs; 10 of an export, otherwise none")
    report = command("report", "get a run's report.csv, or with --json and no file what is in it, counted", where)
    report.add_argument("run", metavar="RUN", help="the run's id")
    report.add_argument("-o", "--output", metavar="FILE", help="where to write it; stdout if not given")
    return parser


def _where() -> argparse.ArgumentParser:
    where = argparse.ArgumentParser(add_help=False)
    group = where.add_argument_group(
        "where", "Without --url or EXPORTS_URL: storage itself, by the app settings in the environment."
    )
    group.add_argument("--url", help="the app's address (EXPORTS_URL)")
    group.add_argument("--key", help="function key; better in EXPORTS_KEY, where no list of processes shows it")
    group.add_argument("--token", action="store_true", help="sign in with Entra ID: EXPORTS_TOKEN, or --scope")
    group.add_argument("--scope", help="what to ask Entra ID for, such as api://<client id>/.default (EXPORTS_SCOPE)")
    group.set_defaults(bearer=None)
    return where


def _folder(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", metavar="FOLDER", help="the folder that holds connections/ and exports/")


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_LIMIT:
        raise argparse.ArgumentTypeError(f"give a number from 1 to {LARGEST_LIMIT}")
    return int(text)


def _seconds(text: str) -> float:
    seconds: Any = float(text) if text.replace(".", "", 1).isdecimal() else -1
    if seconds < 0:
        raise argparse.ArgumentTypeError("give a number of seconds")
    return float(seconds)

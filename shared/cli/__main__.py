"""`python -m shared.cli`: parses, lets a command run, and turns what it raises into a problem and an exit code."""

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

from shared.cli import commands
from shared.cli.arguments import INTERRUPTED, NOT_LET_IN, REFUSED, parse
from shared.cli.output import Output
from shared.cli.service import Answered
from shared.errors import ExportError


def main(
    arguments: Sequence[str] | None = None,
    environment: Mapping[str, str] = os.environ,
    streams: tuple[TextIO, TextIO, TextIO] | None = None,
) -> int:
    """Carry out one command and give its exit code. `streams`: those to read, to write to, and for errors."""
    options = parse(arguments, environment)
    output = Output(*(streams or (sys.stdin, sys.stdout, sys.stderr)), as_json=options.json)
    try:
        return _COMMANDS[options.command](options, output)
    except Answered as error:
        output.problem(error.problem)
        return error.exit_code
    except ExportError as error:
        output.problem({"title": "Failed", "detail": error.message, "code": error.code, "advice": error.advice})
        return NOT_LET_IN if error.code == "invalid_setting" else REFUSED
    except OSError as error:  # its text has no more than the path, which the caller gave
        output.problem({"title": "Failed", "detail": str(error), "code": "file_error"})
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED


_COMMANDS = {
    "validate": commands.validate,
    "apply": commands.apply,
    "run": commands.run,
    "status": commands.status,
    "report": commands.report,
}


def _one_voice() -> None:
    """What goes wrong is said once, as a problem; the log is the app's."""
    logging.getLogger().addHandler(logging.NullHandler())


if __name__ == "__main__":
    _one_voice()
    sys.exit(main())

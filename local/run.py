"""Keep the local stack up until Ctrl-C: `make run`.

Connection, export, list and a first snapshot are there, as in the demo; what is printed shows how to go on.
"""

import argparse
import datetime as dt
import sys
import time

from local import process
from local.demo import EXPORT, land, set_the_scene
from local.generator import Segment
from local.stack import Stack

_TEXT = """\
The local stack is up. Ctrl-C ends it and deletes what it holds.

  app            {app}/api
  function key   {key}
  storage        {storage}
  SendGrid       {sendgrid} (simulated)
  vault          {vault}
  log            {log}

Run the export now, look at the runs, look at the list:

  curl -i -X POST '{app}/api/exports/{export}/runs?code={key}'
  curl '{app}/api/exports/{export}/runs?code={key}'
  curl '{sendgrid}/__sim/members?list_id={list_id}' | head

Write another snapshot and land it (new, changed and gone people):

  {python} -m local.generator {folder}/next --people {people} --generation 1 \\
    --container-url {storage_url}/segments
  {python} -m local.land {folder}/next --connection-string '{storage}'
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.run", description=__doc__)
    parser.add_argument("--people", type=int, default=5000, help="profiles in the first segment (default: 5000)")
    options = parser.parse_args()
    process.end_on_sigterm()
    with Stack() as stack:
        segment = Segment(people=options.people)
        list_id = set_the_scene(stack, segment)
        land(stack, segment, dt.datetime.now(dt.UTC))
        text = _TEXT.format(
            app=stack.url,
            key=stack.function_key,
            storage=stack.azurite.connection_string,
            storage_url=stack.azurite.blob_url,
            sendgrid=stack.sendgrid.url,
            vault=stack.vault.url,
            log=stack.host_log,
            export=EXPORT,
            list_id=list_id,
            python=sys.executable,
            people=options.people,
            folder=stack.folder,
        )
        print(text, flush=True)
        return _follow(stack)


def _follow(stack: Stack) -> int:
    """Show the host's log until Ctrl-C. 1 if the host ends by itself."""
    with stack.host_log.open(encoding="utf-8", errors="replace") as log:
        try:
            while stack.host_pid:
                if line := log.readline():
                    print(line, end="", flush=True)
                else:
                    time.sleep(0.2)
        except KeyboardInterrupt:
            return 0
        print(log.read(), end="")
    return 1


if __name__ == "__main__":
    sys.exit(main())

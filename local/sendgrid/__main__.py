"""Run the simulated SendGrid: prints {"url": …} on one line when it is ready, ends on SIGTERM or SIGINT."""

import argparse
import asyncio
import gc
import json
import signal
import sys

from local.sendgrid.account import FULL_ACCESS
from local.sendgrid.server import Connection
from local.sendgrid.service import Service
from local.sendgrid.steering import Steering


async def serve(port: int, keys: list[str], *, until_stdin_ends: bool) -> None:
    """Serve on 127.0.0.1 until a signal comes, or, if asked, until standard input ends: then the parent has gone."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if until_stdin_ends:
        loop.add_reader(sys.stdin.fileno(), stop.set)
    steering: Steering
    server = await loop.create_server(lambda: Connection(steering.handle), "127.0.0.1", port)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    steering = Steering(Service(url, dict.fromkeys(keys, FULL_ACCESS)))
    print(json.dumps({"url": url}), flush=True)
    await stop.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.sendgrid", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--api-key", action="append", default=[], help="a key with full access; may be repeated")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input ends")
    chosen = parser.parse_args()
    gc.disable()  # millions of small objects and hardly a cycle: collecting would double the time of an upsert
    asyncio.run(serve(chosen.port, chosen.api_key, until_stdin_ends=chosen.with_parent))


if __name__ == "__main__":
    main()

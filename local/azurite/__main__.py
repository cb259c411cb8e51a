"""Azurite on its usual ports with the app's containers and queue, for `func start`: `python -m local.azurite`."""

import threading
from pathlib import Path

from local import process
from local.azurite import Azurite
from shared.cloud.storage import Storage
from shared.settings import Settings

PORTS = (10000, 10001)  # what UseDevelopmentStorage=true means
LOCATION = Path(__file__).resolve().parents[2] / ".local" / "azurite"


def main() -> None:
    process.end_on_sigterm()
    with Azurite(LOCATION, ports=PORTS) as azurite:
        account = dict.fromkeys(("AzureWebJobsStorage", "SegmentStorage"), azurite.connection_string)
        Storage(Settings.from_environment({**account, "KEY_VAULT_URL": "https://unused.invalid"})).ensure()
        print(f"storage is up: {azurite.blob_url}, kept in {LOCATION}. Ctrl-C ends it.", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("ended")


if __name__ == "__main__":
    main()

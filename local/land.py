"""Land a folder in the segments container as the customer data platform would: markers last.

`python -m local.land FOLDER --connection-string …`: the folder plays the container's root.
"""

import argparse
from pathlib import Path

from shared.cloud.storage import Container

MARKERS = frozenset({"model.json", "_SUCCESS"})


def land_folder(container: Container, folder: Path) -> int:
    """Upload every file under its path in the folder; gives how many there were."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in sorted(files, key=lambda path: path.name in MARKERS):
        container.upload(path.relative_to(folder).as_posix(), path)
    return len(files)


def main() -> None:
    from azure.storage.blob import ContainerClient

    parser = argparse.ArgumentParser(prog="python -m local.land", description="Upload a folder, markers last.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--connection-string", required=True)
    parser.add_argument("--container", default="segments")
    options = parser.parse_args()
    container = Container(
        lambda: ContainerClient.from_connection_string(options.connection_string, options.container)
    )  # fmt: skip
    print(f"{land_folder(container, options.folder)} files landed in {options.container}")


if __name__ == "__main__":
    main()

"""model.json files in few words."""

import json
from typing import Any

from shared.cloud.storage import Container


def write_model(container: Container, folder: str, *entities: dict[str, Any], **root: Any) -> None:
    content = {"name": "Drop", "version": "1.0", "entities": list(entities)} | root
    container.write(f"{folder}model.json", json.dumps(content).encode())


def entity(container: Container, name: str, *blobs: str, url: str | None = None, **settings: Any) -> dict[str, Any]:
    base = url or container.client.url
    return {
        "$type": "LocalEntity",
        "name": name,
        "attributes": [{"name": "Id", "dataType": "string"}, {"name": "EMail", "dataType": "string"}],
        "partitions": [
            {
                "name": f"{name}_{number}",
                "location": f"{base}/{blob}",
                "fileFormatSettings": {"$type": "CsvFormatSettings"} | settings,
            }
            for number, blob in enumerate(blobs, 1)
        ],
    }

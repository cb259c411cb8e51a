"""Who wrote a document last. When, is the blob's own time.

The name is noted beside the document, as the blob's metadata. A tool that overwrites the document loses the note, and
rightly so: whoever used it is not known here.
"""

from urllib.parse import quote, unquote

from shared.cloud.storage import Blob

_UPDATED_BY = "updated_by"


def noted(name: str) -> dict[str, str]:
    """The metadata that says that `name` wrote it. Metadata are HTTP headers, so the name is percent-encoded."""
    return {_UPDATED_BY: quote(name)}


def author_of(blob: Blob) -> str | None:
    """Who wrote the document last, through this app; None: it was written by other means."""
    found = blob.metadata.get(_UPDATED_BY)
    return unquote(found) if found else None

"""From a partition's `location` to the name of a blob.

A model.json is data that somebody else wrote, and its locations are URLs: they are taken apart and compared, never
fetched. Only what lies in the segments container itself has a name here.
"""

import re
from urllib.parse import unquote, urlsplit

from shared.errors import UnreadableSegment

_LONGEST_NAME = 1024  # characters of a blob name (Microsoft, "Naming and referencing containers, blobs, and metadata")
_DEFAULT_PORT = {"http": ":80", "https": ":443"}


def blob_name(location: str, container_url: str, *, where: str) -> str:
    """The blob that `location` means, in the container whose URL is `container_url`.

    The host may be the account's `.blob.` or `.dfs.` one, or Azurite's with the account in the path; a query
    (`?snapshot=…`, a SAS) does not count; percent-encoding is undone once. UnreadableSegment for everything else: code
    `foreign_location` if it is in another account or container, `invalid_model` if it is no blob's URL. `where` begins
    the message, which holds neither path nor query, because a SAS is a secret.
    """
    own, own_path = _split(container_url, where)
    authority, path = _split(location, where)
    if authority not in {own, own.replace(".blob.", ".dfs.", 1)} or not path.startswith(f"{own_path}/"):
        host = authority.rpartition("@")[2][:255]
        raise UnreadableSegment(
            f"{where}: its location is not in the segments container, but somewhere on {host}",
            code="foreign_location",
            advice="Let the export write its files and its model.json into the container that SEGMENTS_CONTAINER names"
            " on the account of SegmentStorage; other places are never read.",
        )
    name = path.removeprefix(f"{own_path}/")
    if not name or len(name) > _LONGEST_NAME or name.endswith("/") or {"..", "."} & set(name.split("/")):
        raise _no_blob(where)
    return name


def _split(url: str, where: str) -> tuple[str, str]:
    """Host with port, in lower case, and the decoded path."""
    if re.search(r"[\x00-\x20\x7f\\]", url):  # urlsplit would drop or bend these silently
        raise _no_blob(where)
    try:
        parts = urlsplit(url)
        path = unquote(parts.path, errors="strict")
    except ValueError as error:  # bad brackets in the host, or bytes that are no UTF-8
        raise _no_blob(where) from error
    if parts.scheme not in _DEFAULT_PORT or not parts.netloc or parts.fragment or re.search(r"[\x00-\x1f\x7f\\]", path):
        raise _no_blob(where)
    return parts.netloc.lower().removesuffix(_DEFAULT_PORT[parts.scheme]), path


def _no_blob(where: str) -> UnreadableSegment:
    return UnreadableSegment(
        f"{where}: its location is not the URL of a blob",
        code="invalid_model",
        advice="A location is https://<account>.blob.core.windows.net/<container>/<path>, percent-encoded.",
    )

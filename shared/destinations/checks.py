"""What can only be seen with an export and its connection side by side."""

from shared.destinations.models import Connection, Export


def problems(export: Export, connection: Connection | None) -> list[str]:
    """Why the export may not run over that connection (None: there is none of its id), as sentences; empty if it may.

    A disabled export is not a problem: whether it runs is for the one who starts it to say.
    """
    if export.connection is None:
        return ["connection: the export is detached; give the id of the connection that it is to use"]
    if connection is None or connection.id != export.connection:
        return [f"connection: {export.connection!r} does not exist; add it, or give another connection's id"]
    if connection.consent is None:
        needed = "an administrator has to agree that data leaves for SendGrid, and that is recorded there"
        return [f"consent: connection {connection.id!r} has none; {needed} (agreed_by, agreed_at, text_version)"]
    return []

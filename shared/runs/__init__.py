"""One execution of an export, from the request for it to the settled record. A phase a file, read from `worker`."""

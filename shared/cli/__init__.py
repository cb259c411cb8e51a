"""The command line, for those who keep connections and exports in a repository: `python -m shared.cli --help`."""

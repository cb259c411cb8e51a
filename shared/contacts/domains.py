"""Domains such as exämple.org, which SendGrid takes in punycode only."""

from typing import TYPE_CHECKING

from shared.contacts.problems import INTERNATIONAL_DOMAIN, ascii_problem_sql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def resolve_international_domains(connection: "DuckDBPyConnection") -> None:
    """Rewrite them in the addresses of table `rows`; an address whose domain has no punycode is refused."""
    domains = connection.execute(
        "SELECT DISTINCT split_part(address, '@', 2) FROM rows WHERE problem = ?", [INTERNATIONAL_DOMAIN]
    ).fetchall()
    if not domains:
        return
    connection.execute("CREATE TABLE international (domain VARCHAR, ascii VARCHAR)")
    connection.executemany(
        "INSERT INTO international VALUES (?, ?)", [(domain, _punycode(domain)) for (domain,) in domains]
    )
    connection.execute(f"""
        UPDATE rows SET
            address = coalesce(split_part(address, '@', 1) || '@' || ascii, address),
            problem = {ascii_problem_sql("coalesce(split_part(address, '@', 1) || '@' || ascii, '')")}
        FROM international
        WHERE problem = '{INTERNATIONAL_DOMAIN}' AND domain = split_part(address, '@', 2)
    """)


def _punycode(domain: str) -> str | None:
    import idna

    try:
        return idna.encode(domain, uts46=True).decode().lower()
    except idna.IDNAError:
        return None

"""URLs that come with an answer (row errors, contact exports, import uploads) are data, so they are not trusted.

A URL may be asked only if it is https at the usual port, without credentials, and its host has public addresses alone:
nothing of the function's own network, of the machine, of the platform's metadata services. The local stack's SendGrid
lives on the machine itself; its origin, from the app setting SENDGRID_BASE_URL, is allowed as it stands.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable
from urllib.parse import SplitResult, urlsplit

from shared.sendgrid.errors import FileUnavailable

Resolve = Callable[[str, int], Iterable[str]]  # host, port -> addresses; OSError if there are none

_PLAIN = re.compile(r"[\x21-\x5b\x5d-\x7e]+")  # printable ASCII without space and backslash, which parsers read apart
_HTTPS_PORT = 443
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")  # all that IANA has given out of IPv6 so far
_AZURE_PLATFORM = ipaddress.IPv4Address("168.63.129.16")  # public by number; every Azure machine reaches its host there


def origin(url: str) -> str:
    """Scheme, host and port, as far as the URL names them."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def resolve(host: str, port: int) -> list[str]:
    """Every address of a host."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def check(url: str, *, also: str | None = None, resolve: Resolve = resolve) -> None:
    """FileUnavailable unless `url` may be asked; OSError if its host has no address.

    `also`: a URL whose origin is allowed as it stands.
    """
    parts = _split(url)
    if also is not None and origin(url) == origin(also):
        return
    if parts.scheme != "https":
        raise untrusted("is not https")
    if parts.port not in {None, _HTTPS_PORT}:
        raise untrusted("names a port of its own")
    for address in resolve(str(parts.hostname), _HTTPS_PORT):
        if not is_public(address):
            raise untrusted("leads into a private network")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, also behind the ways to write IPv4 in IPv6."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour  # 6to4 is public as a whole to Python before 3.13
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip not in _GLOBAL_UNICAST:  # Python takes site-local and IPv4-compatible addresses for public ones
            return False
    return ip.is_global and not ip.is_multicast and ip != _AZURE_PLATFORM


def untrusted(why: str) -> FileUnavailable:
    return FileUnavailable(
        f"the URL of a file that SendGrid named {why}; it was not asked",
        code="url_untrusted",
        advice="Nothing to do by hand: report it, as SendGrid's own files are on public https servers.",
    )


def _split(url: str) -> SplitResult:
    if not _PLAIN.fullmatch(url):
        raise untrusted("holds characters that no URL has")
    try:
        parts = urlsplit(url)
        port_is_number = parts.port is None or parts.port >= 0
    except ValueError as error:
        raise untrusted("cannot be read") from error
    if not parts.hostname or not port_is_number:
        raise untrusted("names no host")
    if "@" in parts.netloc:
        raise untrusted("holds credentials")
    return parts

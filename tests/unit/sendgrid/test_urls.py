"""URLs from answers: what may be asked and what must not."""

from collections.abc import Callable

import pytest

from shared.sendgrid import urls
from shared.sendgrid.errors import FileUnavailable


def at(*addresses: str) -> Callable[[str, int], list[str]]:
    return lambda _host, _port: list(addresses)


PUBLIC = at("52.218.1.1")


def refused(url: str, *, also: str | None = None, resolve: urls.Resolve = PUBLIC) -> str:
    with pytest.raises(FileUnavailable) as caught:
        urls.check(url, also=also, resolve=resolve)
    assert caught.value.code == "url_untrusted"
    assert not url or url not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://mc-contacts.s3.us-west-2.amazonaws.com/errors.csv?X-Amz-Signature=ab%2Fc",
        "https://files.example:443/errors.csv",
        "HTTPS://FILES.EXAMPLE/errors.csv",
    ],
)
def test_public_https_may_be_asked(url: str) -> None:
    urls.check(url, resolve=at("52.218.1.1", "2600:1f18::1"))


@pytest.mark.parametrize(
    "url",
    [
        "http://files.example/errors.csv",
        "ftp://files.example/errors.csv",
        "file:///etc/passwd",
        "//files.example/errors.csv",
        "errors.csv",
        "",
        "https://",
        "https:///errors.csv",
        "https://files.example:8443/errors.csv",
        "https://files.example:0/errors.csv",
        "https://files.example:99999/errors.csv",
        "https://files.example:x/errors.csv",
        "https://user:password@files.example/errors.csv",
        "https://files.example\\@evil.example/errors.csv",
        "https://files.example/errors.csv\r\nX-Evil: 1",
        "https://files.example/ errors.csv",
        "https://fílés.example/errors.csv",
        "https://[::1/errors.csv",
    ],
)
def test_any_other_form_is_refused(url: str) -> None:
    refused(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",  # metadata of the machine
        "168.63.129.16",  # Azure's platform
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - refused, not bound
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "fec0::1",  # site-local
        "::127.0.0.1",  # IPv4-compatible
        "4000::1",  # given to nobody
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",  # 10.0.0.1 through NAT64
        "2002:7f00:1::",  # 127.0.0.1 through 6to4
        "2001:0:0:0:0:0:f5ff:fffe",  # 10.0.0.1 through Teredo
    ],
)
def test_a_name_that_leads_into_a_private_network_is_refused(address: str) -> None:
    assert not urls.is_public(address)
    message = refused("https://files.example/errors.csv", resolve=at("52.218.1.1", address))
    assert "private network" in message


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"])
def test_this_machine_is_refused_however_it_is_written(host: str) -> None:
    refused(f"https://{host}/errors.csv", resolve=urls.resolve)


@pytest.mark.parametrize("address", ["52.218.1.1", "2600:1f18::1", "64:ff9b::34da:101", "::ffff:52.218.1.1"])
def test_the_public_internet_is_public(address: str) -> None:
    assert urls.is_public(address)


def test_the_local_stack_may_be_asked_at_its_own_origin_only() -> None:
    stack = "http://127.0.0.1:8123"
    urls.check("http://127.0.0.1:8123/files/errors.csv", also=stack)
    for url in (
        "http://127.0.0.1:8124/files/errors.csv",
        "http://127.0.0.1:81234/files/errors.csv",
        "https://127.0.0.1:8123/files/errors.csv",
        "http://127.0.0.1/files/errors.csv",
        "http://127.0.0.1:8123@evil.example/files/errors.csv",
        "http://user@127.0.0.1:8123/files/errors.csv",
    ):
        refused(url, also=stack)

from urllib.parse import quote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from shared.errors import UnreadableSegment
from shared.segments.location import blob_name

AZURE = "https://contoso.blob.core.windows.net/segments"
AZURITE = "http://127.0.0.1:10000/devstoreaccount1/segments"


@pytest.mark.parametrize(
    ("container", "location", "name"),
    [
        (AZURE, "https://contoso.blob.core.windows.net/segments/a/b_1.csv", "a/b_1.csv"),
        (AZURE, "https://contoso.dfs.core.windows.net/segments/a/b_1.csv", "a/b_1.csv"),
        (AZURE, "https://CONTOSO.blob.core.windows.net:443/segments/a.csv", "a.csv"),
        (AZURE, "http://contoso.blob.core.windows.net/segments/a.csv", "a.csv"),
        (AZURE, "https://contoso.blob.core.windows.net/segments/a.csv?snapshot=2026-11-21T03:00:00Z", "a.csv"),
        (AZURE, "https://contoso.blob.core.windows.net/segments/a.csv?sv=2024&sig=x%2F..%2Fy", "a.csv"),
        (AZURE, "https://contoso.blob.core.windows.net/segments/High%20Value%2Fp%231.csv", "High Value/p#1.csv"),
        (AZURE, "https://contoso.blob.core.windows.net/segments/100%2525.csv", "100%25.csv"),
        (AZURE, "https://contoso.blob.core.windows.net/segments/%C3%A9.csv", "é.csv"),
        (AZURITE, "http://127.0.0.1:10000/devstoreaccount1/segments/a/b.csv", "a/b.csv"),
        (
            "https://contoso.blob.core.chinacloudapi.cn/segments",
            "https://contoso.dfs.core.chinacloudapi.cn/segments/a.csv",
            "a.csv",
        ),
    ],
)
def test_a_location_in_the_container_names_its_blob(container: str, location: str, name: str) -> None:
    assert blob_name(location, container, where="m") == name


@pytest.mark.parametrize(
    ("container", "location"),
    [
        (AZURE, "https://evil.blob.core.windows.net/segments/a.csv"),
        (AZURE, "https://contoso.blob.core.windows.net/other/a.csv"),
        (AZURE, "https://contoso.blob.core.windows.net/Segments/a.csv"),
        (AZURE, "https://contoso.blob.core.windows.net/segments-old/a.csv"),
        (AZURE, "https://contoso.blob.core.windows.net/segments"),
        (AZURE, "https://contoso.blob.core.windows.net.evil.example/segments/a.csv"),
        (AZURE, "https://contoso.blob.core.windows.net@evil.example/segments/a.csv"),
        (AZURE, "https://user:secret@contoso.blob.core.windows.net/segments/a.csv"),
        (AZURE, "https://contoso.blob.core.windows.net:8443/segments/a.csv"),
        (AZURE, "http://169.254.169.254/segments/a.csv"),
        (AZURITE, "http://127.0.0.1:10001/devstoreaccount1/segments/a.csv"),
        (AZURITE, "http://127.0.0.1:10000/otheraccount/segments/a.csv"),
        (AZURITE, "https://contoso.blob.core.windows.net/segments/a.csv"),
    ],
)
def test_another_account_or_container_is_refused(container: str, location: str) -> None:
    with pytest.raises(UnreadableSegment) as refused:
        blob_name(location, container, where="x/model.json")
    assert refused.value.code == "foreign_location"
    assert refused.value.message.startswith("x/model.json: ")
    assert "SEGMENTS_CONTAINER" in refused.value.advice
    assert "secret" not in refused.value.message


@pytest.mark.parametrize(
    "location",
    [
        "",
        "a.csv",
        "/segments/a.csv",
        "file:///etc/passwd",
        "ftp://contoso.blob.core.windows.net/segments/a.csv",
        "https:///segments/a.csv",
        "https://[::1/segments/a.csv",
        "https://contoso.blob.core.windows.net/segments/",
        "https://contoso.blob.core.windows.net/segments/folder/",
        "https://contoso.blob.core.windows.net/segments/../other/a.csv",
        "https://contoso.blob.core.windows.net/segments/%2e%2e/other/a.csv",
        "https://contoso.blob.core.windows.net/segments/a/./b.csv",
        "https://contoso.blob.core.windows.net/segments/a%5C..%5Cb.csv",
        "https://contoso.blob.core.windows.net/segments/a%00.csv",
        "https://contoso.blob.core.windows.net/segments/%ff.csv",
        "https://contoso.blob.core.windows.net/segments/a#b.csv",
        "https://contoso.blob.core.windows.net/segments/a b.csv",
        "https://contoso.blob.core.windows.net/segments/" + "a" * 1025,
    ],
)
def test_what_is_no_blobs_url_is_refused(location: str) -> None:
    with pytest.raises(UnreadableSegment) as refused:
        blob_name(location, AZURE, where="x/model.json")
    assert refused.value.code == "invalid_model"


def test_the_message_holds_no_signature() -> None:
    with pytest.raises(UnreadableSegment) as refused:
        blob_name("https://evil.example/c/a.csv?sig=hush", AZURE, where="m")
    assert "hush" not in refused.value.message + refused.value.advice


@given(
    st.text(min_size=1, max_size=200), st.sampled_from(["blob", "dfs"]), st.sampled_from(["", "?snapshot=1", "?a=b#"])
)
def test_every_name_that_azure_would_take_comes_back_as_it_was(name: str, service: str, query: str) -> None:
    printable = all(character.isprintable() and character != "\\" for character in name)
    assume(printable and not name.endswith("/") and not {".", ".."} & set(name.split("/")))
    url = f"https://contoso.{service}.core.windows.net/segments/{quote(name)}{query}"
    assert blob_name(url, AZURE, where="m") == name


@given(st.text() | st.from_regex(r"https?://[^\s]*", fullmatch=True) | st.text().map(lambda text: f"{AZURE}/{text}"))
@example("https://[/segments")
@example("http://contoso.blob.core.windows.net\u2100/segments/a")
def test_nonsense_is_refused_or_stays_inside_the_container(location: str) -> None:
    try:
        name = blob_name(location, AZURE, where="m")
    except UnreadableSegment:
        return
    assert location.lower().startswith(("https://contoso.", "http://contoso."))
    assert name
    assert ".." not in name.split("/")

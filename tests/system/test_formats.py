"""Every way in which a segment may land ends in the same list."""

import gzip
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from local.stack import Stack
from tests.system.scene import Scene

CSV = b'EMail,FirstName\nada@example.com,Ada\ngrace@example.com,"Grace\nMurray"\n'
NDJSON = (
    b'{"EMail": "ada@example.com", "FirstName": "Ada"}\n{"EMail": "grace@example.com", "FirstName": "Grace\\nMurray"}\n'
)
MEMBERS = {"ada@example.com": "Ada", "grace@example.com": "Grace\nMurray"}


def parquet(folder: Path) -> bytes:
    path = folder / "people.parquet"
    rows = "VALUES ('ada@example.com', 'Ada'), ('grace@example.com', 'Grace' || chr(10) || 'Murray')"
    with duckdb.connect() as database:
        database.execute(
            f'COPY (SELECT * FROM ({rows}) AS people("EMail", "FirstName")) TO \'{path}\' (FORMAT parquet)'
        )
    return path.read_bytes()


SINGLE_FILES: dict[str, Callable[[Path], bytes]] = {
    ".csv": lambda _: CSV,
    ".csv.gz": lambda _: gzip.compress(CSV),
    ".ndjson": lambda _: NDJSON,
    ".jsonl.gz": lambda _: gzip.compress(NDJSON),
    ".parquet": parquet,
    "_20261121T0300Z.csv": lambda _: b"\xef\xbb\xbf" + CSV.replace(b"\n", b"\r\n").replace(b"\r\nM", b"\nM"),
}


@pytest.fixture
def ready(scene: Scene) -> Scene:
    scene.connect()
    scene.export()
    return scene


def assert_arrived(scene: Scene, files: int = 1) -> None:
    run = scene.wait()
    assert run["state"] == "successful", run["reason"]
    assert run["snapshots"][scene.segment]["files"] == files
    assert {email: member["first_name"] for email, member in scene.members.items()} == MEMBERS


@pytest.fixture(scope="module")
def landed(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scene]:
    """Single files of all formats, landed together so that no test waits for the ones before it."""
    folder = tmp_path_factory.mktemp("formats")
    scenes = {suffix: Scene(stack) for suffix in SINGLE_FILES}
    for suffix, scene in scenes.items():
        scene.connect()
        scene.export()
        scene.land(SINGLE_FILES[suffix](folder), suffix)
    return scenes


@pytest.mark.parametrize("suffix", SINGLE_FILES)
def test_a_single_file(landed: dict[str, Scene], suffix: str) -> None:
    assert_arrived(landed[suffix])


def test_a_folder_of_parts_counts_once_its_marker_is_there(ready: Scene, tmp_path: Path) -> None:
    folder = f"exports/{ready.segment}/2026/11/21"
    header, first, rest = CSV.split(b"\n", 2)
    ready.stack.land(f"{folder}/part-00000.csv", header + b"\n" + first + b"\n")
    ready.stack.land(f"{folder}/part-00001.csv.gz", gzip.compress(header + b"\n" + rest))
    ready.stack.land(f"{folder}/_committed_1", b"{}")
    ready.stack.land(f"{folder}/_SUCCESS", b"")
    assert_arrived(ready, files=2)


def test_a_model_json_without_a_header_in_its_files(ready: Scene) -> None:
    ready.land_model([CSV.split(b"\n", 2)[1] + b"\n", CSV.split(b"\n", 2)[2]])
    assert_arrived(ready, files=2)


def test_a_list_is_the_union_of_the_export_s_segments(scene: Scene) -> None:
    other = f"{scene.segment}Other"
    scene.connect()
    scene.export(segments=[scene.segment, other], run_on_landing=False, only_where={"Consent": ["True"]})
    scene.land(b"EMail,FirstName,Consent\nada@example.com,Ada,True\ngrace@example.com,Grace,True\n")
    scene.stack.land(
        f"{other}.ndjson",
        b'{"EMail": "GRACE@example.com", "FirstName": "Other", "Consent": "True"}\n'
        b'{"EMail": "alan@example.com", "FirstName": "Alan", "Consent": "True"}\n'
        b'{"EMail": "kurt@example.com", "FirstName": "Kurt", "Consent": "False"}\n',
    )
    run = scene.start()
    expected = {"rows": 5, "filtered": 1, "duplicate": 1, "contacts": 3, "accepted": 3}
    assert {name: run["counts"][name] for name in expected} == expected
    assert run["snapshots"].keys() == {scene.segment, other}
    assert {email: member["first_name"] for email, member in scene.members.items()} == {
        "ada@example.com": "Ada",
        "grace@example.com": "Grace",  # the first segment of the export wins
        "alan@example.com": "Alan",
    }

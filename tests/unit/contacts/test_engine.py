"""Bounds of memory and of what stays behind."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest.mock import Mock

import duckdb
import pytest

from shared.contacts.engine import MIB, engine, make_room_for_json, work_folder
from shared.errors import RunFailed


@pytest.fixture(autouse=True)
def temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_what_dead_processes_left_goes_and_what_live_ones_use_stays(temp: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    left = temp / f"segment-export-{process.pid}-x"
    odd = temp / "segment-export-"
    live = temp / f"segment-export-{os.getppid()}-x"
    foreign = temp / "segments"
    for folder in (left, odd, live, foreign):
        folder.mkdir()
        (folder / "members.parquet").touch()
    with work_folder() as folder:
        assert sorted(temp.iterdir()) == sorted([live, foreign, folder])
    assert sorted(temp.iterdir()) == sorted([live, foreign])


def test_the_folder_goes_when_things_go_wrong(temp: Path) -> None:
    def fail() -> None:
        with work_folder() as folder, engine(folder) as database:
            database.execute("CREATE TABLE x AS SELECT range FROM range(1000)")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not list(temp.iterdir())


def test_folders_of_one_process_do_not_disturb_each_other() -> None:
    with work_folder() as one, work_folder() as other:
        assert one != other
        assert one.is_dir()


def test_too_little_memory_fails_the_run_with_advice() -> None:
    with pytest.raises(RunFailed) as raised, work_folder() as folder, engine(folder, limit=16 * MIB) as database:
        database.execute("SELECT list(range) FROM range(20000000)").fetchall()
    assert raised.value.code == "out_of_memory"
    assert "instance" in raised.value.advice


def test_moments_do_not_depend_on_the_machines_time_zone(temp: Path) -> None:
    script = """
from pathlib import Path
from shared.contacts.engine import engine, work_folder
with work_folder() as folder, engine(folder) as database:
    for each in (database, database.cursor()):
        print(each.execute("SELECT TIMESTAMPTZ '2021-03-04 05:06:07'::VARCHAR").fetchall()[0][0])
"""
    environment = os.environ | {"TZ": "America/New_York", "TMPDIR": str(temp)}
    said = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout == "2021-03-04 05:06:07+00\n" * 2


def test_whatever_is_made_of_the_sql_it_reaches_no_other_file(tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("secret")
    with work_folder() as folder, engine(folder) as database:
        (folder / "own.txt").write_text("own")
        own = database.execute(f"SELECT content FROM read_text('{folder}/own.txt')").fetchall()
        for trick in (
            f"SELECT content FROM read_text('{other}')",
            f"COPY (SELECT 1) TO '{tmp_path}/stolen.csv'",
            f"ATTACH '{tmp_path}/stolen.db'",
            "INSTALL httpfs",
            "SET enable_external_access = true",
            "SET allowed_directories = ['/']",
        ):
            with pytest.raises(duckdb.Error):
                database.execute(trick)
    assert own == [("own",)]
    assert [each.name for each in tmp_path.iterdir()] == ["other.txt"]


def test_memory_is_set_only_when_there_is_too_little(temp: Path) -> None:
    """Each time that it is set, DuckDB gives back to the system what it holds."""
    with engine(temp) as database:
        recorder = Mock(wraps=database)

        def times_set(length: int) -> int:
            recorder.execute.reset_mock()
            make_room_for_json(recorder, length)
            return sum("SET" in call.args[0] for call in recorder.execute.call_args_list)

        assert [times_set(length) for length in (347, 347, 300, 1000, 347, 1000)] == [1, 0, 0, 1, 0, 0]

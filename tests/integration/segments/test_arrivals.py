"""`segments_in`: what the arrival of one blob may have completed."""

import logging

import pytest

from shared.cloud.storage import Container
from shared.segments.landing import segments_in
from tests.integration.segments.conftest import Land
from tests.integration.segments.models import entity, write_model

RUN = "CustomerInsights_0b1c/Drop/Seg/2026/11/21/0300/"


def test_a_model_gives_its_entities_that_list_files(container: Container) -> None:
    write_model(
        container, "drop/", entity(container, "A", "a.csv"), entity(container, "B", "b.csv"), entity(container, "Empty")
    )
    assert segments_in(container, "drop/model.json") == {"A", "B"}


def test_the_last_partition_of_a_listed_set_completes_its_entity(container: Container, land: Land) -> None:
    other = entity(container, "Other", "x.csv")
    write_model(
        container, "CustomerInsights_0b1c/Drop/", other, entity(container, "Seg", f"{RUN}Seg_1.csv", f"{RUN}Seg_2.csv")
    )
    land(f"{RUN}Seg_1.csv")
    assert segments_in(container, f"{RUN}Seg_1.csv") == frozenset()
    land(f"{RUN}Seg_2.csv")
    assert segments_in(container, f"{RUN}Seg_2.csv") == {"Seg"}
    land(f"{RUN}Seg_3.csv")
    assert segments_in(container, f"{RUN}Seg_3.csv") == frozenset()
    assert segments_in(container, f"{RUN}Seg_1.csv") == {"Seg"}


def test_a_part_that_nothing_lists_completes_nothing(container: Container, land: Land) -> None:
    land(f"{RUN}Seg_1.csv", "Seg/part-0.csv")
    assert segments_in(container, f"{RUN}Seg_1.csv") == frozenset()
    assert segments_in(container, "Seg/part-0.csv") == frozenset()


def test_a_success_file_and_parts_beside_it_give_the_folders_segment(container: Container, land: Land) -> None:
    land("x/Seg/2026-11-21/_SUCCESS", "x/Seg/2026-11-21/part-0.json", "x/Seg/2026-11-21/c=1/part-0.csv")
    for name in ("_SUCCESS", "part-0.json", "c=1/part-0.csv", "Other.csv"):
        assert segments_in(container, f"x/Seg/2026-11-21/{name}") == {"Seg"}
    assert segments_in(container, "x/Seg/2026-11-21/deep/part-0.csv") == frozenset()
    assert segments_in(container, "2026/_SUCCESS") == frozenset()


def test_a_single_file_gives_the_names_it_answers_to(container: Container, land: Land) -> None:
    land("crm/Seg.csv", "crm/Seg_20261121.csv")
    assert segments_in(container, "crm/Seg.csv") == {"Seg"}
    assert segments_in(container, "crm/Seg_20261121.csv") == {"Seg", "Seg_20261121"}


@pytest.mark.parametrize(
    "name",
    ["readme.md", "crm/settings.json", "$logs/2026/Seg.csv", "_temporary/0/_SUCCESS", "x/.Seg.csv", "gone/model.json"],
)
def test_other_blobs_give_nothing(container: Container, name: str) -> None:
    assert segments_in(container, name) == frozenset()


def test_below_a_model_neither_files_nor_success_files_count(container: Container, land: Land) -> None:
    write_model(container, "drop/", entity(container, "Other", "drop/Other.csv"))
    land("drop/Seg.csv", "drop/Seg/_SUCCESS")
    assert segments_in(container, "drop/Seg.csv") == frozenset()
    assert segments_in(container, "drop/Seg/_SUCCESS") == frozenset()


def test_a_model_that_cannot_be_used_gives_nothing_and_a_warning(
    container: Container, land: Land, caplog: pytest.LogCaptureFixture
) -> None:
    container.write("drop/model.json", b"{")
    land("drop/Seg.csv")
    with caplog.at_level(logging.WARNING):
        assert segments_in(container, "drop/model.json") == frozenset()
        assert segments_in(container, "drop/Seg.csv") == frozenset()
    assert all("drop/model.json: Invalid JSON" in each for each in caplog.messages)
    assert len(caplog.messages) == 2


def test_an_entity_on_another_account_does_not_spoil_the_others(container: Container, land: Land) -> None:
    land("drop/Seg/1.csv")
    foreign = entity(container, "Bad", "drop/Seg/1.csv", url="https://elsewhere.blob.core.windows.net/segments")
    write_model(container, "drop/", foreign, entity(container, "Seg", "drop/Seg/1.csv"))
    assert segments_in(container, "drop/Seg/1.csv") == {"Seg"}

"""What is said of the data sets, and that params.yaml could say it."""

from __future__ import annotations

import json

import pytest
from pydantic import TypeAdapter

from hanet.datasets.common.source import DatasetSource
from hanet.datasets.sources import SOURCES, source_of
from hanet.download.by_hand import ManualFile
from hanet.download.credentials import Credentials
from hanet.download.remote import RemoteFile


def test_every_data_set_of_the_paper_and_the_two_open_ones() -> None:
    assert list(SOURCES) == [
        "sub-jhmdb-1",
        "sub-jhmdb-2",
        "sub-jhmdb-3",
        "sub-jhmdb-pooled",
        "posetrack2017",
        "posetrack2018",
        "human36m",
        "pw3d",
        "aist",
        "cmu",
        "uiprmd-raw",
        "opencap",
        "penn-action",
    ]


@pytest.mark.parametrize("name", SOURCES)
def test_sources_can_be_used(name: str) -> None:
    source = SOURCES[name]
    files = [file.name for file in (*source.remote, *source.manual)]
    assert len(set(files)) == len(files)
    assert source.home_page.startswith(("https://", "http://"))
    assert all(
        text.strip()
        for text in (source.title, source.published, source.terms, source.citation, source.reference)
    )
    assert source.access == "open" or not source.remote  # nothing is fetched before its terms are accepted
    assert set(source.contents) == {name for name in files if not name.endswith((".xml", ".json"))}
    assert all(bool(file.members) == (file.name in source.contents) for file in source.manual)
    assert all(not file.name.startswith(".") for file in source.manual)


def test_folders_of_manual_files_are_told_apart() -> None:
    variables = [source.environment for source in SOURCES.values() if source.environment]
    assert len(set(variables)) == len(variables) == 6


def test_human36m_takes_the_seven_subjects_with_poses() -> None:
    assert [file.name for file in SOURCES["human36m"].manual] == [
        *(f"Poses_D3_Positions_S{subject}.tgz" for subject in (1, 5, 6, 7, 8, 9, 11)),
        "metadata.xml",
    ]


def test_a_variant_has_its_data_sets_source() -> None:
    assert source_of("sub-jhmdb-pooled") is source_of("sub-jhmdb-2") is SOURCES["sub-jhmdb-1"]
    assert source_of("aist-small") is SOURCES["aist"]
    assert source_of("clips") is source_of("aistology") is source_of("uiprmd") is None


def test_a_source_names_files_and_their_folder() -> None:
    texts = ("t", "https://a.org", "free", "open", "key", "paper")
    manual = (ManualFile("a.zip", "https://a.org", ("ask",)),)
    with pytest.raises(ValueError, match="t: names no file"):
        DatasetSource(*texts)
    with pytest.raises(ValueError, match="give both or neither"):
        DatasetSource(*texts, manual=manual)
    with pytest.raises(ValueError, match="give both or neither"):
        DatasetSource(*texts, remote=(RemoteFile("a", ("/a",)),), environment="HANET_X_FOLDER")
    with pytest.raises(ValueError, match="t: contents of files that it has not: b"):
        DatasetSource(*texts, remote=(RemoteFile("a", ("/a",)),), contents={"b": ("*",)})


def test_descriptions_are_read_from_plain_values() -> None:
    """As from YAML: lists for tuples, mappings for what is nested; wrong ones are refused in our words."""
    given = {
        "name": "a.zip",
        "urls": ["https://a.org/a.zip"],
        "credentials": {"environment": "HANET_X", "host": "a.org"},
    }
    expected = RemoteFile("a.zip", ("https://a.org/a.zip",), credentials=Credentials("HANET_X", "a.org"))
    assert TypeAdapter(RemoteFile).validate_python(given) == expected
    with pytest.raises(ValueError, match="name at least one address"):
        TypeAdapter(RemoteFile).validate_python({"name": "a.zip", "urls": []})
    adapter = TypeAdapter(DatasetSource)
    for source in SOURCES.values():
        assert adapter.validate_json(json.dumps(adapter.dump_python(source, mode="json"))) == source

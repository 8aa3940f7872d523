"""The model registry of dvc.yaml: what it names is there or is made by the default run, and has a card."""

from __future__ import annotations

import pytest
import yaml
from dvc.repo.artifacts import check_name_format

from hanet.models.cards import SHIPPED
from tests.support.paths import ROOT

ARTIFACTS = yaml.safe_load((ROOT / "dvc.yaml").read_text())["artifacts"]
RUN = yaml.safe_load((ROOT / "params.yaml").read_text())["run"]


@pytest.mark.parametrize("name", ARTIFACTS)
def test_an_artifact_is_described_and_exists(name):
    entry = ARTIFACTS[name]
    check_name_format(name)
    assert entry["type"] == "model" and entry["desc"] and entry["labels"]
    if entry["path"].startswith("hanet/"):
        assert (ROOT / entry["path"]).exists()
        assert "# Model card" in SHIPPED[name].with_name("README.md").read_text()
        return
    _, _, experiment, trained = entry["path"].split("/")
    model, _, seed = trained.rpartition("-")
    assert experiment in RUN["experiments"] and model in RUN["models"] and int(seed) in RUN["seeds"]


def test_every_shipped_model_is_an_artifact():
    assert set(SHIPPED) <= set(ARTIFACTS)

"""What MLflow's pages show first: a unit for every key, and the prepared view of a table."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hanet.results.columns import BY_KIND, COLUMNS, COSTS
from stages.tracking.shown import LONGEST, unit_of, units_table, view, view_link, with_tables
from stages.tracking.tables import METRICS


@pytest.mark.parametrize("column", [*COLUMNS, *COSTS, *BY_KIND], ids=lambda column: column.key)
def test_units_are_those_of_the_tables(column):
    expected = {"%": "fraction, 0 to 1", "": "count", "k": "1,000 operations per frame"}
    unit = expected.get(column.unit, column.unit)
    assert unit_of(f"test_{column.key}", "mm") == unit_of(f"test_{column.key}_low", "mm") == unit


def test_names_in_tables_say_fractions_and_units():
    for column in (*COLUMNS, *BY_KIND):
        name = METRICS[column.key]
        wanted = "fraction" if column.unit == "%" else column.unit.replace("/", " per ").replace("²", "2")
        assert name.endswith(wanted), name


def test_keys_of_a_training_have_units_or_are_said_to_have_none():
    text = units_table(["loss", "validation_error", "epoch", "test_mpjpe_mm", "test_mpjpe_mm_low"], "px")
    assert text.splitlines() == [
        "| Unit | Metrics |",
        "|---|---|",
        "| count | `epoch` |",
        "| mm | `test_mpjpe_mm` |",
        "| no unit | `loss` |",
        "| px | `validation_error` |",
    ]


def test_a_view_has_the_tables_columns_in_order():
    name, value = view("comparison", ["MPJPE mm", "Accel mm per frame2"])
    assert name == "mlflow.sharedViewState.comparison" and len(value) < 5000  # MLflow's limit of a tag
    state = json.loads(value)
    assert state["selectedColumns"][2:] == ["metrics.`MPJPE mm`", "metrics.`Accel mm per frame2`"]
    assert state["orderByKey"] == "metrics.`MPJPE mm`" and state["orderByAsc"] is True
    link = "#/experiments/3/runs?workflowType=machine_learning&viewStateShareKey=comparison"
    assert view_link("3", "comparison") == link


def test_an_example_is_a_window_of_detected_poses(tmp_path):
    from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
    from hanet.poses.sequence import PoseSequence
    from hanet.poses.skeletons import COCO17
    from stages.tracking.registered import example

    values = np.arange(8 * 17 * 2, dtype=np.float32).reshape(8, 17, 2)
    metadata = CacheMetadata("a", "test", "e", COCO17, "2d", "px", 25.0, "image")
    with CacheWriter(tmp_path / "a.parquet", metadata) as writer:
        writer.write(PoseSequence.keypoints("a", values, COCO17, fps=25.0, image_size=(400, 200)))
    found = example(PoseCache.open(tmp_path / "a.parquet"), 5)
    assert found.shape == (5, 34) and found.dtype == np.float32
    np.testing.assert_allclose(found.reshape(5, 17, 2), values[:5] / (400, 200))


def test_tables_that_do_not_fit_a_description_are_named(tmp_path):
    """MLflow refuses a longer tag of an experiment, and with it the whole publication."""
    from mlflow.utils.validation import MAX_EXPERIMENT_TAG_VAL_LENGTH

    assert LONGEST <= MAX_EXPERIMENT_TAG_VAL_LENGTH
    sizes = {"a": 9_000, "b": 12_000, "c": 8_000}
    for name, size in sizes.items():
        (tmp_path / f"{name}.md").write_text(name * size + "\n")
    text = with_tables("First line", sorted(tmp_path.glob("*.md")))
    assert len(text) <= LONGEST and text.startswith("First line\n\naaa")
    assert "a" * 9_000 in text and "c" * 8_000 in text and "bb" not in text
    assert text.endswith("Too long to show here: b; each is an artifact of its run.")
    assert with_tables("First line", [tmp_path / "c.md"]) == f"First line\n\n{'c' * 8_000}"

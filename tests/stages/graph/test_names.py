"""What a stage's program is about, as DVC names it and as a person does."""

from __future__ import annotations

from typing import Any

import pytest

from stages.graph.names import instance_of, training_of
from stages.params.load import Run

RUN: dict[str, Any] = {
    "datasets": ["clips"],
    "estimates": {"clips-fcn": "clips", "a": "clips", "a-b": "clips"},
    "experiments": ["clips-fcn", "a", "a-b"],
    "models": ["hanet", "b-hanet"],
    "ablations": ["kin-none"],
    "seeds": [4321, 1],
}


def run() -> Run:
    return Run.model_validate(RUN)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["ingest@clips"], ["clips"]),
        (["../dvc.yaml:ingest@clips"], ["clips"]),
        (["evaluate@it's; $(touch x)"], ["it's; $(touch x)"]),
        (["clips"], ["clips"]),
        (["kinect", "first", "1"], ["kinect", "first", "1"]),
        ([], []),
    ],
)
def test_names_are_those_behind_the_at_or_given_apart(arguments: list[str], names: list[str]) -> None:
    assert instance_of(arguments) == names


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["train@clips-fcn-hanet-4321"], ["clips-fcn", "hanet", "4321"]),
        (["refine-ablated@clips-fcn-kin-none-1"], ["clips-fcn", "kin-none", "1"]),
        (["train@a-b-b-hanet-1"], ["a-b", "b-hanet", "1"]),
        (["elsewhere", "other", "7"], ["elsewhere", "other", "7"]),
    ],
)
def test_a_training_is_one_of_those_that_are_run(arguments: list[str], names: list[str]) -> None:
    assert training_of(arguments, run()) == names


@pytest.mark.parametrize(("joined", "count"), [("clips-fcn-hanet-7", 0), ("a-b-hanet-1", 2)])
def test_a_name_of_no_training_or_of_two_is_refused(joined: str, count: int) -> None:
    with pytest.raises(
        ValueError, match=f"expected the name of one training .*got {joined}, which is the name of {count}"
    ):
        training_of([f"train@{joined}"], run())

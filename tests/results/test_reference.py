"""References of results: bands by hand, and which runs agree."""

from __future__ import annotations

from typing import Any

import pytest

from hanet.results.reference import band, build, compare

SCORES: dict[str, Any] = {"input": {"mpjpe_mm": {"mean": 90.0}}, "hanet": {"mpjpe_mm": {"mean": 50.0}}}


def run(method: str, seed: int | None, mean: float, metric: str = "mpjpe_mm") -> dict[str, Any]:
    return {"method": method, "seed": seed, "metrics": {metric: {"mean": mean}}}


def runs(*values: float, fixed: float = 90.0) -> list[dict[str, Any]]:
    return [run("input", None, fixed), *(run("hanet", seed, value) for seed, value in enumerate(values))]


def test_a_band_by_hand() -> None:
    """Five runs of mean 50 and deviation 1: t of 4 degrees of freedom at 99.5 % is 4.604."""
    values = [50 + x * 2**0.5 for x in (-1, 0, 0, 0, 1)]
    assert band(values) == pytest.approx((50 - 4.6041 * (1 + 1 / 5) ** 0.5, 50 + 4.6041 * 1.2**0.5), abs=1e-3)
    assert band([50.0] * 5) == pytest.approx((49.9, 50.1))  # not narrower than rounding magnified
    with pytest.raises(ValueError, match="at least 5 runs, got 4; train with more seeds"):
        band([50.0] * 4)


def test_fixed_rows_have_a_value_and_trained_ones_a_band() -> None:
    reference = build("clips-fcn", runs(*[50.0] * 5), SCORES, params_sha256="0", provenance={"commit": "abc"})
    assert (reference.metric, reference.unit, reference.provenance) == ("mpjpe_mm", "mm", {"commit": "abc"})
    assert reference.rows["input"].model_dump() == {"value": 90.0, "low": None, "high": None, "runs": 1}
    assert reference.rows["hanet"].model_dump() == {"value": 50.0, "low": 49.9, "high": 50.1, "runs": 5}
    with pytest.raises(ValueError, match="row hanet: a band needs at least 5 runs, got 2"):
        build("clips-fcn", runs(50.0, 51.0), SCORES, params_sha256="0", provenance={})


@pytest.mark.parametrize(
    ("found", "agree"),
    [
        (runs(50.05, fixed=90.01), {"input": True, "hanet": True}),
        (runs(50.2, fixed=90.011), {"input": False, "hanet": False}),
        (runs(50.0, 49.8), {"input": True, "hanet": False}),  # one of two runs outside
        ([run("input", None, 90.0)], {"input": True, "hanet": False}),  # not run
    ],
)
def test_which_runs_agree(found: list[dict[str, Any]], agree: dict[str, bool]) -> None:
    reference = build("clips-fcn", runs(*[50.0] * 5), SCORES, params_sha256="0", provenance={})
    verdicts = {verdict.row: verdict for verdict in compare(reference, found)}
    assert {row: verdict.ok for row, verdict in verdicts.items()} == agree
    line = verdicts["hanet"].line("mm")
    assert line.startswith("ok  " if agree["hanet"] else "FAIL") and "expected 49.90 to 50.10" in line
    assert ("not run" in line) == (len(found) == 1)


def test_shares_are_in_percent() -> None:
    scores = {"input": {"pck_010": {"mean": 0.5}}}
    reference = build("j", [run("input", None, 0.5, "pck_010")], scores, params_sha256="0", provenance={})
    assert reference.unit == "%" and reference.rows["input"].value == 50.0
    near, far = (
        next(compare(reference, [run("input", None, value, "pck_010")])) for value in (0.50009, 0.5002)
    )
    assert near.ok and not far.ok

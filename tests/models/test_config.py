"""Configurations as version 0.1.0 wrote them: they are read, and written again with the same values."""

import json

import pytest

from hanet.models.options import CONFIGS

WRITTEN = {
    "hanet": '{"channels": 51, "interval": 5, "window": 16, "hidden": 32, "layers": 2, "heads": 4, '
    '"feedforward": 64, "pre_norm": true, "dropout": 0, "flow": false, "velocity": true, '
    '"acceleration": true, "learn_kinematics": true, "multi_scale": true, "interpolation": "cubic", '
    '"output_smoothing": 1}',
    "deciwatch": '{"channels": 51, "interval": 5, "window": 16, "hidden": 32, "encoder_layers": 5, '
    '"decoder_layers": 5, "heads": 4, "feedforward": 256, "pre_norm": true, "dropout": 0.1}',
    "smoothnet": '{"window": 16, "hidden": 32, "residual_hidden": 256, "blocks": 3, "dropout": 0.5}',
}


LATER = {
    "hanet": {"kinematics_start": "random", "residual": False, "frame_path": False},
    "deciwatch": {},
    "smoothnet": {},
}
"""Keys that later versions added, with their defaults."""


@pytest.mark.parametrize("network", WRITTEN)
def test_what_0_1_0_wrote_is_unchanged(network: str, unchecked) -> None:
    written = json.loads(WRITTEN[network])
    assert CONFIGS[network].from_dict(written).to_dict() == written | LATER[network]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dropout": True}, "dropout: expected a number, got true"),
        (
            {"window": "16", "deep": 1},
            'window: expected an integer, got "16"; remove the quotes; deep: unknown',
        ),
        ({"dropout": float("nan")}, "dropout: expected a finite number, got NaN"),
    ],
)
def test_all_faults_are_in_one_line(changes: dict, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        CONFIGS["smoothnet"].from_dict(json.loads(WRITTEN["smoothnet"]) | changes)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)

"""``hanet calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hanet.cli import inputs
from hanet.cli.errors import user_errors
from hanet.cli.outputs import check_new_folder, wrote
from hanet.numbers import plain

if TYPE_CHECKING:
    from hanet.methods.calibrate import Calibration


def calibrate(
    detected: Annotated[Path, typer.Option(help="Poses of the estimator: a pose file of any format.")],
    gt: Annotated[Path, typer.Option(help="Their ground truth: a pose file of any format.")],
    out: Annotated[Path, typer.Option(help="Folder to write, for `hanet refine --method`.")],
    fps: inputs.Fps = None,
    image_size: inputs.ImageSize = None,
    skeleton: inputs.SkeletonName = None,
    min_score: inputs.MinScore = None,
) -> None:
    """Learn an estimator's bias from about a minute of its poses with their ground truth."""
    with user_errors():
        check_new_folder(out, inputs=[detected, gt])
        options = inputs.read_options(fps, image_size, skeleton, min_score)
        truth, poses = (inputs.open_people(path, options) for path in (gt, detected))
        truth.require_fps()
        from hanet.methods.calibrate import calibrate as fit
        from hanet.methods.calibration_files import save_calibration
        from hanet.metrics.common import common

        pair = common(truth.tracks, poses.tracks, gt_path=gt, path=detected)
        made = fit(pair.detected, pair.gt)
        save_calibration(out, made)
    typer.echo(described(made))
    wrote(out)


def described(made: Calibration) -> str:
    """The errors on pieces of time that were left out."""
    factor, unit = (100.0, "% of the body's size") if made.unit == "px" else (1000.0, "mm")
    joints, before = f"{len(made.joints)} joints", factor * made.errors["input"]
    if "inf" not in made.errors:
        return (
            f"{joints}; a constant offset, from a mean error of {plain(before)} {unit}. The recording is "
            f"too short to leave a part out, so nothing shows how well it will do; a minute is enough"
        )
    constant, chosen = (factor * made.errors[key] for key in ("inf", f"{made.strength:g}"))
    return (
        f"{joints}; error on parts left out: {plain(before)} {unit}, constant offset "
        f"{plain(constant)}, calibrated {plain(chosen)} (ridge strength {made.strength:g})"
    )

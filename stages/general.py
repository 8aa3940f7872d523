"""Train the general refiner: ``python -m stages.general MOTION OUTPUT``.

MOTION is a folder of motion capture, ``*.npz`` files with ``joints`` (frames, 17, 3): Human3.6M joints in
metres, y up, clip after clip, ``length`` and ``name`` per clip, and ``jumps`` per clip, the frames in which a
marker jumps (clips with some are left out). OUTPUT gets the weights, as `hanet.models.general_export` writes
them, and ``training.csv``. Copied to hanet/weights they are what the package refines with.

`VALIDATION` names people whose clips are kept for validation, which chooses the best step.
"""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from hanet.files.atomic import write_text
from hanet.files.hashing import file_hash
from hanet.files.unpickle import read_npz
from hanet.models.general_export import write_weights
from hanet.models.general_options import GeneralConfig
from hanet.poses.skeletons import H36M17
from hanet.progress import console
from hanet.training.general import Checked, GeneralTraining, train_general
from hanet.training.general_windows import Motion, draw_windows
from stages import workspace

VALIDATION = ("003", "005", "007")
FPS = 60.0


def main(motion: Path, output: Path, options: GeneralTraining | None = None) -> None:
    """Draw windows, train, write."""
    with workspace.stage("general"):
        options, config = options or GeneralTraining(), GeneralConfig()
        files = sorted(motion.glob("*.npz"))
        train, validation = read_motion(files)
        console.print(f"  {len(train)} clips to learn from, {len(validation)} to choose on")
        learn, choose = (
            [
                draw_windows(clips, count, frames, np.random.default_rng([options.seed, i, frames]))
                for frames in options.frames
            ]
            for i, (clips, count) in enumerate(((train, options.windows), (validation, options.validation)))
        )
        model, history = train_general(config, options, learn, choose, report=_report)
        best = min(history, key=lambda checked: checked.loss)
        write_weights(
            output,
            model,
            {
                "training": asdict(options),
                "validation": {"people": VALIDATION, **asdict(best)},
                "motion_sha256": {path.name: file_hash(path) for path in files},
            },
        )
        write_text(output / "training.csv", _csv(history))


def read_motion(files: list[Path]) -> tuple[list[Motion], list[Motion]]:
    """Clips to learn from, and those of the people kept for validation.

    Raises:
        ValueError: no file, or a file without the arrays named above.
    """
    if not files:
        raise ValueError(
            "expected a folder with .npz files of motion, got none; see python -m stages.general"
        )
    train: list[Motion] = []
    validation: list[Motion] = []
    for path in files:
        content = read_npz(path)
        if missing := [key for key in ("joints", "length", "name", "jumps") if key not in content]:
            raise ValueError(
                f"{path}: expected arrays joints, length, name and jumps, got no {', '.join(missing)}"
            )
        stops = np.cumsum(content["length"])
        for name, length, stop, jumps in zip(
            content["name"], content["length"], stops, content["jumps"], strict=True
        ):
            if jumps == 0:
                clip = Motion(content["joints"][stop - length : stop], FPS, tuple(H36M17.mirror.tolist()))
                (validation if str(name).split("/")[0] in VALIDATION else train).append(clip)
    return train, validation


def _report(checked: Checked) -> None:
    console.print(
        f"  step {checked.step}: loss {checked.loss:.4f}, error × {np.exp(checked.position):.3f}, "
        f"acceleration × {np.exp(checked.acceleration):.3f}, {checked.seconds:.0f} s"
    )


def _csv(history: list[Checked]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(Checked)])
    writer.writerows([asdict(checked).values() for checked in history])
    return text.getvalue()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""Train the general refiner: ``python -m stages.general MOTION OUTPUT`` (`--help` lists options).

MOTION is a folder of motion capture, ``*.npz`` files with ``joints`` (frames, 17, 3): Human3.6M joints in
metres, y up, clip after clip, ``length`` and ``name`` per clip, and ``jumps`` per clip, the frames in which a
marker jumps (clips with some are left out). OUTPUT gets the weights, as `hanet.models.general_export` writes
them, and ``training.csv``. Copied to hanet/weights they are what the package refines with.

`VALIDATION` names people whose clips are kept for validation, which chooses the best step. `VARIANTS` are
ablations, and other networks to compare with. With `--domain` MOTION is a folder of domains instead, as for
`stages.domains`, and the network learns from one of them (`stages.one_domain`).
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import numpy as np

from hanet.files.atomic import write_text
from hanet.files.hashing import file_hash
from hanet.files.unpickle import read_npz
from hanet.models.general_export import write_weights
from hanet.models.general_options import BaselineConfig, GeneralConfig
from hanet.poses.skeletons import H36M17
from hanet.progress import console
from hanet.training.general import Checked, GeneralTraining, train_general
from hanet.training.general_windows import Motion, draw_windows
from stages import one_domain, workspace

VALIDATION = ("003", "005", "007")
FPS = 60.0


@dataclass(frozen=True)
class Variant:
    """A network and how it is trained.

    Attributes:
        label: its name in tables.
        config: the network.
        harm, acceleration: weights of the loss, see `GeneralTraining`.
    """

    label: str
    config: GeneralConfig | BaselineConfig = field(default_factory=GeneralConfig)
    harm: float = GeneralTraining.harm
    acceleration: float = GeneralTraining.acceleration


VARIANTS = {
    "full": Variant("general"),
    "no-context": Variant("without the body's other joints", GeneralConfig(context=False)),
    "one-block": Variant("one block over watched frames", GeneralConfig(blocks=1)),
    "no-blocks": Variant("no block over watched frames", GeneralConfig(blocks=0)),
    "free-penalty": Variant("as little smoothing as it likes", GeneralConfig(faster=10.0)),
    "no-weights": Variant("every detection trusted alike", GeneralConfig(weighted=False)),
    "no-tuned": Variant("not relative to the self-tuned smoother", GeneralConfig(tuned=False)),
    "no-harm": Variant("no extra loss for harm", harm=0.0),
    "no-acceleration": Variant("no loss of accelerations", acceleration=0.0),
    "tcn": Variant("dilated TCN", BaselineConfig()),
    "smoothnet": Variant("SmoothNet's layers, residual", BaselineConfig("smoothnet", width=84, blocks=3)),
}


def main(
    motion: Path,
    output: Path,
    options: GeneralTraining | None = None,
    variant: Variant = VARIANTS["full"],
    domain: str | None = None,
) -> None:
    """Draw windows, train, write."""
    with workspace.stage("general"):
        options = replace(options or GeneralTraining(), harm=variant.harm, acceleration=variant.acceleration)
        if domain is None:
            learned, people = _of_motion(motion, options), {"people": VALIDATION}
        else:
            learned, people = one_domain.windows(motion, domain, options), {"domain": domain}
            console.print(f"  windows of {', '.join(map(str, learned.options.frames))} frames from {domain}")
        model, history = train_general(
            variant.config, learned.options, learned.learn, learned.choose, report=_report
        )
        best = min(history, key=lambda checked: checked.loss)
        write_weights(
            output,
            model,
            {
                "training": asdict(learned.options),
                "validation": {**people, **asdict(best)},
                "motion_sha256": learned.files,
            },
        )
        write_text(output / "training.csv", _csv(history))


def _of_motion(folder: Path, options: GeneralTraining) -> one_domain.Learned:
    files = sorted(folder.glob("*.npz"))
    train, validation = read_motion(files)
    console.print(f"  {len(train)} clips to learn from, {len(validation)} to choose on")
    learn, choose = (
        [
            draw_windows(clips, count, frames, np.random.default_rng([options.seed, i, frames]))
            for frames in options.frames
        ]
        for i, (clips, count) in enumerate(((train, options.windows), (validation, options.validation)))
    )
    return one_domain.Learned(learn, choose, options, {path.name: file_hash(path) for path in files})


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


def _arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m stages.general", description="Train the general refiner."
    )
    parser.add_argument("motion", type=Path, help="folder of motion capture")
    parser.add_argument("output", type=Path, help="folder for the weights")
    parser.add_argument("--variant", choices=VARIANTS, default="full", help="an ablation or another network")
    parser.add_argument("--domain", choices=one_domain.DOMAINS, help="learn from one domain in this folder")
    parser.add_argument("--seed", type=int, default=GeneralTraining.seed)
    parser.add_argument("--steps", type=int, default=GeneralTraining.steps)
    return parser.parse_args(given)


def command(given: Sequence[str] | None = None) -> None:
    """Train as the command line says."""
    said = _arguments(given)
    options = GeneralTraining(seed=said.seed, steps=said.steps, every=min(said.steps, GeneralTraining.every))
    main(said.motion, said.output, options, VARIANTS[said.variant], said.domain)


if __name__ == "__main__":
    command()

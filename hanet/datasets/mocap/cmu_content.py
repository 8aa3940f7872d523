"""Motion capture seen by virtual cameras: CMU's trials."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hanet.datasets.common.content import Content, Item, first_clips
from hanet.datasets.mocap.cmu import Limits, read_cmu, subject_of
from hanet.datasets.mocap.content import in_cameras
from hanet.datasets.mocap.options import CmuIngest
from hanet.options import SPLITS


def cmu(raw: Path, options: CmuIngest) -> Content:
    """Like `content.clips`: trials of each split's subjects; those of ``source`` train the estimator."""
    left_out: dict[str, int] = {}
    cuts = options.glitches
    limits = Limits(cuts.max_speed, cuts.max_stretch, cuts.min_frames)

    def items(split: str) -> Iterator[Item]:
        trials = read_cmu(
            raw,
            fps=options.fps,
            limits=limits,
            subjects=options.splits[split],
            rates=options.rates,
        )
        for trial in trials:
            if trial.left_out:
                left_out[trial.name] = trial.left_out
            if trial.clip is not None:
                yield from in_cameras(trial.clip, split, options)

    return Content(
        {
            split: first_clips(items(split), options.limit)
            for split in ("source", *SPLITS)
            if split in options.splits
        },
        group=lambda name: f"subject {subject_of(name)}",
        groups="subjects",
        people=True,
        declared=[leak.declaration() for leak in options.declared],
        notes={"frames_left_out": left_out},
    )

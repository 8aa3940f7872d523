"""Stage ingest: raw files to ground-truth pose caches in data/poses/<dataset>, leakage checked."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hanet.data.cache import GROUND_TRUTH, CacheMetadata, CacheWriter
from hanet.data.clips import Clip, glitches, read_clips
from hanet.data.leakage import check_leakage, clip_of
from hanet.data.leakage import report as leakage_report
from hanet.data.uiprmd import read_pairs, split_of, subject_of
from hanet.data.views import cameras_around, views
from hanet.poses import PoseSequence
from hanet.skeletons import H36M17
from stages import _released, _run
from stages._sources import SPLITS, Clips, ClipsIngest, Released, SubjectsIngest
from stages.params import load


def main(dataset: str) -> None:
    """Write one cache a split, and a report of what was read, left out and checked."""
    with _run.stage("ingest", dataset):
        described = load().dataset(dataset)
        with _run.fresh_folder(_run.POSES / dataset) as folder:
            raw = _run.RAW / dataset
            if isinstance(described, Clips):
                report = clips(raw, folder, described.ingest, dataset)
            elif isinstance(described, Released):
                report = released(raw, folder, described, dataset)
            else:
                report = pairs(raw, folder, described.ingest, dataset)
            _run.write_json(folder / "report.json", report)
        for name, row in report["splits"].items():
            _run.console.print(f"  {name}: {row['sequences']} sequences, {row['frames']} frames")
        _run.console.print(f"  {report['leakage']}")


def source_hashes(raw: Path) -> dict[str, str]:
    """SHA-256 of every raw file, by path."""
    return {str(p.relative_to(raw)): _run.file_hash(p) for p in sorted(raw.rglob("*")) if p.is_file()}


def write(
    path: Path,
    sequences: Sequence[PoseSequence],
    dataset: str,
    split: str,
    hashes: dict[str, str],
    *,
    estimator: str = GROUND_TRUTH,
) -> None:
    """A cache of ground truth, or of an estimator's poses, and the hashes of the raw files it comes from."""
    described = CacheMetadata.of(
        sequences[0],
        dataset=dataset,
        split=split,
        estimator=estimator,
        provenance={"sources_sha256": hashes},
    )
    with CacheWriter(path, described) as writer:
        for sequence in sequences:
            writer.write(sequence)


# --- clips


def clips(raw: Path, folder: Path, options: ClipsIngest, dataset: str) -> dict[str, Any]:
    """Caches ``gt-<split>`` (joints) and ``keypoints-<split>``; split ``source`` is for the estimator."""
    wanted = {name: split for split, names in options.splits.items() for name in names}
    found: dict[str, list[Clip]] = {split: [] for split in ("source", *SPLITS)}
    dropped: dict[str, int] = {}
    for clip in read_clips(raw, fps=options.fps):
        clip, dropped[clip.name] = without_glitches(clip, options)
        split = "source" if clip.role == "source" else wanted.pop(clip.name, None)
        if split is None:
            raise ValueError(
                f"target clip {clip.name} is in no split; name it under datasets.{dataset}.ingest.splits"
            )
        found[split].append(clip)
    if wanted:
        raise ValueError(f"splits name clips that are not there: {', '.join(sorted(wanted))}")
    # Before cameras look at them: each clip has its own, and the same motion in two would not be noticed.
    bodies = {split: [body(clip) for clip in members] for split, members in found.items()}
    leakage = leakage_report(check_leakage(bodies, group=clip_of))
    hashes = source_hashes(raw)
    rows = {}
    for split, members in found.items():
        cameras = options.source_cameras if split == "source" else options.target_cameras
        shown = [
            view
            for clip in members
            for view in views(
                clip,
                cameras_around(
                    clip,
                    cameras.count,
                    seed=options.seed,
                    distance=cameras.distance,
                    off_centre=cameras.off_centre,
                ),
            )
        ]
        for kind, sequences in (
            ("gt", [v.joints for v in shown]),
            ("keypoints", [v.keypoints for v in shown]),
        ):
            write(folder / f"{kind}-{split}.parquet", sequences, dataset, split, hashes)
        rows[split] = {
            "clips": [clip.name for clip in members],
            "sequences": len(shown),
            "frames": sum(len(view.joints) for view in shown),
        }
    return {"splits": rows, "glitch_frames_left_out": dropped, "leakage": leakage}


def body(clip: Clip) -> PoseSequence:
    """The clip's poses, wherever in the world they happen; one row after the other, without the gaps."""
    return PoseSequence(
        name=clip.name,
        values=clip.joints,
        skeleton=H36M17,
        representation="3d",
        fps=clip.fps,
        unit="m",
        frame_of_reference="world",
    ).root_relative()


def without_glitches(clip: Clip, options: ClipsIngest) -> tuple[Clip, int]:
    """The clip without frames that no body can have and runs too short to be of use; how many those are."""
    limits = options.glitches
    keep = ~glitches(clip.joints, clip.fps, max_speed=limits.max_speed, max_stretch=limits.max_stretch)
    for run in np.split(np.arange(len(keep)), np.flatnonzero(np.diff(keep)) + 1):
        if len(run) < limits.min_frames:
            keep[run] = False
    if not keep.any():
        raise ValueError(
            f"clip {clip.name}: all {len(keep)} frames are glitches; check datasets.*.ingest.glitches"
        )
    return replace(clip, joints=clip.joints[keep], frames=clip.frames[keep]), int((~keep).sum())


# --- UI-PRMD


def pairs(raw: Path, folder: Path, options: SubjectsIngest, dataset: str) -> dict[str, Any]:
    """Caches ``gt-<split>`` of the Vicon joints."""
    hashes = source_hashes(raw)
    found: dict[str, list[PoseSequence]] = {split: [] for split in SPLITS}
    for _, gt in read_pairs(raw):
        found[split_of(gt.name, options.splits)].append(gt)
    if empty := [split for split, sequences in found.items() if not sequences]:
        raise ValueError(f"{dataset}: no subject in {', '.join(empty)}; name others for it in params.yaml")
    leakage = leakage_report(check_leakage(found, group=lambda name: f"subject {subject_of(name)}"))
    rows = {}
    for split, sequences in found.items():
        write(folder / f"gt-{split}.parquet", sequences, dataset, split, hashes)
        rows[split] = {
            "subjects": sorted({subject_of(s.name) for s in sequences}),
            "sequences": len(sequences),
            "frames": sum(len(s) for s in sequences),
        }
    return {"splits": rows, "leakage": leakage}


# --- poses that others released


def released(raw: Path, folder: Path, described: Released, dataset: str) -> dict[str, Any]:
    """Caches ``gt-<split>`` and ``<estimator>-<split>``; ``leak`` says why a declared leak is there."""
    hashes, estimator = source_hashes(raw), described.download.estimator
    found = _released.splits(raw, described.download, described.ingest)
    leaks = _released.leaks(found, described.download, described.ingest)
    rows = {}
    for split, pairs in found.items():
        truths = [truth for _, truth in pairs]
        write(folder / f"gt-{split}.parquet", truths, dataset, split, hashes)
        detected = [poses for poses, _ in pairs]
        path = folder / f"{estimator}-{split}.parquet"
        write(path, detected, dataset, split, hashes, estimator=estimator)
        rows[split] = {"sequences": len(truths), "frames": sum(len(truth) for truth in truths)}
    return {
        "splits": rows,
        "leakage": leakage_report(leaks),
        "leak": described.ingest.leak if leaks else None,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])

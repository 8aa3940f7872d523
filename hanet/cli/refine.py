"""``hanet refine``."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hanet.cli import inputs
from hanet.cli.errors import finite, user_errors
from hanet.cli.lines import say
from hanet.cli.memory import trimmed
from hanet.cli.outputs import Force, check_new_folder, check_output, wrote
from hanet.cli.progress import bar
from hanet.cli.refine_tables import with_tables, write_tables
from hanet.extras import message

if TYPE_CHECKING:
    from hanet.formats.base import ReadOptions
    from hanet.methods.outcomes import Refined
    from hanet.methods.smoothing import GapAware, Smoothed
    from hanet.methods.trained import TrainedNetwork

DEFAULT_GAP = 0.25
DEFAULT_METHOD = "general"
ONNX = ".onnx"
_SHOWN = 12
"""Tracks of a file that get a line each."""


def refine(
    poses: Annotated[
        list[str], typer.Argument(help="Pose file or folder; several or a pattern are a batch.")
    ],
    out: Annotated[Path, typer.Option(help="File to write, of the same format; a folder for a batch.")],
    method: Annotated[
        str | None,
        typer.Option(
            help="The general refiner, a filter, filters joined by +, e.g. butterworth:cutoff=6, or "
            "a folder of `hanet calibrate`.",
            show_default=f"{DEFAULT_METHOD}: the packaged refiner, which never trained on your estimator",
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a trained HANet, DeciWatch or SmoothNet, or a file of `hanet export-onnx`.",
            show_default="the packaged general refiner",
        ),
    ] = None,
    fps: inputs.Fps = None,
    image_size: inputs.ImageSize = None,
    skeleton: inputs.SkeletonName = None,
    min_score: inputs.MinScore = None,
    max_gap: Annotated[
        float, typer.Option(min=0, callback=finite, help="Longest gap to fill, in seconds.")
    ] = DEFAULT_GAP,
    lag: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1000,
            callback=finite,
            metavar="MS",
            help="Use no frames later than so many milliseconds, as in live use.",
            show_default="uses all frames",
        ),
    ] = None,
    mend_swaps: Annotated[
        bool, typer.Option("--mend-swaps", help="Swap left and right joints back where they changed places.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            help="JSON file to write: swaps, outliers, filled and missing joints by frame.",
            show_default="none",
        ),
    ] = None,
    intervals: Annotated[
        Path | None,
        typer.Option(
            help="Table to write (.parquet or .csv): how far off joints are in nine of ten cases.",
            show_default="none",
        ),
    ] = None,
    format: inputs.FormatName = None,
    images: inputs.Images = None,
    frames: inputs.FrameNumbers = "names",
    stride: Annotated[
        int | None,
        typer.Option(
            min=1, help="Model: frames between windows.", show_default="the model's interval, as published"
        ),
    ] = None,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="Model: refine the mirror image too and average.")
    ] = False,
    trained_on: Annotated[
        Path | None,
        typer.Option(
            help="Model: cache of its training detections.", show_default="as the model describes them"
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Refine the poses in a file of any format by a filter or a trained model."""
    extra = None if model is None or model.suffix == ONNX else "train"
    with user_errors(extra):
        if model is None and (stride is not None or mirror or trained_on is not None):
            raise ValueError("--stride, --mirror and --trained-on are a model's; give --model")
        if model is not None and model.suffix == ONNX and trained_on is not None:
            raise ValueError(f"{model} says what it was trained on; leave out --trained-on")
        if model is not None:
            _refuse_with_model(method, lag, mend_swaps, report or intervals)
        single = len(poses) == 1 and not Path(poses[0]).is_dir() and not glob.has_magic(poses[0])
        if single:
            check_output(out, inputs.endings(), force=force, inputs=[poses[0], images, trained_on])
        filters = _filters(method or DEFAULT_METHOD, max_gap, lag, mend_swaps, report is not None)
        filters = with_tables(filters, report, intervals, force, [*poses, out, images])
        options = inputs.read_options(fps, image_size, skeleton, min_score, images, frames)
        found = inputs.find_inputs(poses, format)
        trained = None if model is None else _Model(model, stride, mirror, trained_on, max_gap)
        changes: list[dict[str, object]] = []
        results: list[tuple[Path, Smoothed]] = []
        job = _Job(filters, trained, options, format, force, changes, results)
        if found.batch:
            check_new_folder(out, inputs=found.paths)
        if found.project is not None and out.resolve().is_relative_to(found.project.resolve()):
            raise ValueError(f"{out}: lies in the project {found.project}; name a folder outside of it")
    if found.batch:
        failed = _batch(job, found, out)
    else:
        with user_errors(extra):
            lines, failed = job.run(found.paths[0], out, show=True)
        for line in lines:
            say(line)
        wrote(out)
    write_tables(report, changes, intervals, results)
    if failed:
        raise typer.Exit(1)


def _refuse_with_model(method: str | None, lag: float | None, mend_swaps: bool, report: Path | None) -> None:
    if method is not None:
        raise ValueError("--model and --method: give one of them")
    if lag is not None:
        raise ValueError("--lag is the general refiner's; leave out --model")
    if mend_swaps or report is not None:
        raise ValueError("--mend-swaps, --report and --intervals do not go with --model")


def _filters(method: str, max_gap: float, lag: float | None, mend_swaps: bool, noted: bool) -> GapAware:
    from hanet.methods.parsing import parse_method

    if lag is not None and mend_swaps:
        raise ValueError("--mend-swaps looks at all frames; leave out --lag")
    filters = parse_method(method, max_gap, lag)
    if not (mend_swaps or noted):
        return filters
    from hanet.methods.changes import Noted

    return Noted.of(filters, mend=mend_swaps)


@dataclass(frozen=True)
class _Model:
    folder: Path
    stride: int | None
    mirror: bool
    trained_on: Path | None
    max_gap: float

    @cached_property
    def network(self) -> TrainedNetwork:
        """The model, read once."""
        from hanet.methods.trained import TrainedNetwork
        from hanet.models.trained_on import PoseKind

        kind = None
        if self.trained_on is not None:
            from hanet.cache.files import PoseCache

            kind = PoseKind.of_checkpoint(self.folder, PoseCache.open(self.trained_on))
        return TrainedNetwork.open(self.folder, kind=kind, stride=self.stride, mirror=self.mirror)

    def any_file(self) -> GapAware:
        """The model for files of any format."""
        from hanet.methods.by_model import ByModel

        return ByModel(self.max_gap, str(self.folder), self.network)

    def refine(self, path: Path, out: Path, show: bool) -> tuple[list[str], list[Refined]]:
        """Refine a cache by the model: notes and results."""
        from hanet.cache.files import PoseCache
        from hanet.methods.apply import refine_cache

        cache = PoseCache.open(path)
        fps = cache.metadata.fps
        longest = round(min(self.max_gap * fps, cache.num_frames))
        trained = self.network
        trained.kind.check(cache.metadata, str(path))
        results = refine_cache(
            trained.over_gaps(longest),
            cache,
            out,
            parameters=trained.settings | {"longest_gap": longest},
            longest=longest,
            track=lambda tracks: trimmed(bar(self.folder.name)(tracks) if show else tracks),
        )
        other = abs(trained.kind.fps / fps - 1) > 1e-3
        return [f"{fps:.6g} fps, refined at the model's {trained.kind.fps:.6g}"] if other else [], results


@dataclass(frozen=True)
class _Job:
    """How each file is refined; `changes` gets what was done to it, `results` its tracks."""

    filters: GapAware
    model: _Model | None
    options: ReadOptions
    format: str | None
    force: bool
    changes: list[dict[str, object]]
    results: list[tuple[Path, Smoothed]]

    def run(self, path: Path, out: Path, *, show: bool) -> tuple[list[str], int]:
        """Refine a file; returns what to print and the number of tracks that failed.

        Raises:
            ValueError, OSError: nothing was written.
        """
        if path.is_dir():
            check_new_folder(out, inputs=[path])
        else:
            inputs.require_known(path, self.format)
            check_output(out, [path.suffix], force=self.force, inputs=[path, self.options.images])
        if path.suffix == ".parquet":
            notes, results = self._cache(path, out, show)
        else:
            from hanet.methods.pose_files import refine_file

            poses = inputs.open_poses(path, self.options, self.format)
            method = self.filters if self.model is None else self.model.any_file()
            refined = refine_file(poses, out, method, bar(path.name) if show else iter)
            notes, results = [*refined.notes, f"method: {refined.method}"], refined.tracks
            self._note(path, out, refined.method, refined.smoothed)
        return [*notes, *_summary(results)], sum(result.error is not None for result in results)

    def _cache(self, path: Path, out: Path, show: bool) -> tuple[list[str], Sequence[Refined]]:
        if self.model is not None:
            return self.model.refine(path, out, show)
        from hanet.cache.files import PoseCache
        from hanet.methods.pose_files import refine_cache_file

        fps = PoseCache.open(path).metadata.fps
        if self.options.fps not in (None, fps):
            raise ValueError(f"{path} has {fps:g} frames per second; leave out --fps")
        refined = refine_cache_file(path, out, self.filters, bar(path.name) if show else iter)
        self._note(path, out, refined.method, refined.smoothed)
        return [f"method: {refined.method}"], refined.tracks

    def _note(self, path: Path, out: Path, method: str, results: Sequence[Smoothed]) -> None:
        from hanet.methods.changes import listed

        self.results.extend((path, result) for result in results if result.radii is not None)
        self.changes.append(
            {"input": str(path), "output": str(out), "method": method, "tracks": listed(results)}
        )


def _summary(results: Sequence[Refined]) -> list[str]:
    """A line per track; of many, those that failed and the sum."""
    if len(results) <= _SHOWN:
        return [str(result) for result in results]
    joints, missing, left = (sum(getattr(r, name) for r in results) for name in ("joints", "missing", "left"))
    failed = [str(result) for result in results if result.error is not None]
    return [
        *failed,
        f"{len(results)} tracks, {sum(r.frames for r in results)} frames, {missing} of {joints} joint "
        f"positions missing ({missing - left} filled, {left} left missing)",
    ]


def _batch(job: _Job, found: inputs.Inputs, out: Path) -> int:
    """Refine every file; one that fails does not stop the others. Returns the number of faults."""
    failed: list[str] = []
    done = 0
    out.mkdir(parents=True, exist_ok=True)
    for path in bar("files", len(found.paths))(found.paths):
        try:
            one = replace(job, options=found.options(path, job.options))
            lines, tracks = one.run(path, out / found.output(path), show=False)
        except (ValueError, OSError, ModuleNotFoundError) as error:
            failed.append(message(error))
            continue
        done += 1
        if tracks:
            failed += [f"{path}: {line}" for line in lines if "not refined:" in line]
    if found.project is not None:
        from hanet.formats.pose2sim import copy_rest

        for line in copy_rest(found.project, out, map(found.output, found.paths)):
            say(line)
    ignored = f", {found.ignored} of other kinds left out" if found.ignored else ""
    say(f"{done} of {len(found.paths)} files refined{ignored}; wrote {out}")
    for line in failed:
        say(f"failed: {line}", err=True)
    return len(failed)

"""``hanet convert``."""

from __future__ import annotations

import glob
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hanet.cli import inputs
from hanet.cli.errors import message, user_errors
from hanet.cli.lines import say
from hanet.cli.outputs import Force, check_new_folder, check_output, wrote
from hanet.cli.progress import bar

if TYPE_CHECKING:
    from hanet.formats.base import ReadOptions


def convert(
    poses: Annotated[
        list[str], typer.Argument(help="Pose file or folder; several or a pattern are a batch.")
    ],
    out: Annotated[Path, typer.Option(help="File to write; a folder for a batch.")],
    to: Annotated[
        str | None,
        typer.Option(help="Format to write, such as openpose or trc.", show_default="by the name of --out"),
    ] = None,
    to_skeleton: Annotated[
        str | None,
        typer.Option(
            help="Set of keypoints to write, found by the joints' names.", show_default="the source's"
        ),
    ] = None,
    sequence: Annotated[
        str | None, typer.Option(help="Only this sequence.", show_default="all sequences")
    ] = None,
    track: Annotated[int | None, typer.Option(help="Only this person.", show_default="all tracks")] = None,
    fps: inputs.Fps = None,
    image_size: inputs.ImageSize = None,
    skeleton: inputs.SkeletonName = None,
    min_score: inputs.MinScore = None,
    format: inputs.FormatName = None,
    images: inputs.Images = None,
    frames: inputs.FrameNumbers = "names",
    force: Force = False,
) -> None:
    """Write the poses in a file of any format as a new file of another."""
    with user_errors():
        options = inputs.read_options(fps, image_size, skeleton, min_score, images, frames)
        job = _Job(to, to_skeleton, sequence, track, options, format, force)
        single = len(poses) == 1 and not Path(poses[0]).is_dir() and not glob.has_magic(poses[0])
        if single:
            job.check(out, [poses[0], images])
        found = inputs.find_inputs(poses, format)
        names = _names(found, to) if found.batch else []
        if found.batch:
            check_new_folder(out, inputs=found.paths)
    if found.batch:
        _batch(job, found, out, names)
        return
    with user_errors():
        for line in job.run(found.paths[0], out):
            say(line)
    wrote(out)


@dataclass(frozen=True)
class _Job:
    """How each file is converted."""

    to: str | None
    to_skeleton: str | None
    sequence: str | None
    track: int | None
    options: ReadOptions
    format: str | None
    force: bool

    def check(self, out: Path, others: list[str | Path | None]) -> str:
        """The target's name; a ValueError where the output must not be written."""
        from hanet.formats.convert import TARGETS, skeleton_named, target_of

        skeleton_named(self.to_skeleton)
        to = target_of(out, self.to)
        if TARGETS[to].endings == ("",):
            check_new_folder(out, inputs=others)
        else:
            check_output(out, [out.suffix], force=self.force, inputs=others)
        return to

    def run(self, path: Path, out: Path) -> list[str]:
        """Convert a file; returns what to print."""
        from hanet.formats.convert import convert as write
        from hanet.formats.convert import skeleton_named

        to = self.check(out, [path, self.options.images])
        source = inputs.open_poses(path, self.options, self.format)
        notes = write(
            source,
            out,
            to,
            skeleton=skeleton_named(self.to_skeleton),
            sequence=self.sequence,
            track=self.track,
        )
        return [*source.notes, f"{source.format} to {to}", *notes]


def _names(found: inputs.Inputs, to: str | None) -> list[str]:
    """Names of a batch's outputs: those of the inputs with the target's ending."""
    from hanet.formats.convert import TARGETS, target_of

    if to is None:
        raise ValueError(f"several files: give the format to write, --to {', '.join(TARGETS)}")
    ending = TARGETS[to].endings[0] if to in TARGETS else ""
    target_of(Path(f"a{ending}"), to)
    outputs = map(found.output, found.paths)
    names = [
        str(name if path.is_dir() else name.with_suffix(""))
        for name, path in zip(outputs, found.paths, strict=True)
    ]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"{twice}: two inputs have this name, and so would their outputs; run them apart")
    return [f"{name}{ending}" for name in names]


def _batch(job: _Job, found: inputs.Inputs, out: Path, names: list[str]) -> None:
    """Convert every file; one that fails does not stop the others. Equal notes are printed once."""
    failed: list[str] = []
    notes: dict[str, None] = {}
    out.mkdir(parents=True, exist_ok=True)
    pairs = list(zip(found.paths, names, strict=True))
    for path, name in bar("files", len(pairs))(pairs):
        try:
            one = replace(job, options=found.options(path, job.options))
            notes |= dict.fromkeys(one.run(path, out / name))
        except (ValueError, OSError, ModuleNotFoundError) as error:
            failed.append(message(error))
    for line in notes:
        say(line)
    ignored = f", {found.ignored} of other kinds left out" if found.ignored else ""
    say(f"{len(pairs) - len(failed)} of {len(pairs)} files converted{ignored}; wrote {out}")
    for line in failed:
        say(f"failed: {line}", err=True)
    if failed:
        raise typer.Exit(1)

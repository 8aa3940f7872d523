"""People rendered in motion: truth from the body's joints, and a video of every sequence.

Every camera of a clip sees a body, clothes, a scene and an exposure of its own, drawn by the seed, the split,
the clip's name and the camera's number: no two cameras share any of them, so the splits do not either. The
clip's motion moves the body (`hanet.smpl.retargeting`); truth is where the body's joints are, seen by the
camera, not where the recorded person's were.

Videos lie in ``frames/<sequence>.mp4`` beside the caches; frame k of a video is frame k of the sequence. They
are rendered into the scratch folder first, so a killed run resumes with the missing ones.

Axes: T frames.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hanet.datasets.common.content import Content, Item
from hanet.datasets.common.raw import source_hashes
from hanet.datasets.mocap.clips import Clip
from hanet.datasets.mocap.content import body, clips_of_people
from hanet.datasets.mocap.variation import varied
from hanet.datasets.mocap.virtual_cameras import cameras_around, views
from hanet.datasets.rendered.figure import Figure, Mesh
from hanet.datasets.rendered.film import Take, film
from hanet.datasets.rendered.options import RenderedIngest
from hanet.datasets.rendered.scene import Scene
from hanet.files.hashing import json_hash
from hanet.poses.cameras import Camera
from hanet.poses.names import name_seed
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17
from hanet.progress import console
from hanet.smpl.retargeting import retarget

FRAMES = "frames"
"""Folder of the videos, beside the caches."""


@dataclass(frozen=True)
class Shot:
    """A clip in one camera: all that decides a take, small enough to be sent to another process."""

    raw: Path
    clip: Clip
    split: str
    number: int
    count: int
    options: RenderedIngest

    @property
    def name(self) -> str:
        """The sequence's name."""
        return f"{self.clip.name}/cam{self.number}"

    @property
    def frames(self) -> int:
        """Frames of its video."""
        return int(self.clip.frames[-1]) + 1


def rendered(raw: Path, options: RenderedIngest, dataset: str, *, scratch: Path) -> Content:
    """Caches ``gt-<split>`` (joints) and ``keypoints-<split>``, and the videos.

    Raises:
        ValueError: as `hanet.datasets.mocap.content.clips`; missing or malformed assets.
    """
    found, owner, dropped = clips_of_people(raw, options, dataset)
    shots: list[Shot] = []

    def items(split: str) -> Iterator[Item]:
        for clip in found[split][: options.limit]:
            compared: tuple[PoseSequence, ...] = (body(clip),)
            count = options.seen_by(split)[0].count
            for number in range(count):
                shot = Shot(raw, clip, split, number, count, options)
                shots.append(shot)
                truth, camera = staged(shot)[:2]
                for view in views(truth, camera, number):
                    yield Item(view.joints, {"keypoints": view.keypoints}, compared)
                    compared = ()

    def finish(folder: Path) -> None:
        key = json_hash({"options": options.model_dump(mode="json"), "sources": source_hashes(raw)})[:16]
        _film_all(shots, scratch / key, options.workers or os.cpu_count() or 1)
        (scratch / key).rename(folder / FRAMES)

    return Content(
        {split: items(split) for split in found},
        group=lambda name: owner[name.partition("/")[0]],
        groups="people",
        people=True,
        declared=[leak.declaration() for leak in options.declared],
        notes={"glitch_frames_left_out": dropped},
        finish=finish,
    )


def staged(shot: Shot) -> tuple[Clip, Camera, Take]:
    """The body's true joints in the world, the camera, and the take; equal shots give equal results."""
    options, clip = shot.options, shot.clip
    cameras, variation = options.seen_by(shot.split)
    rng = np.random.default_rng(name_seed(options.seed, f"{shot.split}:{clip.name}:{shot.number}:rendered"))
    figure = Figure.draw(_mesh(shot.raw), rng)
    shown = clip if variation is None else varied(clip, variation, seed=options.seed, view=shot.number)
    recorded = PoseSequence.joints(clip.name, shown.joints, H36M17, fps=clip.fps, frame_of_reference="world")
    turned, placed = figure.pose(retarget(recorded, figure.rest))
    truth = replace(shown, joints=figure.joints(turned, placed))
    around = cameras_around(
        truth, shot.count, seed=options.seed, distance=cameras.distance, off_centre=cameras.off_centre
    )
    camera = _scaled(around[shot.number], options.pixels)
    keypoints = camera.project(camera.to_camera(truth.joints))
    scene = Scene.draw(camera, keypoints, rng, occluded=options.occluded, exposure=options.exposure)
    return truth, camera, Take(shot.name, figure, scene, camera, turned, placed, clip.frames, clip.fps)


@lru_cache(maxsize=1)
def _mesh(raw: Path) -> Mesh:
    return Mesh.read(raw)


def _scaled(camera: Camera, pixels: int) -> Camera:
    """The camera with the same view on a square picture of another size."""
    size = min(camera.image_size)
    return replace(camera, focal=camera.focal * pixels / size, image_size=(pixels, pixels))


def _film_all(shots: list[Shot], folder: Path, workers: int) -> None:
    """Render every missing video, in processes of this machine."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("  rendering, frames", total=sum(shot.frames for shot in shots))
        paths = {folder / f"{shot.name}.mp4": shot for shot in shots}
        for path, shot in paths.items():
            if path.is_file():
                progress.advance(task, shot.frames)
        todo = {path: shot for path, shot in paths.items() if not path.is_file()}
        if workers == 1 or len(todo) < 2:
            for path, shot in todo.items():
                render(shot, path)
                progress.advance(task, shot.frames)
            return
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(workers, len(todo)), mp_context=context) as pool:
            running: dict[Future[None], Shot] = {
                pool.submit(render, shot, path): shot for path, shot in todo.items()
            }
            try:
                while running:
                    for one in wait(running, return_when=FIRST_COMPLETED).done:
                        one.result()
                        progress.advance(task, running.pop(one).frames)
            finally:
                pool.shutdown(cancel_futures=True)


def render(shot: Shot, path: Path) -> None:
    """Film a shot."""
    film(staged(shot)[2], path)

"""One domain to train the general refiner on, and what such networks are tested on.

Domains are those of `hanet.datasets.domains.splits`, real detections with their truth, and `CLIPS`: the
embedded motion capture clips (the folder ``clips``, as the download stage leaves it) with drawn errors.
Learning, choosing and testing never share a person, as far as the files tell people apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hanet.datasets.domains.read import SHORTEST, Draw, read_domains
from hanet.datasets.domains.splits import SPLITS, Part, held_out
from hanet.datasets.mocap.content import clips_of_people
from hanet.datasets.mocap.options import Clips
from hanet.files.hashing import file_hash
from hanet.poses.pair import Pair
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17
from hanet.training.general import GeneralTraining
from hanet.training.general_windows import Motion, Windows, draw_windows
from hanet.training.noise_bank import corrupt
from hanet.training.pair_windows import draw_pair_windows
from stages.params.load import load

CLIPS, CLIPS_TESTED = "clips", "Package clips, drawn errors"
DOMAINS = (CLIPS, *SPLITS)
TESTED = {CLIPS: (CLIPS_TESTED,), **{name: split.domains for name, split in SPLITS.items()}}
"""The tested domains with the estimator that a training learned from."""
LABELS = {CLIPS: "package clips, drawn errors", **{name: split.label for name, split in SPLITS.items()}}
SPLIT_OF: dict[Part, str] = {"learn": "train", "choose": "val", "test": "test"}
ELSEWHERE = ("cmu-01",)
"""People of the clips whom other trainings learn from: not tested."""
SEED = 4321

DrawWindows = Callable[[int, int, np.random.Generator], Windows]


def drawn(gt: Float[np.ndarray, "T 17 3"], rng: np.random.Generator) -> Float[np.ndarray, "T 17 3"]:
    """Detections of true joints at 30 frames per second, from the noise bank."""
    return corrupt(gt, 30.0, rng, mirror=H36M17.mirror.tolist()).values


@dataclass(frozen=True)
class Learned:
    """Windows of a domain.

    Attributes:
        learn: windows to learn from, one entry per length.
        choose: windows of other people, likewise.
        options: the training, with the lengths that the domain's sequences have.
        files: SHA-256 of the files read, by path below the folder.
    """

    learn: list[Windows]
    choose: list[Windows]
    options: GeneralTraining
    files: dict[str, str]


def windows(folder: Path, domain: str, options: GeneralTraining) -> Learned:
    """Draw windows of a domain's people.

    Lengths beyond the longest sequence are left out. A step then takes more windows, so that it has as many
    frames as with all lengths.

    Args:
        folder: as for `stages.domains`.
        domain: one of `DOMAINS`.
        options: the training.

    Raises:
        FileNotFoundError: the folder lacks the domain's.
        ValueError: a damaged file, or no sequence long enough.
    """
    if not (folder / domain).is_dir():
        raise FileNotFoundError(f"{folder / domain}: expected the domain's folder, see stages.one_domain")
    sources = [_source(folder, domain, part) for part in ("learn", "choose")]
    longest = min(source.longest for source in sources)
    frames = tuple(length for length in options.frames if length <= longest)
    if not frames:
        raise ValueError(
            f"{folder / domain}: expected sequences of at least {min(options.frames)} frames at 20 or more a "
            f"second to learn from and to choose on, got {longest} at most"
        )
    options = replace(options, frames=frames, batch=options.batch * max(options.frames) // max(frames))
    learn, choose = (
        [source.draw(count, length, np.random.default_rng([options.seed, i, length])) for length in frames]
        for i, (source, count) in enumerate(zip(sources, (options.windows, options.validation), strict=True))
    )
    files = sorted(path for path in (folder / domain).rglob("*") if path.is_file())
    return Learned(learn, choose, options, {str(path.relative_to(folder)): file_hash(path) for path in files})


@dataclass(frozen=True)
class _Source:
    """What windows are drawn from.

    Attributes:
        draw: windows from their number, length and a source of randomness.
        longest: frames of the longest window.
    """

    draw: DrawWindows
    longest: int


def _source(folder: Path, domain: str, part: Part) -> _Source:
    if domain == CLIPS:
        motions = [one.motion for one in read_clips(folder, part)]
        longest = max((len(motion.joints) for motion in motions), default=0)
        return _Source(lambda count, frames, rng: draw_windows(motions, count, frames, rng), longest)
    pairs = SPLITS[domain].part(read_domains(folder, drawn, (domain,)), part)
    longest = max((len(pair.gt) for pair in pairs), default=0)
    return _Source(lambda count, frames, rng: draw_pair_windows(pairs, count, frames, rng), longest)


@dataclass(frozen=True)
class ClipMotion:
    """A stretch of a package clip without glitches.

    Attributes:
        name, person: of the clip.
        motion: at 60 frames per second.
    """

    name: str
    person: str
    motion: Motion


def read_clips(folder: Path, part: Part) -> list[ClipMotion]:
    """The embedded clips of some people; params.yaml says whose clip is whose, and the split.

    Raises:
        ValueError: missing or malformed files.
    """
    described = load().dataset(CLIPS)
    assert isinstance(described, Clips)
    found, owner, _ = clips_of_people(folder / CLIPS, described.ingest, CLIPS)
    stretches = []
    for clip in found[SPLIT_OF[part]]:
        cuts = np.flatnonzero(np.diff(clip.frames) != 1) + 1
        for i, joints in enumerate(np.split(clip.joints, cuts)):
            motion = Motion(joints, clip.fps, tuple(H36M17.mirror.tolist()))
            stretches.append(ClipMotion(f"{clip.name}/{i}", owner[clip.name], motion))
    return stretches


def tested_pairs(folder: Path, pairs: Sequence[Pair], draw: Draw = drawn) -> list[Pair]:
    """The domains' pairs of people that no training saw, and the clips' where the folder has them."""
    own = list(_clip_pairs(folder, draw)) if (folder / CLIPS).is_dir() else []
    return [*held_out(pairs), *own]


def _clip_pairs(folder: Path, draw: Draw) -> Iterator[Pair]:
    rng = np.random.default_rng(SEED)
    for clip in read_clips(folder, "test"):
        gt = np.asarray(clip.motion.joints[:: round(clip.motion.fps / 30.0)], dtype=np.float64)
        if len(gt) >= SHORTEST and clip.person not in ELSEWHERE:
            detected = PoseSequence.joints(
                clip.name, draw(gt, rng), H36M17, fps=30.0, frame_of_reference="world"
            )
            yield Pair(CLIPS_TESTED, clip.person, detected, gt)

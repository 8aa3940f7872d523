"""The binary ``.pose`` format of sign language processing (pose-format 0.1 and 0.2).

A header names components, such as MediaPipe's body, face and hands, with their points; the body has
coordinates (frames, people, points, dims), then confidences (frames, people, points), in 32-bit floats. A
point of confidence 0 is missing. x and y are refined; depths and world landmarks stay as they are.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hanet.files.atomic import write_bytes
from hanet.formats.base import FormatError, PoseFile, ReadOptions
from hanet.formats.dense import Changes, Dense, pose_file, read_bytes
from hanet.formats.keypoint_sets import from_names
from hanet.formats.new_file import NewFile
from hanet.formats.source import Source

FILLED = 1e-6
"""Confidence of a filled point: not 0, which would mean that it is missing."""
_WORLD = "WORLD"
_VERSIONS = (0.1, 0.2)
_MOST_COMPONENTS = 64


def sniff(source: Source) -> bool:
    """A known version as the first number."""
    return len(source.head) >= 4 and _version(source.head) in _VERSIONS


def _version(raw: bytes) -> float:
    return round(struct.unpack_from("<f", raw)[0], 3)


@dataclass(frozen=True)
class _Component:
    name: str
    points: list[str]
    format: str


@dataclass(frozen=True, eq=False)
class _Pose:
    """A file, parsed.

    Attributes:
        raw: its bytes.
        size: width and height.
        components: in order.
        fps: frames per second.
        shape: frames, people, points, dims.
        data: byte where the coordinates begin.
    """

    raw: bytes
    size: tuple[int, int]
    components: list[_Component]
    fps: float
    shape: tuple[int, int, int, int]
    data: int

    def arrays(self, raw: bytes | bytearray) -> tuple[np.ndarray, np.ndarray]:
        """(T, P, J, D) coordinates and (T, P, J) confidences, without a copy."""
        T, P, J, D = self.shape
        places = np.frombuffer(raw, "<f4", count=T * P * J * D, offset=self.data)
        scores = np.frombuffer(raw, "<f4", count=T * P * J, offset=self.data + places.nbytes)
        return places.reshape(self.shape), scores.reshape(T, P, J)


def read(path: Path, options: ReadOptions) -> PoseFile:
    """The people of a file as tracks from frame 0 on.

    Raises:
        FileNotFoundError: no such file.
        FormatError: not a whole file of a known version.
        ValueError: options that contradict the file.
    """
    pose = _parse(path, read_bytes(path))
    names, at, notes = _points(pose)
    if not names or not pose.shape[1]:
        raise FormatError(f"{path}: nobody, or no points in pixels")
    try:
        skeleton = from_names(names, path.stem)
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from None
    places, scores = pose.arrays(pose.raw)
    places, scores = places[:, :, at, :2].astype(np.float64), scores[:, :, at].astype(np.float64)
    places[~(scores > 0)] = np.nan
    found = Dense(
        format="pose",
        path=path,
        values=places,
        scores=scores,
        skeleton=skeleton,
        unit="px",
        fps=pose.fps,
        image_size=pose.size if min(pose.size) > 1 else None,
        notes=notes,
    )
    return pose_file(found, options, lambda out, changes: _save(pose, at, out, changes))


def _points(pose: _Pose) -> tuple[list[str], np.ndarray, list[str]]:
    """Names and numbers of the points that are refined, and notes; repeated names get their component's."""
    every = [(c, point) for c in pose.components for point in c.points]
    at = [i for i, (component, _) in enumerate(every) if _WORLD not in component.name.upper()]
    counts = Counter(every[i][1] for i in at)
    names = [f"{every[i][0].name} {every[i][1]}" if counts[every[i][1]] > 1 else every[i][1] for i in at]
    notes = ["x and y are refined, depths stay as they are"] if pose.shape[3] > 2 else []
    if len(at) < len(every):
        notes.append(f"{len(every) - len(at)} world landmarks stay as they are")
    return names, np.array(at, dtype=int), notes


def _parse(path: Path, raw: bytes) -> _Pose:
    if len(raw) < 12 or _version(raw) not in _VERSIONS:
        raise FormatError(f"{path}: not a .pose file of version 0.1 or 0.2")
    version = _version(raw)
    try:
        width, height, _, count = struct.unpack_from("<4H", raw, 4)
        if count > _MOST_COMPONENTS:
            raise FormatError(f"{path}: {count} components, expected at most {_MOST_COMPONENTS}")
        at, components = 12, []
        for _ in range(count):
            component, at = _component(raw, at)
            components.append(component)
        if version == 0.1:
            fps, frames, people = struct.unpack_from("<3H", raw, at)
            at += 6
        else:
            fps, frames, people = struct.unpack_from("<fIH", raw, at)
            at += 10
    except (struct.error, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: damaged header ({str(error)[:80]}); write the file again") from None
    points = sum(len(component.points) for component in components)
    dims = max((len(component.format) for component in components), default=1) - 1
    size = 4 * people * points * (dims + 1)
    if version == 0.1 and size:
        frames = max(frames, (len(raw) - at) // size)  # 16 bits are too few for long videos
    if dims < 2 or not points or not frames or frames * size != len(raw) - at:
        raise FormatError(
            f"{path}: {frames} frames of {people} people with {points} points need {frames * size} bytes, "
            f"{len(raw) - at} are there; write or copy the file again"
        )
    return _Pose(raw, (width, height), components, float(fps), (frames, people, points, dims), at)


def _component(raw: bytes, at: int) -> tuple[_Component, int]:
    name, at = _text(raw, at)
    format, at = _text(raw, at)
    points, limbs, colors = struct.unpack_from("<3H", raw, at)
    at += 6
    names = []
    for _ in range(points):
        text, at = _text(raw, at)
        names.append(text)
    return _Component(name, names, format), at + 4 * limbs + 6 * colors


def _text(raw: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<H", raw, at)
    (text,) = struct.unpack_from(f"{length}s", raw, at + 2)
    return text.decode(), at + 2 + length


def _save(pose: _Pose, at: np.ndarray, out: Path, changes: Changes) -> list[str]:
    """Write x and y back; `at` are the points that are refined."""
    raw = bytearray(pose.raw)
    places, scores = pose.arrays(raw)
    some, confidence = places[:, :, at], scores[:, :, at]
    some[changes.changed, :2] = changes.values[changes.changed]
    confidence[changes.filled & ~(confidence > 0)] = FILLED
    some[changes.dropped] = 0
    confidence[changes.dropped] = 0
    places[:, :, at], scores[:, :, at] = some, confidence
    write_bytes(out, bytes(raw))
    return []


def create(path: Path, new: NewFile) -> list[str]:
    """Version 0.2 with one component, in pixels; a known joint without a score has confidence 1."""
    assert new.fps is not None
    values, scores = new.stacked(), new.scores()
    T, P, J, _ = values.shape
    known = np.asarray(np.isfinite(values).all(axis=3))
    confidence = np.where(known, 1.0 if scores is None else np.maximum(np.nan_to_num(scores), FILLED), 0.0)
    width, height = next((t.image_size for t in new.tracks if t.image_size is not None), (0, 0))
    bones = new.skeleton.bones
    content = struct.pack("<f4H", 0.2, width, height, 0, 1)
    for text in (new.skeleton.name, "XYC"):
        content += struct.pack("<H", len(text.encode())) + text.encode()
    content += struct.pack("<3H", J, len(bones), len(bones))
    for joint in new.skeleton.joints:
        content += struct.pack("<H", len(joint.encode())) + joint.encode()
    content += b"".join(struct.pack("<2H", *bone) for bone in bones)
    content += bytes(6 * len(bones)) + struct.pack("<fIH", new.fps, T, P)
    content += (
        np.where(known[..., None], values, 0).astype("<f4").tobytes() + confidence.astype("<f4").tobytes()
    )
    write_bytes(path, content)
    notes = [f"row 0 is frame {new.frames.start}"] if new.frames.start else []
    return [*notes, "the images' size is not known: 0x0"] if not width else notes

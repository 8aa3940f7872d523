"""Caches of random poses to write, and when two sequences are the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from hanet.cache.files import CacheMetadata, CacheWriter, PoseCache
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import JHMDB15

META = CacheMetadata(
    dataset="made_up",
    split="test",
    estimator="walker",
    skeleton=JHMDB15,
    representation="2d",
    unit="px",
    fps=25.0,
    frame_of_reference="image",
    provenance={"source": "sha256:00", "parameters": {"threshold": 0.5, "flip": [True, None]}},
)
J = len(JHMDB15)


def make(name="a", *, frames=4, start=0, track=0, seed=0, **fields) -> PoseSequence:
    """A sequence that fits META, with random poses."""
    values = np.random.default_rng(seed).normal(size=(frames, J, 2)).astype(np.float32)
    known = {
        "name": name,
        "values": values,
        "skeleton": JHMDB15,
        "representation": "2d",
        "fps": 25.0,
        "unit": "px",
        "frame_of_reference": "image",
        "track": track,
        "start": start,
    }
    return PoseSequence(**(known | fields))


def write(path: Path, sequences, metadata=META, **options) -> PoseCache:
    with CacheWriter(path, metadata, **options) as writer:
        for sequence in sequences:
            writer.write(sequence)
    return PoseCache.open(path)


def assert_same(a: PoseSequence, b: PoseSequence) -> None:
    """Equal in every field, NaN equal to NaN, None to None."""
    for field in (
        "key",
        "start",
        "skeleton",
        "representation",
        "fps",
        "unit",
        "frame_of_reference",
        "image_size",
    ):
        assert getattr(a, field) == getattr(b, field), field
    for field in ("values", "scores", "labelled", "boxes"):
        np.testing.assert_array_equal(getattr(a, field), getattr(b, field), err_msg=field)


@st.composite
def sequences(draw) -> list[PoseSequence]:
    """Up to six sequences: names, tracks, gaps, missing poses, optional fields, in any order.

    Optional arrays say something (a finite number, a False): what says nothing comes back as None.
    """
    made = []
    next_frame: dict[tuple[str, int], int] = {}
    for index in range(draw(st.integers(0, 6))):
        name, track = draw(st.sampled_from(["a", "b", "ü/ 1"])), draw(st.integers(0, 1))
        frames, gap = draw(st.integers(1, 9)), draw(st.integers(1, 3))
        start = next_frame.get((name, track), -1) + gap
        next_frame[name, track] = start + frames
        sequence = make(name, frames=frames, start=start, track=track, seed=index)
        r = np.random.default_rng(draw(st.integers(0, 99)))
        sequence.values[r.random(sequence.values.shape) < 0.2] = np.nan
        scores, labelled, boxes, size = draw(st.tuples(*[st.booleans()] * 4))
        optional: dict = {}
        if scores:
            optional["scores"] = r.random((frames, J), dtype=np.float32)
            optional["scores"][1:, 0] = np.nan
        if labelled:
            optional["labelled"] = r.random((frames, J)) < 0.5
            optional["labelled"][0, 0] = False
        if boxes:
            optional["boxes"] = r.random((frames, 4), dtype=np.float32)
        if size:
            optional["image_size"] = (draw(st.integers(1, 4000)), draw(st.integers(1, 4000)))
        made.append(replace(sequence, **optional))
    return made

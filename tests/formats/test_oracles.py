"""What is written, read by the programs whose formats they are, where those are installed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hanet.formats import PoseFile, read
from hanet.formats.convert import convert
from tests.formats.data.make import NODES
from tests.formats.test_array_formats import CASES
from tests.formats.test_convert import keypoints


def refined(name: str, folder: Path) -> tuple[Path, PoseFile, np.ndarray]:
    """A fixture with joints filled and moved; returns its path and (T, P, J, D) values."""
    path = CASES[name].write(folder)
    poses = read(path)
    values = np.stack([track.values for track in poses.tracks], axis=1)
    values[2, 0, 1] = [5, 6]
    values[3] += 0.25
    out = folder / f"out{path.suffix}"
    poses.write(out, [replace(t, values=values[:, p]) for p, t in enumerate(poses.tracks)])
    return out, poses, values


def test_sleap_io(tmp_path: Path):
    sleap_io = pytest.importorskip("sleap_io", reason="reads SLEAP's files; large, not installed")
    for name in ("sleap", "sleap-standard"):
        out, _, values = refined(name, tmp_path)
        labels = sleap_io.load_analysis_h5(str(out), video="walk.mp4")
        np.testing.assert_allclose(labels.numpy(), values, rtol=1e-7)  # it gives float32
        assert [node.name for node in labels.skeleton.nodes] == NODES
    poses = keypoints(first=2)
    convert(poses, tmp_path / "new.h5", "sleap")
    labels = sleap_io.load_analysis_h5(str(tmp_path / "new.h5"), video="walk.mp4")
    expected = np.stack([track.values for track in poses.tracks], axis=1)
    assert [frame.frame_idx for frame in labels] == [2, 3, 4, 5, 6]
    np.testing.assert_allclose(labels.numpy()[-5:], expected, rtol=1e-7)


def test_xarray(tmp_path: Path):
    xarray = pytest.importorskip("xarray", reason="reads movement's files; large, not installed")
    out, _, values = refined("movement", tmp_path)
    with xarray.open_dataset(out) as data:
        axes = ("time", "individuals", "keypoints", "space")
        np.testing.assert_array_equal(data.position.transpose(*axes), values)
        assert data.attrs["source_software"] == "DeepLabCut"
    poses = keypoints()
    convert(poses, tmp_path / "new.nc", "movement")
    with xarray.open_dataset(tmp_path / "new.nc") as data:
        expected = np.stack([track.values for track in poses.tracks], axis=1)
        np.testing.assert_array_equal(data.position.transpose(*axes), expected)
        assert list(data.keypoints.values) == list(poses.skeleton.joints)
        np.testing.assert_allclose(data.time, np.arange(3, 8) / 30)


def test_pandas(tmp_path: Path):
    pytest.importorskip("tables", reason="pandas reads DeepLabCut's files with it; large, not installed")
    import pandas as pd

    for name in ("deeplabcut-table", "deeplabcut-fixed"):
        out, _, values = refined(name, tmp_path)
        frame = pd.read_hdf(out)
        cells = frame.to_numpy().reshape(len(values), 2, 3, 3)
        np.testing.assert_array_equal(cells[..., :2], values)
        assert (cells[..., 2] == 0.75).all() and frame.columns.names[1] == "individuals"

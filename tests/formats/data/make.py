"""Make the files in this folder by the programs whose formats they are.

Run by hand, in an environment of its own:

    pip install sleap-io pandas tables xarray netCDF4 ezc3d && python tests/formats/data/make.py

Written with sleap-io 0.9.5, pandas 3 and tables 3.11, xarray 2026.9 and netCDF4 1.7, ezc3d 1.7.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
T, P, NODES = 6, 2, ["nose", "left_ear", "tail"]


def places(dims: int) -> np.ndarray:
    """(T, P, 3, dims): two animals; node 1 of the first is missing in frame 2, the second in frame 4."""
    t, p, j, d = np.ogrid[:T, :P, :3, :dims]
    values = np.round(100 + 50 * p + 10 * j + 3 * d + 5 * np.sin(t + j + d), 3)
    values[2, 0, 1] = values[4, 1] = np.nan
    return values


def sleap() -> None:
    import sleap_io as sio

    skeleton = sio.Skeleton(list(NODES), edges=[("nose", "left_ear"), ("nose", "tail")])
    video, tracks = sio.Video("walk.mp4", backend=None), [sio.Track("a"), sio.Track("b")]
    frames = []
    for t, people in enumerate(places(2)):
        instances = [
            sio.PredictedInstance.from_numpy(
                points, skeleton=skeleton, point_scores=np.full(3, 0.75), score=0.5, track=track
            )
            for points, track in zip(people, tracks, strict=True)
            if not np.isnan(points).all()
        ]
        frames.append(sio.LabeledFrame(video=video, frame_idx=t, instances=instances))
    labels = sio.Labels(frames, tracks=tracks, videos=[video], skeletons=[skeleton])
    for name, preset in (("sleap", "matlab"), ("sleap_standard", "standard")):
        path = HERE / f"{name}.h5"
        sio.save_analysis_h5(labels, str(path), preset=preset)
        (HERE / f"{name}.h5.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))  # mostly zeros
        path.unlink()


def deeplabcut() -> None:
    import pandas as pd

    names = ["scorer", "individuals", "bodyparts", "coords"]
    columns = pd.MultiIndex.from_product(
        [["DLC_resnet50"], ["a", "b"], NODES, ["x", "y", "likelihood"]], names=names
    )
    scores = np.full((T, P, 3, 1), 0.75)
    cells = np.concatenate([places(2), scores], axis=3).reshape(T, -1)
    frame = pd.DataFrame(cells, columns=columns)
    for name, given in (
        ("table", {"format": "table", "index": False, "complevel": 9}),
        ("fixed", {"format": "fixed"}),
    ):
        frame.to_hdf(HERE / f"deeplabcut_{name}.h5", key="df_with_missing", mode="w", **given)


def movement() -> None:
    import xarray as xr

    axes = ("time", "space", "keypoints", "individuals")
    data = xr.Dataset(
        {
            "position": (axes, places(2).transpose(0, 3, 2, 1)),
            "confidence": ((axes[0], *axes[2:]), np.full((T, 3, P), 0.75)),
        },
        coords={
            "time": np.arange(T) / 30,
            "space": ["x", "y"],
            "keypoints": NODES,
            "individuals": ["id_0", "id_1"],
        },
        attrs={"fps": 30.0, "time_unit": "seconds", "source_software": "DeepLabCut", "ds_type": "poses"},
    )
    data.to_netcdf(HERE / "movement.nc", engine="netcdf4")


def c3d() -> None:
    import ezc3d

    file = ezc3d.c3d()
    point = file["parameters"]["POINT"]
    point["RATE"]["value"], point["UNITS"]["value"] = [100.0], ["mm"]
    point["LABELS"]["value"] = [*NODES, "LKneeAngles"]
    values = np.concatenate([places(3)[:, 0], np.full((T, 1, 3), 12.5)], axis=1)
    file["data"]["points"] = np.concatenate([values, np.ones((T, 4, 1))], axis=2).transpose(2, 1, 0)
    file["parameters"]["ANALOG"]["RATE"]["value"] = [1000.0]
    file["parameters"]["ANALOG"]["LABELS"]["value"] = ["emg", "force"]
    file["data"]["analogs"] = np.random.default_rng(0).normal(size=(1, 2, 10 * T))
    file.add_parameter("POINT", "ANGLES", ["LKneeAngles"])
    file.add_parameter("SUBJECTS", "NAMES", ["walker"])
    file.write(str(HERE / "ezc3d.c3d"))


if __name__ == "__main__":
    for make in (sleap, deeplabcut, movement, c3d):
        make()

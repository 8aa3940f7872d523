"""SMPL through the stages: raw files in true formats to MPVPE and a mesh video, on the synthetic body."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch

from hanet.cache.files import PoseCache
from hanet.estimators.regressor.errors import RegressorErrors
from hanet.files.atomic import write_json, write_text
from hanet.smpl import noted_body
from hanet.smpl.side_table import read_tracks
from hanet.smpl.synthetic_body import synthetic_body, write_synthetic_body
from hanet.smpl.tracks import SmplTrack
from stages import (
    bodies,
    compare,
    download,
    estimate,
    evaluate,
    figures,
    filter,
    ingest,
    refine,
    train,
    workspace,
)
from tests.support import dataset_files, pw3d_files, smpl_release_files, tiny
from tests.support.dataset_files import SHARED_DANCERS, archive, failure

FRAMES = 12
METRICS = ("mpvpe_mm", "mpvpe_pelvis_mm", "mpjpe_mm", "pa_mpjpe_mm", "accel_mm_per_frame2", "accel_m_per_s2")
MODEL = {**tiny.MODEL, "training": {**tiny.MODEL["training"], "epochs": 1, "joint_weight": 1.0}}


def pw3d(folder: Path) -> dict[str, Any]:
    for seed, split in enumerate(("train", "validation", "test")):
        pw3d_files.write(folder / "made" / split / f"walk_{seed}.pkl", pw3d_files.content(FRAMES, 1, seed))
    path = archive(folder / "mine" / "sequenceFiles.zip", folder / "made", "sequenceFiles/")
    return {"kind": "pw3d", "download": {"folder": str(path.parent)}, "ingest": {}}


def aist(folder: Path) -> dict[str, Any]:
    ingest_section = {"cameras": ["c01"], "declared": [SHARED_DANCERS]}
    return {"kind": "aist", "download": dataset_files.aist(folder, frames=FRAMES), "ingest": ingest_section}


def released(folder: Path) -> dict[str, Any]:
    """3DPW's poses by PARE as DeciWatch released them; three sequences to learn from."""
    rng = np.random.default_rng(0)
    for split, names in (("train", "abc"), ("test", "d")):
        fields = {
            "imgname": [np.array([f"{n}/image_{t:05}.jpg" for t in range(FRAMES)]) for n in names],
            "pose": [0.3 * rng.normal(size=(FRAMES, 72)) for _ in names],
            "shape": [rng.normal(size=(FRAMES, 10)) for _ in names],
        }
        smpl_release_files.write(folder / f"groundtruth_poses/pw3d/pw3d_gt_{split}.npz", fields)
        fields["pose"] = [pose + 0.05 * rng.normal(size=pose.shape) for pose in fields["pose"]]
        smpl_release_files.write(folder / f"detected_poses/pw3d/pare/pw3d_pare_{split}.npz", fields)
    files = {"folder": str(folder), "dataset": "pw3d", "estimator": "pare", "representation": "smpl"}
    return {"kind": "released", "download": files, "ingest": {"val": ["c"]}}


def write_params(params: dict[str, Any], dataset: dict[str, Any], estimate_section: dict[str, Any]) -> None:
    params["datasets"]["it"] = dataset
    params["experiments"]["meshes"] = {
        "dataset": "it",
        "estimate": estimate_section,
        "filters": {"input": {}, "gaussian": {"sigma": [1.0, 2.0]}},
        "models": {"hanet-paper": MODEL},
    }
    params["run"] = {
        "datasets": ["it"],
        "estimates": {"meshes": "it"},
        "experiments": ["meshes"],
        "models": ["hanet-paper"],
        "ablations": [],
        "seeds": [1],
    }
    params["figures"] = {"methods": ["input", "hanet-paper"], "seconds": 0.2}
    params["tables"] = {"all": {"title": "All", "rows": {"input": "input", "hanet-paper": "HANet"}}}
    write_text(Path("params.yaml"), json.dumps(params))


def run_stages() -> dict[str, Any]:
    """All stages from download to figures; the scores."""
    download.main("it")
    ingest.main("it")
    estimate.main("meshes")
    train.main("meshes", "hanet-paper", "1")
    filter.main("meshes")
    refine.main("meshes", "hanet-paper", "1")
    evaluate.main("meshes")
    compare.main("meshes")
    figures.main("meshes")
    return json.loads((workspace.REPORTS / "meshes" / "scores.json").read_text())


def posed(path: Path) -> tuple[np.ndarray, np.ndarray, list[SmplTrack]]:
    """Vertices and pelvis (metres) of all frames of a cache."""
    body, tracks = synthetic_body(), list(read_tracks(PoseCache.open(path)))
    outputs = [body(t.matrices(), torch.from_numpy(np.array(t.betas))) for t in tracks]
    vertices = [t.scaling * o.vertices.numpy() for t, o in zip(tracks, outputs, strict=True)]
    pelvis = [t.scaling * o.joints[:, :1].numpy() for t, o in zip(tracks, outputs, strict=True)]
    return np.concatenate(vertices), np.concatenate(pelvis), tracks


def mpvpe(found: np.ndarray, truth: np.ndarray) -> float:
    return float(1000 * np.linalg.norm(found - truth, axis=-1).mean())


@pytest.mark.slow
@pytest.mark.parametrize("files", [pw3d, aist, released])
def test_raw_files_to_mpvpe_and_a_mesh_video(
    tracked: Path, params: dict[str, Any], files, monkeypatch
) -> None:
    monkeypatch.delenv("HANET_3DPW_FOLDER", raising=False)
    errors = asdict(RegressorErrors())
    section = {"kind": "regressor", "seed": 1, "body": {"model": "synthetic"}, "errors": errors}
    if files is released:
        section = {"kind": "released", "body": {"model": "synthetic", "joints": "lsp14"}}
    write_params(params, files(tracked / "files"), section)
    scores = run_stages()
    assert set(scores) == {"input", "constant_offset", "gaussian", "hanet-paper"}
    for row in scores.values():
        assert row["frames"] == FRAMES and all(row[metric]["mean"] > 0 for metric in METRICS)

    # By hand: the caches' rotations and shapes posed, vertex by vertex.
    true, true_pelvis, truth = posed(workspace.truth_path("meshes", "test"))
    for name, path in (
        ("input", workspace.detected_path("meshes", "test")),
        ("hanet-paper", workspace.REFINED / "meshes" / "hanet-paper-1" / "hanet-paper.parquet"),
    ):
        found, pelvis, tracks = posed(path)
        assert scores[name]["mpvpe_mm"]["mean"] == pytest.approx(mpvpe(found, true), rel=1e-4)
        aligned = mpvpe(found - pelvis, true - true_pelvis)
        assert scores[name]["mpvpe_pelvis_mm"]["mean"] == pytest.approx(aligned, rel=1e-4)
        detected = posed(workspace.detected_path("meshes", "test"))[2]
        for refined, before in zip(tracks, detected, strict=True):
            np.testing.assert_array_equal(refined.betas, before.betas)
            assert refined.scaling == before.scaling
            assert (refined.transl is None) == (before.transl is None)
    assert truth[0].scaling == (pytest.approx(0.935) if files is aist else 1.0)
    assert (truth[0].transl is not None) == (files is pw3d)

    folder = workspace.FIGURES / "meshes"
    listed = {entry["file"] for entry in json.loads((folder / "manifest.json").read_text())}
    assert {"mesh.png", "mesh.mp4", "curves.svg", "motion.mp4"} <= listed
    with av.open(str(folder / "mesh.mp4")) as container:
        pictures = [f.to_ndarray(format="rgb24") for f in container.decode(container.streams.video[0])]
    assert len(pictures) == FRAMES and np.ptp(pictures[0]) > 100
    table = json.loads((workspace.REPORTS / "meshes" / "tables" / "all.json").read_text())
    assert {"mpvpe_mm", "mpvpe_pelvis_mm"} <= {column["key"] for column in table["columns"]}


def test_clips_are_retargeted_in_some_views(project: Path, params: dict[str, Any]) -> None:
    section = {"kind": "regressor", "seed": 1, "body": {"model": "synthetic"}, "errors": {}, "views": 1}
    write_params(params, params["datasets"]["clips"], section)
    tiny.write_raw(workspace.RAW / "it")
    ingest.main("it")
    estimate.main("meshes")
    tracks = list(read_tracks(PoseCache.open(workspace.detected_path("meshes", "train"))))
    assert [t.poses.name for t in tracks] == ["climb_0/cam0", "climb_1/cam0"]
    assert all(t.transl is not None and t.betas.any() for t in tracks)
    noted = json.loads((workspace.PAIRS / "meshes" / noted_body.BODY).read_text())
    assert noted["model"] == "synthetic" and noted["sha256"] == {}


def test_a_body_of_the_user_s_is_held_to(project: Path, params: dict[str, Any], capsys) -> None:
    path = project / "body.npz"
    write_synthetic_body(path)
    section = {"kind": "regressor", "seed": 1, "body": {"model": str(path)}, "errors": {}, "views": 1}
    write_params(params, params["datasets"]["clips"], section)
    tiny.write_raw(workspace.RAW / "it")
    ingest.main("it")
    estimate.main("meshes")
    found = bodies.body_of("meshes")
    assert found is not None and found[0].num_vertices == synthetic_body().num_vertices
    noted = json.loads((workspace.PAIRS / "meshes" / noted_body.BODY).read_text())
    noted["sha256"][str(path)] = "0" * 64
    write_json(workspace.PAIRS / "meshes" / noted_body.BODY, noted)
    message = failure(capsys, train.main, "meshes", "hanet-paper", "1")
    assert "body.npz has SHA-256" in message and "run the stage estimate again" in message
    path.unlink()
    assert "body.npz: no such SMPL file; register at" in failure(capsys, estimate.main, "meshes")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"model": "synthetic", "h36m_regressor": "x.npy"}, "the synthetic body has its own regressor"),
        ({"model": "a.pkl", "joints": "lsp14"}, "lsp14 needs h36m_regressor"),
    ],
)
def test_bodies_that_cannot_be(project: Path, params: dict[str, Any], capsys, body, message) -> None:
    section = {"kind": "regressor", "seed": 1, "body": body, "errors": {}}
    write_params(params, params["datasets"]["clips"], section)
    assert message in failure(capsys, estimate.main, "meshes")

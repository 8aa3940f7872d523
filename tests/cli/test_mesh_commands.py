"""The commands `hanet figure mesh` and `mesh-video`: files they write, and how they fail."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from hanet.cache.files import CacheMetadata
from hanet.cli.app import app
from hanet.smpl.side_table import side_path, write_tracks
from hanet.smpl.tracks import from_axis_angle

runner = CliRunner(env={"COLUMNS": "120", "NO_COLOR": "1"})
UPRIGHT = [np.pi, 0, 0]  # a camera's y points down


@pytest.fixture
def caches(tmp_path: Path) -> list[str]:
    """Arguments that name a true and a detected cache of one body, two metres before a camera."""
    arguments = []
    for name, bend in (("gt", 0.0), ("in", 0.8)):
        pose = np.zeros((6, 24, 3))
        pose[:, 0] = UPRIGHT
        pose[:, 16, 2] = bend
        place = np.tile([0.0, 0.0, 4.0], (6, 1)) if name == "gt" else np.tile([0.1, 0.0, 4.0], (6, 1))
        track = from_axis_angle("walk", pose, fps=25.0, transl=place, start=3)
        metadata = CacheMetadata.of(track.poses, dataset="d", split="test", estimator=name)
        write_tracks(tmp_path / f"{name}.parquet", metadata, [track])
        path = str(tmp_path / f"{name}.parquet")
        arguments += ["--gt", path] if name == "gt" else ["--poses", f"input={path}"]
    return [*arguments, "--sequence", "walk"]


def run(command: str, *arguments: str | Path) -> tuple[int, str]:
    result = runner.invoke(app, ["figure", command, *map(str, arguments)])
    assert "Traceback" not in result.output
    return result.exit_code, result.stderr if result.exit_code else result.stdout


def test_a_figure_on_a_canvas_and_over_images(caches, tmp_path):
    assert run("mesh", *caches, "--frames", "3,5", "--out", tmp_path / "new" / "a.png")[0] == 0
    with Image.open(tmp_path / "new" / "a.png") as picture:
        assert np.ptp(np.asarray(picture)) > 200
    images = tmp_path / "images"
    images.mkdir()
    for frame in (3, 4):
        Image.new("RGB", (120, 160), (0, 90, 0)).save(images / f"image_{frame:05}.png")
    over = ["--images", images, "--focal", "150"]
    assert run("mesh", *caches, "--frames", "3,4", *over, "--out", tmp_path / "b.png")[0] == 0
    with Image.open(tmp_path / "b.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    assert (pixels == [0, 90, 0]).all(axis=1).mean() > 0.3


def test_a_video(caches, tmp_path):
    code, said = run("mesh-video", *caches, "--start", "4", "--seconds", "0.08", "--out", tmp_path / "a.mp4")
    assert code == 0 and said.startswith("wrote")
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert len(list(container.decode(container.streams.video[0]))) == 2


def test_what_cannot_be_drawn_is_named(caches, tmp_path):
    out = ["--out", tmp_path / "a.png"]
    assert "--images and --focal belong together" in run("mesh", *caches, "--focal", "100", *out)[1]
    assert "no such SMPL file" in run("mesh", *caches, "--body", tmp_path / "x.pkl", *out)[1]
    assert (
        "walk: expected a first frame within 3..8, got 90"
        in run("mesh-video", *caches, "--start", "90", "--out", tmp_path / "a.mp4")[1]
    )
    side_path(tmp_path / "in.parquet").unlink()
    assert "cannot be read as a side table" in run("mesh", *caches, *out)[1]

"""``hanet refine PROJECT``: the keypoints of every camera and the markers of a Pose2Sim project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hanet.cli.app import app
from hanet.formats import ReadOptions, read
from tests.formats.test_tables_and_arrays import positions, trc
from tests.support import keypoint_writers as writers

runner = CliRunner(env={"COLUMNS": "120", "NO_COLOR": "1"})
FRAMES = 30


def trial(folder: Path) -> None:
    for camera in ("cam01", "cam02"):
        writers.write_openpose(
            folder / "pose" / f"{camera}_json", writers.bodies("halpe26", FRAMES, 1), video=camera
        )
    (folder / "pose-3d").mkdir()
    trc(folder / "pose-3d" / "walk.trc", positions())
    (folder / "videos").mkdir()
    (folder / "videos" / "cam01.mp4").write_bytes(b"video")


def project(folder: Path, rate: str = "60") -> Path:
    folder.mkdir()
    (folder / "Config.toml").write_text(f"[project]\nmulti_person = false\nframe_rate = {rate}\n")
    (folder / "calibration").mkdir()
    (folder / "calibration" / "Calib.toml").write_text("[cam01]\n")
    return folder


def run(*arguments: str) -> tuple[int, str]:
    result = runner.invoke(app, ["refine", *arguments, "--method", "gaussian:sigma=0.05"])
    return result.exit_code, result.output


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_pose_of_a_project_is_refined_and_the_rest_is_copied():
    trial(project(Path("in")))
    code, text = run("in", "--out", "out")
    assert code == 0 and "2 of 2 files refined; wrote out" in text and "videos were not copied" in text
    for name in ("Config.toml", "calibration/Calib.toml"):
        assert Path("out", name).read_bytes() == Path("in", name).read_bytes()
    files = [{p.relative_to(root) for p in root.rglob("*.*")} for root in map(Path, ("in", "out"))]
    assert files[0] - files[1] == {Path("videos/cam01.mp4")} and not files[1] - files[0]
    for name in ("pose", "pose-3d/walk.trc"):
        options = ReadOptions(fps=60.0) if name == "pose" else ReadOptions()
        before, after = (read(Path(root, name), options) for root in ("in", "out"))
        assert len(after.tracks) == len(before.tracks) == (2 if name == "pose" else 1)
        for old, new in zip(before.tracks, after.tracks, strict=True):
            rough = [np.abs(np.diff(t.values, 2, axis=0)).mean() for t in (old, new)]
            assert rough[1] < 0.5 * rough[0]


def test_trials_have_the_projects_rate_or_their_own():
    project(Path("in"))
    project(Path("in", "walker"), '"auto"')
    for name, rate in (("a", "30"), ("walker/b", '"auto"')):
        trial(project(Path("in", name), rate))
    code, text = run("in", "--out", "out")
    assert code == 0 and "4 of 4 files refined" in text
    assert sorted(str(p.parent) for p in Path("out").rglob("walk.trc")) == [
        "out/a/pose-3d",
        "out/walker/b/pose-3d",
    ]


def test_a_rate_that_nobody_says_is_asked_for():
    trial(project(Path("in"), '"auto"'))
    code, text = run("in", "--out", "out")
    assert code == 1 and "failed: in/pose: the file does not say its frame rate; give --fps" in text
    code, text = run("in", "--out", "other", "--fps", "30")  # the markers are at 60
    assert code == 0 and "2 of 2 files refined" in text


@pytest.mark.parametrize(
    ("config", "message"),
    [("[project", "in/Config.toml: no TOML"), ("", "a Pose2Sim project without poses; expected pose")],
)
def test_what_is_no_project(config: str, message: str):
    project(Path("in"))
    Path("in/Config.toml").write_text(config)
    code, text = run("in", "--out", "out")
    assert code == 2 and message in text and not Path("out").exists()


def test_an_output_in_the_project_is_refused():
    trial(project(Path("in")))
    code, text = run("in", "--out", "in/refined")
    assert code == 2 and "in/refined: lies in the project in; name a folder outside of it" in text


def test_other_commands_name_the_project():
    trial(project(Path("in")))
    result = runner.invoke(app, ["info", "in"])
    assert result.exit_code == 2
    assert result.stderr == "Error: in: a project of Pose2Sim; give its folder pose, or a file in pose-3d\n"

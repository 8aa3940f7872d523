"""Human3.6M from files in the true format: joints, cameras, subjects, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hanet.datasets.common.leakage import check_leakage, find_leaks
from hanet.datasets.human36m.recordings import (
    CAMERAS,
    Human36MError,
    read_cameras,
    read_views,
    read_world,
    recordings,
    subject_of,
    subjects_of,
)
from hanet.poses.names import clip_of
from hanet.poses.skeletons import H36M17
from tests.support.human36m_files import DOUBLE, SINGLE, place, w0, write_cdf, write_metadata

# Where the 17 joints are among the 32, in H36M17's order.
INDEX = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]


@pytest.fixture
def calibration(tmp_path):
    return read_cameras(write_metadata(tmp_path / "metadata.xml", w0()))


@settings(max_examples=20)
@given(
    hnp.arrays(np.float64, st.tuples(st.integers(1, 5), st.just(96)), elements=st.floats(-5000, 5000)),
    st.sampled_from([SINGLE, DOUBLE]),
    st.booleans(),
)
def test_what_is_written_is_read(tmp_path_factory, millimetres, kind, records):
    path = write_cdf(
        tmp_path_factory.mktemp("cdf") / "Walking 1.cdf", millimetres, kind=kind, records=records
    )
    stored = millimetres.astype(np.float32 if kind == SINGLE else np.float64).astype(np.float64)
    world = read_world(path)
    assert world.shape == (len(millimetres), 17, 3)
    np.testing.assert_allclose(world, stored.reshape(-1, 32, 3)[:, INDEX] / 1000, rtol=1e-12)


def test_cameras_of_the_metadata(calibration):
    assert list(calibration) == [f"S{n}" for n in range(1, 12)]
    for s in range(11):
        for c, (name, size) in enumerate(CAMERAS.items()):
            camera = calibration[f"S{s + 1}"][name]
            assert (camera.name, camera.image_size, camera.distortion) == (name, size, "human36m")
            angle = c * np.pi / 2 + s / 1000
            np.testing.assert_allclose(
                camera.position, [-5 * np.sin(angle), -5 * np.cos(angle), 0.9], atol=1e-12
            )
            np.testing.assert_array_equal(camera.focal, [1100 + c, 1200 + c])
            np.testing.assert_array_equal(camera.radial, [-0.2, 0.24, -0.002])
            np.testing.assert_array_equal(camera.tangential, [-0.001, -0.0014])


def test_the_order_of_the_three_turns(tmp_path):
    """R = Rx·Ry·Rz with three different angles, multiplied out."""
    numbers = w0()
    numbers[:3] = x, y, z = 0.3, -0.5, 1.1
    camera = read_cameras(write_metadata(tmp_path / "m.xml", numbers))["S1"]["54138969"]
    rx = [[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]]
    ry = [[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]]
    rz = [[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]]
    np.testing.assert_allclose(camera.rotation, np.array(rx) @ ry @ rz, atol=1e-12)


def projection(world: np.ndarray, numbers: np.ndarray, c: int, s: int) -> np.ndarray:
    """The release's own formula, point by point, from the raw numbers; world in mm."""
    (_, _, z), position = numbers[6 * (c * 11 + s) :][:3], numbers[6 * (c * 11 + s) + 3 :][:3]
    fx, fy, cx, cy, k1, k2, k3, p1, p2 = numbers[264 + 9 * c :][:9]
    pixels = []
    for point in world.reshape(-1, 3) - position:
        turned = np.cos(z) * point[0] - np.sin(z) * point[1], np.sin(z) * point[0] + np.cos(z) * point[1]
        x, y = turned[0] / turned[1], -point[2] / turned[1]
        r2 = x * x + y * y
        factor = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3 + p1 * y + p2 * x
        pixels.append([fx * (x * factor + p2 * r2) + cx, fy * (y * factor + p1 * r2) + cy])
    return np.array(pixels).reshape(*world.shape[:-1], 2)


def test_views_of_every_camera(tmp_path, calibration):
    place(tmp_path, "S9", "Directions 1", frames=3)
    views = list(read_views(recordings(tmp_path, ["S9"]), calibration))
    assert [v.joints.name for v in views] == [f"S9_Directions_1/{camera}" for camera in CAMERAS]
    world = read_world(tmp_path / "S9/MyPoseFeatures/D3_Positions/Directions 1.cdf")
    for c, view in enumerate(views):
        joints, keypoints = view.joints, view.keypoints
        assert joints.frame_of_reference == "camera_root_relative" and joints.unit == "m"
        assert (joints.fps, len(joints), joints.skeleton) == (50.0, 3, H36M17)
        assert keypoints.image_size == joints.image_size == list(CAMERAS.values())[c]
        np.testing.assert_array_equal(joints.values[:, 0], 0)
        # Bones are as long in the camera as in the world.
        for parent, child in H36M17.bones:
            np.testing.assert_allclose(
                np.linalg.norm(joints.values[:, child] - joints.values[:, parent], axis=1),
                np.linalg.norm(world[:, child] - world[:, parent], axis=1),
                rtol=1e-4,
            )
        np.testing.assert_allclose(keypoints.values, projection(world * 1000, w0(), c, 8), rtol=1e-4)
        assert keypoints.boxes is not None
        assert (keypoints.boxes[:, :2] < keypoints.values.min(axis=1)).all()


def test_stride_and_chosen_cameras(tmp_path, calibration):
    place(tmp_path, "S1", "Walking", frames=7)
    every, third = (
        list(read_views(recordings(tmp_path, ["S1"]), calibration, cameras=["60457274"], stride=stride))
        for stride in (1, 3)
    )
    assert [len(every), len(third)] == [1, 1]
    assert third[0].joints.fps == third[0].keypoints.fps == pytest.approx(50 / 3)
    np.testing.assert_array_equal(third[0].joints.values, every[0].joints.values[::3])
    np.testing.assert_array_equal(third[0].keypoints.values, every[0].keypoints.values[::3])
    cases: list[tuple[dict[str, Any], str]] = [
        ({"stride": 0}, "stride must be 1 or more, got 0"),
        ({"cameras": ["c01"]}, "cameras must be among 54138969, .*, got c01"),
    ]
    for wrong, message in cases:
        with pytest.raises(Human36MError, match=message):
            next(read_views(recordings(tmp_path, ["S1"]), calibration, **wrong))


def test_a_person_behind_the_camera(tmp_path):
    numbers = w0()
    numbers[3:5] *= -1
    calibration = read_cameras(write_metadata(tmp_path / "metadata.xml", numbers))
    path = place(tmp_path, "S1", "Walking")
    with pytest.raises(Human36MError, match=rf"{path}: \d+ points lie behind camera 54138969"):
        next(read_views(recordings(tmp_path, ["S1"]), calibration))


def test_names_of_recordings(tmp_path):
    for action in ("TakingPhoto 1", "WalkingDog", "Sitting 2", "_ALL 1", "Directions"):
        place(tmp_path, "S1", action)
    for action in ("Directions", "Directions 1"):
        place(tmp_path, "S11", action)
    found = recordings(tmp_path, ["S11", "S1"])
    assert [r.name for r in found] == [
        "S11_Directions_1", "S1_Directions", "S1_Sitting_2", "S1_Photo_1", "S1_WalkDog",
    ]  # fmt: skip
    assert {r.subject for r in found} == {"S1", "S11"}
    assert len(recordings(tmp_path, ["S11"], leave_out=())) == 2
    with pytest.raises(Human36MError, match=r"S5.*D3_Positions: expected CDF files of S5, got none; get"):
        recordings(tmp_path, ["S5"])


def test_splits():
    assert subjects_of("train") == ("S1", "S5", "S6", "S7")
    assert (subjects_of("val"), subjects_of("test")) == (("S8",), ("S9", "S11"))
    assert subjects_of("train", validation=["S5", "S1"]) == ("S6", "S7", "S8")
    assert subjects_of("train", validation=[]) == ("S1", "S5", "S6", "S7", "S8")
    for validation in (["S9"], ["S1", "S5", "S6", "S7", "S8"]):
        with pytest.raises(Human36MError, match="validation must be some of the training subjects S1, S5"):
            subjects_of("train", validation=validation)


@pytest.mark.usefixtures("unchecked")
def test_an_unknown_split():
    with pytest.raises(Human36MError, match="split must be one of train, val, test, got 'dev'"):
        subjects_of("dev")  # pyright: ignore[reportArgumentType]


def test_subjects_and_clips_for_the_leakage_guard(tmp_path, calibration):
    for i, (subject, action) in enumerate([("S1", "Walking"), ("S8", "Walking"), ("S1", "Eating")]):
        place(tmp_path, subject, action, seed=i)
    views = {v.joints.name: v.joints for v in read_views(recordings(tmp_path, ["S1", "S8"]), calibration)}
    assert subject_of("S11_Directions_1/54138969") == "S11" and subject_of("S1_Walking") == "S1"
    by_subject = {s: [v for n, v in views.items() if subject_of(n) == s] for s in ("S1", "S8")}
    assert check_leakage(by_subject, group=subject_of) == []
    camera = next(iter(CAMERAS))
    by_camera = {
        side: [v for n, v in views.items() if (n.endswith(camera)) == (side == "a")] for side in ("a", "b")
    }
    kinds = {leak.kind: leak.offenders for leak in find_leaks(by_camera, group=subject_of)}
    assert set(kinds["group"]) == {"S1", "S8"}
    assert (
        set(kinds["clip"]) == {clip_of(name) for name in views} == {"S1_Eating", "S1_Walking", "S8_Walking"}
    )
    for wrong in ("Walking", "S1_Walking/c01", "S1"):
        with pytest.raises(Human36MError, match=f"'{wrong}' names no recording"):
            subject_of(wrong)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 0.98])
def test_a_truncated_cdf(tmp_path, share):
    path = place(tmp_path, "S1", "Walking", frames=20)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(Human36MError, match=r"Walking.cdf.*expected .*, got .*vision.imar.ro"):
        read_world(path)


def test_cdf_files_of_something_else(tmp_path):
    good = np.ones((3, 96))
    cases = [
        (write_cdf(tmp_path / "a.cdf", np.ones((3, 72))), r"shape \(frames, 96\), got \(3, 72\)"),
        (write_cdf(tmp_path / "b.cdf", good, variable="Angles"), "expected a variable 'Pose', got Angles"),
        (tmp_path / "none.cdf", "got no such file"),
    ]
    good[1, 5] = np.nan
    cases.append(
        (write_cdf(tmp_path / "c.cdf", good), "expected finite numbers, got others, first in frame 1")
    )
    for path, message in cases:
        with pytest.raises(Human36MError, match=f"{path.name}.*{message}"):
            read_world(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<root><w0>[1 2 3]</w0></root>", "expected 300 finite numbers in the element w0, got 3"),
        ("<root><w0>[1 two]</w0></root>", "expected XML with numbers in w0"),
        ("<root><other/></root>", "expected 300 finite numbers in the element w0, got 0"),
        ("<root><w0>", "expected XML with numbers in w0"),
        (f"<root><w0>[{'nan ' * 300}]</w0></root>", "expected 300 finite numbers"),
        (f"<root><w0>[{'0 ' * 300}]</w0></root>", "camera 54138969: focal lengths must be positive"),
    ],
)
def test_metadata_of_something_else(tmp_path, text, message):
    path = tmp_path / "metadata.xml"
    path.write_text(text)
    with pytest.raises(Human36MError, match=f"metadata.xml: {message}.*vision.imar.ro"):
        read_cameras(path)


def test_no_metadata(tmp_path):
    with pytest.raises(
        Human36MError, match=r"metadata.xml: expected the release's metadata.xml, got no such"
    ):
        read_cameras(tmp_path / "metadata.xml")

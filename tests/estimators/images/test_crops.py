"""Crops, normalisation, decoding and cameras against the estimators' own code, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hanet.estimators.images.crops import (
    MEAN,
    STD,
    Crop,
    camera_translation,
    decode,
    image_camera,
    normalised,
    padded_crop,
    spin_cut,
    square_crop,
    with_flipped,
)
from hanet.estimators.images.simplebaseline import PoseResNet
from hanet.poses.skeletons import COCO17, POSETRACK15, POSETRACK17, conversion
from tests.support import recipe

BOXES = np.array([[20.0, 10.0, 60.0, 70.0], [5.0, 30.0, 95.0, 65.0], [60.5, 20.25, 90.5, 90.25]])


@pytest.fixture(scope="module")
def vectors():
    with np.load(recipe.REFERENCE / "estimators" / "prepost.npz") as arrays:
        return dict(arrays)


# --- crops


@pytest.mark.parametrize(
    ("prefix", "pixels"), [("sb256x192", (192, 256)), ("sb384x384", (384, 384)), ("dc", (288, 384))]
)
def test_padded_boxes(vectors, prefix, pixels):
    crops = [padded_crop(box, pixels) for box in BOXES]
    np.testing.assert_allclose([c.center for c in crops], vectors[f"{prefix}_center"])
    np.testing.assert_allclose([np.array(c.size) / 200 for c in crops], vectors[f"{prefix}_scale"], rtol=1e-6)


@pytest.mark.parametrize(("prefix", "pixels"), [("sb256x192", (192, 256)), ("sb384x384", (384, 384))])
def test_affine_maps_and_pixels(vectors, prefix, pixels):
    grid = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    for box, matrix, inverse in zip(BOXES, vectors[f"{prefix}_trans"], vectors[f"{prefix}_inv"], strict=True):
        crop = padded_crop(box, pixels)
        np.testing.assert_allclose(crop.matrix, matrix, atol=1e-5)
        corners = crop.to_image(grid, width=pixels[0] // 4)
        expected = grid @ inverse[:, :2].T + inverse[:, 2]
        np.testing.assert_allclose(corners, expected, atol=1e-5)
    cut = padded_crop(BOXES[0], pixels).cut(vectors["img"])
    assert cut.shape == (pixels[1], pixels[0], 3)
    np.testing.assert_array_equal(cut[::4, ::4], vectors[f"{prefix}_crop_step4"])


def test_pare_crop_and_camera(vectors):
    x, y, w, h = vectors["pare_bbox_cxcywh"]
    crop = square_crop(np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2]))
    np.testing.assert_allclose(crop.matrix, vectors["pare_trans"], atol=1e-12)
    np.testing.assert_array_equal(crop.cut(vectors["img"])[::4, ::4], vectors["pare_crop_step4"])
    rows, columns = vectors["img"].shape[:2]
    camera = image_camera(np.array([[0.9, 0.05, -0.1]]), crop, (columns, rows))
    np.testing.assert_allclose(camera, vectors["pare_orig_cam"], rtol=1e-12)


@pytest.mark.parametrize(
    ("where", "expected"),
    [("spin_center_scale", "spin_crop_step4"), ("spin_crop2_center_scale", "spin_crop2_step4")],
)
def test_spin_crop(vectors, where, expected):
    x, y, scale = vectors[where]
    crop = Crop((x, y), (200 * scale, 200 * scale), (224, 224))
    np.testing.assert_array_equal(spin_cut(crop, vectors["img"], "legacy")[::4, ::4], vectors[expected])


def test_spin_matrix(vectors):
    x, y, scale = vectors["spin_center_scale"]
    crop = Crop((x, y), (200 * scale, 200 * scale), (224, 224))
    np.testing.assert_allclose(crop.matrix, vectors["spin_get_transform"][:2])


def test_spin_resize_keeps_or_stretches_the_range():
    image = np.full((40, 40, 3), 100, dtype=np.uint8)
    image[:, 20:] = 150
    crop = square_crop(np.array([4.0, 4.0, 36.0, 36.0]))
    kept, stretched = (spin_cut(crop, image, r) for r in ("range_preserving", "legacy"))
    assert (kept.min(), kept.max()) == (100, 150)
    assert (stretched.min(), stretched.max()) == (0, 255)
    dull = np.full((40, 40, 3), 100, dtype=np.uint8)
    assert (spin_cut(crop, dull, "range_preserving") == 100).all()
    assert (spin_cut(crop, dull, "legacy") == 0).all()


@given(
    x=st.floats(-50, 150),
    y=st.floats(-50, 150),
    w=st.floats(1, 300),
    h=st.floats(1, 300),
    px=st.floats(0, 48),
    py=st.floats(0, 64),
)
def test_a_map_goes_back_to_the_image(x, y, w, h, px, py):
    crop = padded_crop(np.array([x, y, x + w, y + h]), (192, 256))
    seen = crop.to_image(np.array([px, py]), width=48)
    there = crop.matrix @ np.append(seen, 1.0) / 4
    np.testing.assert_allclose(there, [px, py], atol=1e-6)


def test_a_crop_of_the_image_itself_is_the_image(rng):
    image = rng.integers(0, 256, (12, 8, 3)).astype(np.uint8)
    np.testing.assert_array_equal(Crop((4.0, 6.0), (8.0, 12.0), (8, 12)).cut(image), image)
    assert not Crop((400.0, 6.0), (8.0, 12.0), (8, 12)).cut(image).any()


@pytest.mark.parametrize(
    "box", [[5.0, 0.0, 5.0, 9.0], [0.0, 9.0, 5.0, 1.0], [0.0, 0.0, np.nan, 1.0], [0.0, 0.0, np.inf, 1.0]]
)
def test_empty_boxes_are_refused(box):
    for crop in (lambda b: padded_crop(b, (192, 256)), square_crop):
        with pytest.raises(ValueError, match="expected a box x1, y1, x2, y2 with x1 < x2"):
            crop(np.array(box))


# --- normalisation


def test_simplebaseline_normalises_blue_as_red():
    crops = np.zeros((1, 2, 2, 3), dtype=np.uint8)
    crops[..., 0], crops[..., 2] = 255, 51  # red, blue
    rgb, bgr = normalised(crops, "rgb")[0, :, 0, 0], normalised(crops, "bgr")[0, :, 0, 0]
    np.testing.assert_allclose(rgb, (np.array([1.0, 0.0, 0.2]) - MEAN) / STD, rtol=1e-6)
    np.testing.assert_allclose(bgr, (np.array([0.2, 0.0, 1.0]) - MEAN) / STD, rtol=1e-6)


# --- decoding


@pytest.fixture(scope="module")
def heatmaps():
    """Of SimpleBaseline; test_simplebaseline.py shows them to be the published network's."""
    manifest, _ = recipe.read("estimators", "simplebaseline_r50_coco17_256x192")
    network = PoseResNet(17).eval()
    weights = recipe.weights(
        {"shapes": {k: v.shape for k, v in network.state_dict().items()}, "gains": manifest["gains"]}
    )
    network.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
    with torch.no_grad():
        return network(torch.from_numpy(recipe.model_input(manifest, "image")))


def in_image(heatmaps: np.ndarray, pixels: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    keypoints, scores = decode(heatmaps)
    crops = (padded_crop(box, pixels) for box in BOXES)
    width = heatmaps.shape[-1]
    return np.stack([c.to_image(k, width=width) for k, c in zip(keypoints, crops, strict=False)]), scores


def test_simplebaseline_decoding(vectors, heatmaps):
    cells, _ = decode(heatmaps.numpy())
    assert np.abs(cells - vectors["sb_argmax"]).max() == 0.25
    keypoints, scores = in_image(heatmaps.numpy(), (192, 256))
    np.testing.assert_allclose(keypoints, vectors["sb_preds"], atol=1e-4)
    np.testing.assert_allclose(scores, vectors["sb_maxvals"][..., 0], atol=1e-5)


def test_simplebaseline_flip_test(vectors, heatmaps):
    both = with_flipped(heatmaps[:1], heatmaps[1:], COCO17.mirror)
    keypoints, scores = in_image(both.numpy(), (192, 256))
    np.testing.assert_allclose(keypoints, vectors["sb_fliptest_preds"], atol=1e-4)
    np.testing.assert_allclose(scores, vectors["sb_fliptest_maxvals"][..., 0], atol=1e-5)


def test_dcpose_decoding(vectors):
    _, outputs = recipe.read("estimators", "dcpose_hrnet48_rsn")
    keypoints, scores = in_image(outputs["heatmaps"], (288, 384))
    np.testing.assert_allclose(keypoints, vectors["dc_preds"], atol=1e-4)
    np.testing.assert_array_equal(scores, vectors["dc_maxvals"][..., 0])
    index, mask = conversion(POSETRACK17, POSETRACK15)
    assert mask.all()
    np.testing.assert_allclose(keypoints[0, index], vectors["dc_posetrack15"][:, :2], atol=1e-4)
    np.testing.assert_array_equal(scores[0, index], vectors["dc_posetrack15"][:, 2].astype(np.float32))


def test_quarter_steps_by_hand():
    maps = np.zeros((1, 4, 5, 6))
    maps[0, 0, 2, 3], maps[0, 0, 2, 4], maps[0, 0, 1, 3] = 9, 2, 3  # right and up
    maps[0, 1, 2, 1], maps[0, 1, 2, 2] = 9, 3  # column 1 is beside the border: stays
    maps[0, 2] = -1.0  # nothing found
    maps[0, 3, 2, 3] = 9  # level neighbours
    keypoints, scores = decode(maps)
    np.testing.assert_array_equal(keypoints[0], [[3.25, 1.75], [1, 2], [0, 0], [3, 2]])
    np.testing.assert_array_equal(scores[0], [9, 9, -1, 9])


# --- cameras


def test_depth_by_hand():
    translation = camera_translation(np.array([[0.5, 0.1, -0.2]]))
    np.testing.assert_allclose(translation, [[0.1, -0.2, 2 * 5000 / 112]])

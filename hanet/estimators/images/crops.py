"""Prepare the networks' inputs from images and person boxes, and decode their outputs.

Frames: image and crop coordinates are pixels, x right, y down, pixel centres at whole numbers; boxes are x1,
y1, x2, y2. Crops, normalisation and decoding follow each estimator's own code, from which the published poses
and weights come.

Axes: B crops, J joints, H and W pixels, h and w cells of a heat map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from PIL import Image
from torch import Tensor

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's means and standard deviations, for red, green and blue."""

FOCAL = 5000.0
"""Focal length in pixels that SPIN and PARE assume for a crop of 224 × 224."""

Resize = Literal["legacy", "range_preserving"]


@dataclass(frozen=True)
class Crop:
    """An axis-aligned part of an image, and its size in the network's pixels.

    Attributes:
        center: its middle (x, y) in the image.
        size: its width and height in pixels of the image.
        pixels: the network's width and height.
    """

    center: tuple[float, float]
    size: tuple[float, float]
    pixels: tuple[int, int]

    @property
    def matrix(self) -> Float[np.ndarray, "2 3"]:
        """Matrix from image to crop coordinates; both axes use the width's scale."""
        (x, y), (width, height) = self.center, self.pixels
        scale = width / self.size[0]
        return np.array([[scale, 0.0, width / 2 - scale * x], [0.0, scale, height / 2 - scale * y]])

    def to_image(self, points: Float[np.ndarray, "*B 2"], *, width: int) -> Float[np.ndarray, "*B 2"]:
        """Image coordinates of points in a map of the crop that is `width` cells wide."""
        middle = np.array([1.0, self.pixels[1] / self.pixels[0]]) * (width / 2)
        return (points - middle) * (self.size[0] / width) + np.array(self.center)

    def cut(self, image: UInt8[np.ndarray, "rows columns 3"]) -> UInt8[np.ndarray, "H W 3"]:
        """The crop, interpolated bilinearly, black outside the image.

        Single precision gives the same bytes as a current OpenCV's ``warpAffine``. Old versions round
        coordinates to 1/32 pixel, so some bytes differ by one.
        """
        (scale, _, dx), (_, _, dy) = self.matrix
        width, height = self.pixels
        x = (np.arange(width) / scale - dx / scale).astype(np.float32)
        y = (np.arange(height) / scale - dy / scale).astype(np.float32)
        left, above = np.floor(x).astype(int), np.floor(y).astype(int)
        right, below = (x - left)[None, :, None], (y - above)[:, None, None]
        corners = [
            _pixels(image, above + down, left + across).astype(np.float32)
            for down in (0, 1)
            for across in (0, 1)
        ]
        upper = corners[0] + right * (corners[1] - corners[0])
        lower = corners[2] + right * (corners[3] - corners[2])
        return np.rint(upper + below * (lower - upper)).astype(np.uint8)


def _pixels(
    image: UInt8[np.ndarray, "rows columns 3"], y: Int[np.ndarray, " H"], x: Int[np.ndarray, " W"]
) -> UInt8[np.ndarray, "H W 3"]:
    """The image at a grid of integer coordinates, black outside."""
    rows, columns = image.shape[:2]
    found = image[np.clip(y, 0, rows - 1)][:, np.clip(x, 0, columns - 1)]
    inside = ((y >= 0) & (y < rows))[:, None] & ((x >= 0) & (x < columns))
    return np.where(inside[..., None], found, np.uint8(0))


def _measured(box: Float[np.ndarray, " 4"]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Middle and size of a box; raises ValueError for an empty or non-finite one."""
    x1, y1, x2, y2 = box.tolist()
    if not (np.isfinite(box).all() and x2 > x1 and y2 > y1):
        raise ValueError(f"expected a box x1, y1, x2, y2 with x1 < x2 and y1 < y2, got {box.tolist()}")
    return ((x1 + x2) / 2, (y1 + y2) / 2), (x2 - x1, y2 - y1)


def padded_crop(box: Float[np.ndarray, " 4"], pixels: tuple[int, int], *, padding: float = 1.25) -> Crop:
    """SimpleBaseline's and DCPose's crop: the box is extended to the input's aspect ratio, then scaled by
    `padding`.

    Raises:
        ValueError: an empty box, or one with NaN.
    """
    center, (width, height) = _measured(box)
    aspect = pixels[0] / pixels[1]
    width = max(width, height * aspect)
    return Crop(center, (width * padding, width / aspect * padding), pixels)


def square_crop(box: Float[np.ndarray, " 4"], *, padding: float = 1.0, pixels: int = 224) -> Crop:
    """The square of the box's longer side: PARE's crop, and the position of SPIN's.

    For boxes of a detector, SPIN takes padding 1.2.

    Raises:
        ValueError: an empty box, or one with NaN.
    """
    center, size = _measured(box)
    side = max(size) * padding
    return Crop(center, (side, side), (pixels, pixels))


def spin_cut(
    crop: Crop, image: UInt8[np.ndarray, "rows columns 3"], resize: Resize
) -> UInt8[np.ndarray, "H W 3"]:
    """SPIN's crop: cut at integer pixels, black outside the image, then resized with a triangle filter.

    Args:
        crop: as returned by `square_crop`.
        image: the full image.
        resize: ``legacy`` stretches each crop's darkest to brightest value to 0..255, like the old SciPy
            function with which the released network was evaluated; ``range_preserving`` keeps brightness, as
            the authors' later code intends (not compared numerically with that code).
    """
    top_left, bottom_right = _spin_corners(crop)
    window = _pixels(image, np.arange(top_left[1], bottom_right[1]), np.arange(top_left[0], bottom_right[0]))
    if resize == "legacy":
        low, high = int(window.min()), int(window.max())
        window = ((window - float(low)) * (255 / max(high - low, 1)) + 0.5).astype(np.uint8)
    return np.asarray(Image.fromarray(window).resize(crop.pixels, Image.Resampling.BILINEAR))


def _spin_corners(crop: Crop) -> tuple[Int[np.ndarray, " 2"], Int[np.ndarray, " 2"]]:
    """First and one past the last integer pixel, both rounded towards zero."""
    center, half = np.array(crop.center), np.array(crop.size) / 2
    first, end = (center - half).astype(int), (center + half).astype(int)
    return first, np.maximum(end, first + 1)


def normalised(crops: UInt8[np.ndarray, "B H W 3"], order: Literal["rgb", "bgr"]) -> Float[Tensor, "B 3 H W"]:
    """Normalise RGB crops by ImageNet's means and standard deviations.

    With order ``bgr``, channels are reversed but means and deviations are not: blue is normalised with red's.
    SimpleBaseline was trained this way; the others use ``rgb``.
    """
    x = torch.from_numpy(crops.astype(np.float32) / 255).permute(0, 3, 1, 2)
    x = x.flip(1) if order == "bgr" else x
    return (x - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def decode(
    heatmaps: Float[np.ndarray, "B J h w"],
) -> tuple[Float[np.ndarray, "B J 2"], Float[np.ndarray, "B J"]]:
    """Each map's highest cell (x, y), moved a quarter cell towards the higher neighbour, and its height.

    A map without a positive cell gives (0, 0). Cells at or next to the border are not moved.
    """
    B, J, h, w = heatmaps.shape
    flat = heatmaps.reshape(B, J, -1)
    best, score = flat.argmax(-1), flat.max(-1)
    cells = np.stack([best % w, best // w], axis=-1) * (score > 0)[..., None]
    x, y = cells[..., 0], cells[..., 1]
    inner = (x > 1) & (x < w - 1) & (y > 1) & (y < h - 1)
    b, j = np.indices((B, J))
    ix, iy = np.clip(x, 1, w - 2), np.clip(y, 1, h - 2)
    slope = np.stack(
        [
            heatmaps[b, j, iy, ix + 1] - heatmaps[b, j, iy, ix - 1],
            heatmaps[b, j, iy + 1, ix] - heatmaps[b, j, iy - 1, ix],
        ],
        axis=-1,
    )
    return cells + 0.25 * np.sign(slope) * inner[..., None], score


def with_flipped(
    heatmaps: Float[Tensor, "B J h w"], of_flipped: Float[Tensor, "B J h w"], mirror: Int[np.ndarray, " J"]
) -> Float[Tensor, "B J h w"]:
    """SimpleBaseline's flip test: the mean of an image's maps and those of its mirror image, flipped back.

    Args:
        heatmaps: of the images.
        of_flipped: of the mirrored images; shifted right by one cell, because mirroring shifts the maps'
            grid.
        mirror: `Skeleton.mirror`.
    """
    back = of_flipped[:, torch.from_numpy(mirror)].flip(-1)
    back = torch.cat([back[..., :1], back[..., :-1]], dim=-1)
    return (heatmaps + back) / 2


def camera_translation(
    camera: Float[np.ndarray, "B 3"], *, pixels: int = 224, focal: float = FOCAL
) -> Float[np.ndarray, "B 3"]:
    """The body's translation in the crop's camera frame, metres: x, y, and the depth 2 · focal / (pixels ·
    scale).

    Args:
        camera: SPIN's and PARE's scale, x and y.
        pixels: side of the crop.
        focal: focal length in pixels of the crop.
    """
    depth = 2 * focal / (pixels * camera[:, :1] + 1e-9)
    return np.concatenate([camera[:, 1:], depth], axis=1)


def image_camera(
    camera: Float[np.ndarray, "B 3"], crop: Crop, image_size: tuple[int, int]
) -> Float[np.ndarray, "B 4"]:
    """A crop's weak camera as one of the whole image: scales of x and y, then x and y (PARE).

    Args:
        camera: scale, x and y in the crop.
        crop: where in the image, square.
        image_size: width and height in pixels.
    """
    half = np.array(image_size) / 2
    scale = camera[:, :1] * (crop.size[1] / 2) / half
    shift = (np.array(crop.center) - half) / half / scale + camera[:, 1:]
    return np.concatenate([scale, shift], axis=1)

"""What a camera sees besides the body: background, light, exposure, and things in front of the person.

All is drawn at random from one seed; pictures are procedural, no photographs are used.

Axes: H × W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFilter

from hanet.poses.cameras import Camera


@dataclass(frozen=True)
class Scene:
    """One camera's surroundings.

    Attributes:
        background: 0 to 1.
        front: colours and opacity of what hides the person; None where nothing does.
        light: unit vector to the light in the camera's frame (x right, y down, z ahead).
        ambient: share of light without direction.
        tint: colour of the light.
        exposure: time that the shutter is open, as a share of the time between frames.
    """

    background: Float[np.ndarray, "H W 3"]
    front: Float[np.ndarray, "H W 4"] | None
    light: Float[np.ndarray, " 3"]
    ambient: float
    tint: Float[np.ndarray, " 3"]
    exposure: float

    @classmethod
    def draw(
        cls,
        camera: Camera,
        keypoints: Float[np.ndarray, "T J 2"],
        rng: np.random.Generator,
        *,
        occluded: float,
        exposure: tuple[float, float],
    ) -> Scene:
        """A random scene.

        Args:
            camera: its height above the ground decides where the floor ends.
            keypoints: the person's, pixels; occluders stand near them.
            rng: draws everything.
            occluded: probability of occluders.
            exposure: range of exposures.
        """
        horizon = _horizon(camera)
        background = _background(camera.image_size, horizon, rng)
        hidden = rng.random() < occluded
        front = _front(camera.image_size, keypoints, rng) if hidden else None
        light = np.array([rng.uniform(-0.8, 0.8), -rng.uniform(0.3, 1.0), -rng.uniform(0.1, 0.9)])
        return cls(
            background,
            front,
            light / np.linalg.norm(light),
            rng.uniform(0.4, 0.75),
            rng.uniform(0.75, 1.05) * rng.uniform(0.9, 1.0, 3),
            rng.uniform(*exposure),
        )


def _horizon(camera: Camera) -> float:
    """The picture's row at which a far floor ends."""
    down, ahead = camera.rotation[1], camera.rotation[2]
    away = ahead - [0, 0, ahead[2]]
    away /= np.linalg.norm(away)
    return float(camera.image_size[1] / 2 + camera.focal * (down @ away) / (ahead @ away))


def _noise(size: tuple[int, int], rng: np.random.Generator, cells: int) -> Float[np.ndarray, "H W 3"]:
    """Smooth noise around 0, its structures `cells` to the width."""
    grey = rng.integers(0, 256, (cells, cells, 1)) + rng.integers(-40, 41, (cells, cells, 3))
    small = np.clip(grey, 0, 255).astype(np.uint8)
    picture = Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(picture, np.float32) / 255 - 0.5


def _colour(rng: np.random.Generator) -> Float[np.ndarray, " 3"]:
    """Mostly muted: a grey with a random part of a random hue."""
    return np.clip(rng.uniform(0.1, 0.9) + rng.uniform(0, 0.35) * rng.uniform(-1, 1, 3), 0.02, 0.98)


def _background(
    size: tuple[int, int], horizon: float, rng: np.random.Generator
) -> Float[np.ndarray, "H W 3"]:
    """Wall, floor, rectangles on them, noise; out of focus by a random amount."""
    width, height = size
    rows = np.arange(height, dtype=np.float32)[:, None, None]
    wall, floor = _colour(rng), _colour(rng)
    edge = horizon + rng.uniform(0.02, 0.25) * height
    picture = np.where(rows < edge, wall * (1 - 0.2 * rows / height), floor * (0.7 + 0.3 * rows / height))
    picture = np.broadcast_to(picture, (height, width, 3)).astype(np.float32)
    for cells in (4, 16, 64):
        picture = picture + rng.uniform(0, 0.2) * _noise(size, rng, cells)
    canvas = Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))
    draw = ImageDraw.Draw(canvas, "RGBA")
    for _ in range(rng.integers(0, 25)):
        x, y = rng.uniform(-0.1, 1, 2) * size
        w, h = rng.uniform(0.02, 0.35, 2) * size
        colour = (*(255 * _colour(rng)).astype(int).tolist(), int(rng.integers(40, 256)))
        shape = draw.rectangle if rng.random() < 0.75 else draw.ellipse
        shape((x, y, x + w, y + h), fill=colour)
    blurred = canvas.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 2.5))))
    return np.asarray(blurred, np.float32) / 255


def _front(
    size: tuple[int, int], keypoints: Float[np.ndarray, "T J 2"], rng: np.random.Generator
) -> Float[np.ndarray, "H W 4"]:
    """A post, a table or a plant-like blob near the person's path; colours multiplied by opacity."""
    height = size[1]
    low, high = keypoints.min(axis=1), keypoints.max(axis=1)
    tall = float(np.median(high[:, 1] - low[:, 1]))
    mask = Image.new("L", size)
    draw = ImageDraw.Draw(mask)
    for _ in range(rng.integers(1, 3)):
        t, kind = rng.integers(len(low)), rng.integers(3)
        x = rng.uniform(low[t, 0], high[t, 0])
        if kind == 0:
            half = rng.uniform(0.04, 0.1) * tall
            draw.rectangle((x - half, 0, x + half, height), fill=255)
        elif kind == 1:
            half, top = rng.uniform(0.2, 0.5) * tall, high[t, 1] - rng.uniform(0.15, 0.4) * tall
            draw.rectangle((x - half, top, x + half, height), fill=255)
        else:
            y, spread = rng.uniform(low[t, 1] + 0.3 * tall, high[t, 1]), rng.uniform(0.06, 0.16) * tall
            for dx, dy, r in rng.normal(0, 1, (8, 3)) * [spread, spread, 0.3 * spread]:
                r = abs(r) + 0.4 * spread
                draw.ellipse((x + dx - r, y + dy - r, x + dx + r, y + dy + r), fill=255)
    opacity = np.asarray(mask.filter(ImageFilter.GaussianBlur(0.8)), np.float32)[..., None] / 255
    colour = _colour(rng) + 0.3 * _noise(size, rng, 32)
    return np.concatenate([np.clip(colour, 0, 1) * opacity, opacity], axis=-1).astype(np.float32)

"""Images of a video in a folder, by frame number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

Images = Mapping[int, Path]
"""Image files by frame number."""


def find_images(folder: str | Path) -> dict[int, Path]:
    """Find the images of a folder by frame number: the last number in each name, as in ``000012.jpg``.

    Raises:
        ValueError: the folder has no images, or two with the same number.
    """
    found: dict[int, Path] = {}
    for path in sorted(Path(folder).glob("*")):
        numbers = re.findall(r"\d+", path.stem)
        if path.suffix.lower() not in (".jpg", ".jpeg", ".png") or not numbers:
            continue
        if (frame := int(numbers[-1])) in found:
            raise ValueError(f"{folder}: {found[frame].name} and {path.name} are both frame {frame}")
        found[frame] = path
    if not found:
        raise ValueError(f"{folder}: expected JPEG or PNG images named by frame number, found none")
    return found


def read_image(images: Images, frame: int, size: tuple[int, int] | None = None) -> UInt8[np.ndarray, "H W 3"]:
    """Read a frame's image.

    Args:
        images: by frame number.
        frame: its number.
        size: width and height of the images that the poses were found in; None where it is not known.

    Raises:
        ValueError: the frame has no image, or the file is not an image or one of another size.
    """
    if frame not in images:
        have = f"{min(images)} to {max(images)}" if images else "none"
        raise ValueError(f"no image of frame {frame}; there are {len(images)} images, of frames {have}")
    try:
        with Image.open(images[frame]) as image:
            if size not in (None, image.size):
                got, expected = ("×".join(map(str, one)) for one in (image.size, size or ()))
                raise ValueError(
                    f"{images[frame]} is {got} pixels, the poses are of images of {expected}; name their "
                    "folder"
                )
            return np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, OSError) as error:
        raise ValueError(
            f"{images[frame]}: expected an image, got another or a damaged file ({error})"
        ) from error

"""Write a page's picture into docs/images, small enough for the repository."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
LARGEST = 150_000
"""Bytes of a picture at most."""


def write_picture(page: Page, name: str) -> None:
    """Write docs/images/<name>.png of what the window shows, in 256 colours."""
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path)
    shrink(path)
    print(f"  {path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB", flush=True)
    if path.stat().st_size > LARGEST:
        raise SystemExit(f"{path} is larger than {LARGEST / 1000:.0f} kB")


def shrink(path: Path) -> None:
    """Write a picture again with a palette, which takes half of the bytes; small marks keep their colours."""
    with Image.open(path) as image:
        full = image.convert("RGB")
    few = full.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE)
    few.save(path, optimize=True)

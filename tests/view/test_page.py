"""The page in Chromium: what it draws, how it is driven, and that it asks nobody for anything."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Request

from hanet.formats import ReadOptions, read
from hanet.poses.skeletons import COCO17
from hanet.view.page import page, write_page
from tests.support.browser import LACKING, chromium
from tests.support.keypoint_writers import write_coco
from tests.support.walking import detected, filmed, walker

in_browser = pytest.mark.skipif(bool(LACKING), reason=LACKING)
HOSTILE = "</script><img src=x onerror=alert(1)><!-- é $title {{data}}"
FPS = ReadOptions(fps=30.0)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people as COCO's results with their truth, and one in 3D whose joints have hostile names."""
    path = tmp_path_factory.mktemp("view")
    truth = filmed([walker(120), walker(120, phase=1.0)])
    write_coco(path / "walk.json", detected(truth, noise=2.0))
    write_coco(path / "refined.json", truth)
    write_page(path / "flat.html", read(path / "walk.json", FPS), read(path / "refined.json", FPS))
    names = np.array([HOSTILE, *COCO17.joints[1:]])
    np.savez(path / "solid.npz", poses=walker(60), fps=25.0, joints=names)
    write_page(path / "solid.html", read(path / "solid.npz"))
    return path


def opened(browser: Browser, path: Path, *, width: int = 1280, height: int = 900) -> tuple[Page, list[str]]:
    """A page that is drawn, and what it asked for."""
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    tab = browser.new_page(viewport={"width": width, "height": height})
    tab.on("request", note)
    tab.on("pageerror", lambda error: asked.append(f"error: {error}"))
    tab.on("dialog", lambda dialog: asked.append("a dialog"))
    tab.goto(path.as_uri())
    tab.wait_for_selector("html[data-ready=yes]")
    return tab, asked


def inked(tab: Page, canvas: str, colour: str) -> int:
    """Pixels of a canvas that have a colour of the page's palette, to rounding."""
    return tab.evaluate(
        """([id, name]) => {
          const canvas = document.getElementById(id);
          const text = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
          const ink = [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
          const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          let count = 0;
          for (let i = 0; i < data.length; i += 4) {
            if (data[i + 3] === 255 && ink.every((value, c) => Math.abs(data[i + c] - value) < 3)) count++;
          }
          return count;
        }""",
        [canvas, colour],
    )


def test_the_page_is_one_file_that_admits_its_own_script_alone(folder: Path):
    text = (folder / "flat.html").read_text()
    assert not re.search(r"https?:|src=|@import|url\(", text)
    [script] = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    [style] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    [policy] = re.findall(r'Content-Security-Policy" content="(.*?)"', text)
    for part in (script, style):
        assert f"sha256-{b64encode(sha256(part.encode()).digest()).decode()}" in policy
    assert policy.startswith("default-src &#x27;none&#x27;")
    assert "unsafe" not in policy


def test_names_of_files_and_joints_stay_text(tmp_path: Path):
    path = tmp_path / "x$data<b>.npz"
    np.savez(path, poses=walker(20), fps=25.0, joints=np.array([HOSTILE, *COCO17.joints[1:]]))
    text = page(read(path))
    assert text.count("</script>") == 2 and "<b>" not in text and "<img" not in text
    [data] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    shown = json.loads(data)
    assert shown["joints"][0] == HOSTILE and shown["title"] == "x$data<b>.npz"


@in_browser
def test_two_people_before_and_after(browser: Browser, folder: Path):
    tab, asked = opened(browser, folder / "flat.html")
    assert tab.inner_text("h1") == "walk.json → refined.json"
    assert tab.inner_text("#facts") == "coco17: 17 joints, 2D · 2 tracks · 30 frames per second"
    rows = tab.locator("#table tbody tr")
    assert rows.count() == 2
    assert rows.nth(0).inner_text().split("\t")[1:7] == ["120", "1.4 %", "2", "25 frames", "–", "3"]
    assert inked(tab, "stage", "raw") > 100 and inked(tab, "stage", "refined") > 100
    assert inked(tab, "map", "leap") > 0 and inked(tab, "map", "filled") > 0
    tab.uncheck("#raw")
    assert inked(tab, "stage", "raw") == 0 and inked(tab, "curves", "raw") == 0
    tab.check("#raw")
    tab.check("#apart")
    assert inked(tab, "stage", "raw") > 100
    assert asked == [(folder / "flat.html").as_uri()]
    tab.close()


@in_browser
def test_the_controls_move_through_the_frames(browser: Browser, folder: Path):
    tab, asked = opened(browser, folder / "flat.html")
    tab.click("#next")
    assert tab.inner_text("#time") == "frame 1 of 119 · 0.03 s"
    tab.select_option("#joint", label="l_wrist")
    tab.fill("#frame", "21")
    assert tab.inner_text("#values").startswith("l_wrist: detected missing · refined ")
    tab.locator("#map").click(position={"x": 700, "y": 9 * 15 + 5})
    assert tab.evaluate("document.getElementById('joint').selectedOptions[0].label") == "l_wrist"
    before = tab.inner_text("#time")
    tab.focus("#stage")
    tab.keyboard.press("ArrowLeft")
    assert tab.inner_text("#time") != before
    tab.select_option("#window", "1")
    tab.locator("#table button").nth(1).click()
    assert "confidence" in tab.inner_text("#values") and "missing" not in tab.inner_text("#values")
    tab.click("#play")
    tab.wait_for_function("before => document.getElementById('time').textContent !== before", arg=before)
    tab.click("#play")
    assert len(asked) == 1
    tab.close()


@in_browser
@pytest.mark.parametrize("width", [1280, 390])
def test_3d_joints_turn_with_the_pointer(browser: Browser, folder: Path, width: int):
    tab, asked = opened(browser, folder / "solid.html", width=width)
    assert HOSTILE in tab.inner_text("#values") and tab.locator("img").count() == 0
    assert tab.locator("#refined").is_hidden() and inked(tab, "stage", "refined") == 0
    picture = "document.getElementById('stage').toDataURL()"
    before = tab.evaluate(picture)
    box = tab.locator("#stage").bounding_box()
    assert box is not None
    tab.mouse.move(box["x"] + 100, box["y"] + 100)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 200, box["y"] + 120)
    tab.mouse.up()
    turned = tab.evaluate(picture)
    assert turned != before and inked(tab, "stage", "raw") > 100
    tab.mouse.wheel(0, -200)
    tab.wait_for_function(f"before => {picture} !== before", arg=turned)
    tab.locator("#stage").dblclick(position={"x": 5, "y": 5})
    assert tab.evaluate(picture) == before
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    assert asked == [(folder / "solid.html").as_uri()]
    tab.close()

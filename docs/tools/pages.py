"""The pictures of docs/refine.md: `hanet view` and `hanet app` in headless Chromium. What they
show is asserted.

    python -m docs.tools.pages

Two drawn people walk before a camera, detected with jitter, gaps and leaps. `hanet refine` and `hanet view`
make the first page; the second is driven as a user drives it: drop the file, fill in its rate.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, expect

from docs.tools.pictures import ROOT, write_picture
from hanet.app.server import serving
from tests.support.browser import chromium
from tests.support.keypoint_writers import write_coco
from tests.support.walking import detected, filmed, walker


def main() -> None:
    """Take both pictures."""
    with TemporaryDirectory(prefix="hanet-pages-") as name, chromium() as browser:
        folder = Path(name)
        people = [walker(150), walker(150, phase=2.0, speed=0.4)]
        poses = write_coco(folder / "walk.json", detected(filmed(people), noise=3.0))
        page = view(poses, folder)
        show_view(browser, page)
        show_app(browser, poses)


def view(poses: Path, folder: Path) -> Path:
    """The page that the commands write."""
    refined, page = folder / "refined.json", folder / "page.html"
    hanet("refine", str(poses), "--fps", "30", "--out", str(refined))
    hanet("view", str(poses), str(refined), "--fps", "30", "--html", str(page))
    return page


def hanet(*words: str) -> None:
    """Run a command."""
    program = "import sys; from hanet.cli.app import app; app(sys.argv[1:])"
    subprocess.run([sys.executable, "-c", program, *words], cwd=ROOT, check=True)


def show_view(browser: Browser, path: Path) -> None:
    """The page with a knee that leaps."""
    page = browser.new_page(viewport={"width": 1280, "height": 1028})
    page.goto(path.as_uri())
    expect(page.locator("h1")).to_have_text("walk.json → refined.json")
    page.select_option("#joint", label="r_knee")
    page.fill("#frame", "62")
    expect(page.locator("#time")).to_have_text("frame 62 of 149 · 2.07 s")
    expect(page.locator("#table tbody tr")).to_have_count(2)
    facts = page.locator("#table tbody tr").first.inner_text().split("\t")
    assert facts[6] == "3" and facts[10] == "0", facts  # leaps before and after
    picture(page, "view")


def show_app(browser: Browser, poses: Path) -> None:
    """The app after a file was refined."""
    with serving() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page(viewport={"width": 1280, "height": 940})
        page.goto(server.link)
        page.set_input_files("#files", poses)
        expect(page.locator("#status")).to_contain_text("does not say its frame rate")
        page.fill("#fps", "30")
        page.click("#again")
        expect(page.locator("#status")).to_have_text("Done.")
        assert not re.search(r"\de[+-]\d", page.inner_text("body")), page.inner_text("body")
        expect(page.frame_locator("#view").locator("h1")).to_have_text("walk.json → walk-refined.json")
        page.frame_locator("#view").locator("#frame").fill("62")
        page.evaluate("scrollTo(0, 0)")
        picture(page, "app")
        server.shutdown()


def picture(page: Page, name: str) -> None:
    """Write docs/images/<name>.png."""
    page.mouse.click(2, 2)  # no field has the focus
    page.wait_for_timeout(500)
    write_picture(page, name)


if __name__ == "__main__":
    main()

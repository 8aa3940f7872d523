"""`hanet app` in Chromium: a file is dropped, seen and downloaded; a page of another origin gets nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from hanet.app.server import App, serving
from tests.cli.test_startup import CALL, ENVIRONMENT
from tests.support.browser import FOREIGN, LACKING, chromium
from tests.support.keypoint_writers import write_coco
from tests.support.walking import detected, filmed, walker

in_browser = pytest.mark.skipif(bool(LACKING), reason=LACKING)
DROP = """async (names) => {
  const transfer = new DataTransfer();
  for (const [name, text] of names) transfer.items.add(new File([text], name));
  const event = new DragEvent('drop', {dataTransfer: transfer, bubbles: true});
  document.getElementById('drop').dispatchEvent(event);
}"""
ATTACK = """<body><script>
const target = 'TARGET', found = {};
async function attempt(name, path, options) {
  try {
    const answer = await fetch(target + path, options);
    found[name] = answer.type === 'opaque' ? 'opaque' : await answer.text();
  } catch (error) { found[name] = String(error); }
}
(async () => {
  const body = '{"files": [["a.json", 2]], "fps": "30"}\\n[]';
  await attempt('page', '', {});
  await attempt('refine', 'refine', {method: 'POST', body});
  await attempt('blind', 'refine', {method: 'POST', body, mode: 'no-cors'});
  const frame = document.createElement('iframe');
  frame.src = target;
  document.body.append(frame);
  await new Promise((done) => { frame.onload = done; setTimeout(done, 2000); });
  found.frames = window.frames[0].length;
  document.title = JSON.stringify(found);
})();
</script></body>"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    with serving() as opened:
        threading.Thread(target=opened.serve_forever, args=(0.01,), daemon=True).start()
        yield opened
        opened.shutdown()


@pytest.fixture(scope="module")
def coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("coco") / "walk.json"
    return write_coco(path, detected(filmed([walker(100)]), noise=2.0))


def opened(browser: Browser, link: str, width: int = 1280) -> tuple[Page, list[str]]:
    """The app's page, and the addresses of other servers that it asks."""
    tab, others = browser.new_page(viewport={"width": width, "height": 1600}), []
    tab.on("request", lambda request: others.append(request.url) if link not in request.url else None)
    tab.on("pageerror", lambda error: others.append(str(error)))
    tab.goto(link)
    return tab, others


@in_browser
@pytest.mark.parametrize("width", [1280, 390])
def test_a_file_is_dropped_seen_and_downloaded(
    browser: Browser, app: App, coco: Path, tmp_path: Path, width: int
):
    tab, others = opened(browser, app.link, width)
    tab.evaluate(DROP, [["walk.json", coco.read_text()]])
    expect(tab.locator("#status")).to_have_text(
        "walk.json does not say its frame rate: fill in “Frames per second”"
    )
    assert tab.evaluate("document.activeElement.id") == "fps"
    tab.fill("#fps", "30")
    tab.keyboard.press("Enter")
    expect(tab.locator("#status")).to_have_text("Done.")
    shown = tab.frame_locator("#view")
    expect(shown.locator("h1")).to_have_text("walk.json → walk-refined.json")
    expect(shown.locator("#table tbody tr")).to_have_count(1)
    tab.wait_for_function("parseFloat(document.getElementById('view').style.height) > 500")
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    with tab.expect_download() as download:
        tab.click("#download")
    download.value.save_as(tmp_path / "out.json")
    assert download.value.suggested_filename == "walk-refined.json"
    entries = [json.loads(path.read_text()) for path in (coco, tmp_path / "out.json")]
    places = [np.array([entry["keypoints"] for entry in side])[:, :2] for side in entries]
    rough, smooth = (np.abs(np.diff(place, n=2, axis=0)).mean() for place in places)
    assert len(places[0]) == len(places[1]) and smooth < 0.3 * rough
    assert [address for address in others if not address.startswith("blob:")] == []
    tab.close()


@in_browser
def test_a_bad_file_is_said_and_a_good_one_follows(browser: Browser, app: App, coco: Path):
    tab, _ = opened(browser, app.link)
    status = tab.locator("#status")
    tab.evaluate(DROP, [["walk.json", "[1, 2"]])
    expect(status).to_have_class("bad")
    assert "walk.json" in status.inner_text()
    tab.evaluate(DROP, [])
    expect(status).to_have_text("Nothing was dropped that can be read: drop files, or a folder of files.")
    tab.fill("#fps", "30")
    tab.select_option("#method", "butterworth")
    tab.locator("summary").click()
    tab.fill("#parameters", "cutoff=3")
    tab.set_input_files("#files", coco)
    expect(status).to_have_text("Done.")
    assert "butterworth (cutoff 3 Hz; order 4)" in tab.inner_text("#notes")
    tab.close()


@in_browser
def test_a_page_of_another_origin_gets_nothing(browser: Browser, app: App):
    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = ATTACK.replace("TARGET", app.link).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            pass

    before = dict(app.results)
    with HTTPServer(("127.0.0.1", 0), Site) as site:
        threading.Thread(target=site.serve_forever, args=(0.01,), daemon=True).start()
        tab = browser.new_page()
        tab.goto(f"http://{FOREIGN}:{site.server_port}/")
        tab.wait_for_function("document.title !== ''")
        found = json.loads(tab.title())
        blocked = "TypeError: Failed to fetch"
        assert found == {"page": blocked, "refine": blocked, "blind": blocked, "frames": 0}
        # A name of the attacker that leads to the app: the page then has the app's origin.
        answer = tab.goto(app.link.replace("127.0.0.1", FOREIGN))
        assert answer is not None and answer.status == 403 and "another host name" in tab.inner_text("body")
        site.shutdown()
    assert app.results == before and all(path.is_dir() for path in app.folder.iterdir())
    tab.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_a_link_and_leaves_nothing(number: signal.Signals, tmp_path: Path):
    env = {**ENVIRONMENT, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-u", "-c", CALL, "app"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        link = process.stdout.readline()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{32}/\n", link)
        [folder] = tmp_path.iterdir()
        assert folder.name.startswith("hanet-app-") and folder.stat().st_mode & 0o077 == 0
        os.kill(process.pid, number)
        assert process.wait(20) == 128 + number
    assert list(tmp_path.iterdir()) == []

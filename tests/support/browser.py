"""Pages in headless Chromium, without anything but this machine."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LACKING = "" if CHROMIUM else "Chromium is not installed (Debian: apt-get install chromium)"
"""Why pages cannot be opened here."""
PATIENCE = 60_000
"""Milliseconds that a page may take for what is expected of it, on a busy machine."""
FOREIGN = "evil.example"
"""A name that the browser resolves to this machine, as after DNS rebinding; it resolves no other."""
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server",
    f"--host-resolver-rules=MAP {FOREIGN} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)  # fmt: skip


def page_text(address: str, *, seconds: int = 20) -> str:
    """Open a page, let its scripts run for some seconds of their own time, and return its document."""
    assert CHROMIUM is not None
    # Virtual time passes only while no request is under way, and jumps over pauses.
    budget = f"--virtual-time-budget={seconds * 1000}"
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        done = subprocess.run(
            [CHROMIUM, *FLAGS, f"--user-data-dir={Path(profile)}", budget, "--dump-dom", address],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    return unescape(done.stdout)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that tests drive: they click, drop files and look at pixels."""
    flags = [flag for flag in FLAGS if flag != "--headless"]
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        try:
            yield browser
        finally:
            browser.close()

"""A page that shows poses before and after refinement: one HTML file that loads nothing else.

Its Content-Security-Policy admits the page's own script and style alone, so no browser asks a server for
anything, whatever a pose file holds.
"""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from hanet.files.atomic import write_text
from hanet.formats.base import PoseFile
from hanet.view.content import MOST_NUMBERS, content
from hanet.view.people import pair

SCRIPTS = ("data.js", "stage.js", "charts.js", "page.js")
"""Parts of the page's script, in order."""


def page(raw: PoseFile, refined: PoseFile | None = None, *, most_numbers: int = MOST_NUMBERS) -> str:
    """The page of a pose file, beside its refined version if there is one.

    Args:
        raw: as read.
        refined: the same file, refined.
        most_numbers: bound of the coordinates, see `hanet.view.content.MOST_NUMBERS`.

    Raises:
        NoPosesError: nobody is in the file.
        ValueError: two files that do not belong together.
    """
    title = raw.path.name if refined is None else f"{raw.path.name} → {refined.path.name}"
    shown = content(pair(raw, refined), title, most_numbers=most_numbers)
    # Within a script element, "</script>" and "<!--" would end or change it.
    data = json.dumps(shown, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    folder = files("hanet") / "view" / "assets"
    script = "\n".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS)
    script = f"'use strict';\n(() => {{\n{script}}})();"
    style = (folder / "page.css").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src {_source(script)}; style-src {_source(style)}; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = {"title": escape(title), "policy": escape(policy), "style": style, "script": script, "data": data}
    return Template((folder / "page.html").read_text(encoding="utf-8")).substitute(parts)


def write_page(path: Path, raw: PoseFile, refined: PoseFile | None = None) -> None:
    """Write `page` to a file, whole or not at all.

    Raises:
        NoPosesError, ValueError: as `page`.
    """
    write_text(path, page(raw, refined))


def _source(text: str) -> str:
    """The source expression of an inline script or style."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"

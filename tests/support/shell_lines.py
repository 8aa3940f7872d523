"""The shell lines and Python blocks of README, CONTRIBUTING, SECURITY and the pages of docs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import ROOT

PAGES = (
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY", "CODE_OF_CONDUCT")),
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if "results" not in path.parts),
)
PROGRAMS = ("hanet", "make", "python", "dvc", "git", "pip", "mlflow", "ssh", "rerun", "export", ".ci/run")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")
_COMMAND = re.compile(rf"^([A-Z_]+=\S+ )*({'|'.join(map(re.escape, PROGRAMS))})(?=\s|$)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, the number on the page (from 1), the language and the text."""

    page: Path
    number: int
    language: str
    body: str

    @property
    def name(self) -> str:
        """Page and number, such as ``refine-2``."""
        return f"{self.page.stem}-{self.number}"

    @property
    def lines(self) -> list[str]:
        """The shell lines, without comments; continued ones are joined."""
        joined = self.body.replace("\\\n", " ").splitlines()
        bare = (re.sub(r"(^|\s+)#( .*)?$", "", line).strip() for line in joined)
        return [re.sub(r"\s+", " ", line) for line in bare if line]


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page."""
    found = _FENCE.findall(page.read_text())
    return [Block(page, number, language, body) for number, (language, body) in enumerate(found, 1)]


def shell_blocks() -> list[Block]:
    """The blocks of shell lines of all pages."""
    return [block for page in PAGES for block in blocks(page) if block.language in ("sh", "bash")]


def python_blocks() -> list[Block]:
    """The blocks of Python of all pages, without those that show a file."""
    found = [block for page in PAGES for block in blocks(page) if block.language == "python"]
    return [block for block in found if not block.body.startswith("--8<--")]


def commands_in_text(page: Path) -> list[str]:
    """The commands between backquotes in a page's text, also those that go on in the next line."""
    spans = _CODE.findall(_FENCE.sub("", page.read_text()))
    return [text for span in spans if is_command(text := " ".join(span.split()))]


def is_command(text: str) -> bool:
    """Whether a text begins with a program, perhaps after values of environment variables."""
    return bool(_COMMAND.match(text))

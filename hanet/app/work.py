"""What the page asks for: pose files received, refined, shown and handed back."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from hanet.files.json_text import parse_json
from hanet.formats.base import PoseFile, ReadOptions
from hanet.formats.registry import FORMATS, read
from hanet.methods.parsing import parse
from hanet.methods.pose_files import refine_cache_file, refine_file
from hanet.methods.smoothing import DEFAULT_GAP
from hanet.view.page import page

MOST_BYTES = 256 << 20
"""Size of an upload at most."""
MOST_FILES = 20_000
"""Files of an upload at most."""
VIDEOS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm")
_HEADER = 4 << 20
_BLOCK = 1 << 20
_NAME = re.compile(r"[^\x00-\x1f/\\]{1,200}")


@dataclass(frozen=True)
class Asked:
    """What the page sends before the files.

    Attributes:
        files: name and size in bytes of each.
        folder: name of the folder that they lie in; of a single file the file's.
        method: as ``hanet refine --method`` takes it.
        format: key in `hanet.formats.FORMATS`, or None to find it.
        options: what the files do not say.
        max_gap: longest gap to fill, in seconds.
    """

    files: Sequence[tuple[str, int]]
    folder: str
    method: str
    format: str | None
    options: ReadOptions
    max_gap: float


@dataclass(frozen=True)
class Done:
    """A refined file.

    Attributes:
        path: the file to download.
        page: HTML file that shows it beside the input.
        notes: what was done, one sentence each.
    """

    path: Path
    page: Path
    notes: Sequence[str]


class Body:
    """The body of a request.

    Args:
        stream: the connection.
        size: bytes that belong to the body.
    """

    def __init__(self, stream: BufferedIOBase, size: int) -> None:
        self._stream, self.left = stream, size

    def line(self, most: int) -> bytes:
        """The next line, at most so many bytes of it."""
        return self._took(self._stream.readline(min(self.left, most)))

    def read(self, most: int) -> bytes:
        """The next bytes; none at the end."""
        return self._took(self._stream.read(min(self.left, most)))

    def skip(self) -> None:
        """Read the rest, without which a browser does not see the answer."""
        while self.read(_BLOCK):
            pass

    def _took(self, content: bytes) -> bytes:
        self.left -= len(content)
        return content


def receive(body: Body, folder: Path) -> Asked:
    """Read a request's body: a line of JSON, then the files one after the other; written into `folder`.

    Args:
        body: at most `MOST_BYTES`.
        folder: an empty folder.

    Raises:
        ValueError: another layout, a name that is not a file's, or a file's end that does not come.
    """
    line = body.line(_HEADER)
    asked = _asked(parse_json(line, dict, where="the request", remedy="reload the page"))
    if sum(length for _, length in asked.files) != body.left:
        raise ValueError("the request's size is not that of its files; drop them again")
    for name, length in asked.files:
        with (folder / name).open("xb") as file:
            left = length
            while left:
                block = body.read(min(left, _BLOCK))
                if not block:
                    raise ValueError(f"{name}: the upload stopped {left} bytes early; drop it again")
                file.write(block)
                left -= len(block)
    return asked


def _asked(fields: Mapping[str, object]) -> Asked:
    files = fields.get("files")
    if not isinstance(files, list) or not 0 < len(files) <= MOST_FILES:
        raise ValueError(f"expected 1 to {MOST_FILES:,} files")
    found: dict[str, int] = {}
    for entry in files:
        name, size = entry if isinstance(entry, list) and len(entry) == 2 else ("", -1)
        if not _is_name(name) or not isinstance(size, int) or size < 0 or name in found:
            raise ValueError(f"{json.dumps(name)[:200]} is not the name of a file, or comes twice")
        found[name] = size
    folder = fields.get("folder")
    only = next(iter(found))
    return Asked(
        files=tuple(found.items()),
        folder=only if len(found) == 1 else str(folder) if _is_name(folder) else "poses",
        method=str(fields.get("method") or "general"),
        format=str(fields["format"]) if fields.get("format") else None,
        options=ReadOptions(
            fps=_number(fields, "fps", "Frames per second"),
            skeleton=str(fields["skeleton"]) if fields.get("skeleton") else None,
            image_size=_image_size(str(fields.get("image_size") or "")),
            min_score=_number(fields, "min_score", "Least confidence"),
        ),
        max_gap=DEFAULT_GAP if (gap := _number(fields, "max_gap", "Longest gap")) is None else gap,
    )


def _is_name(name: object) -> bool:
    return isinstance(name, str) and _NAME.fullmatch(name) is not None and name.strip(". ") != ""


def _number(fields: Mapping[str, object], key: str, label: str) -> float | None:
    text = str(fields.get(key) or "").strip()
    try:
        return float(text) if text else None
    except ValueError:
        raise ValueError(f"{label}: expected a number, got {text[:40]!r}") from None


def _image_size(text: str) -> tuple[int, int] | None:
    if not text.strip():
        return None
    match = re.fullmatch(r"\s*(\d{1,6})\s*[x×,]\s*(\d{1,6})\s*", text)
    if match is None:
        raise ValueError(f"Image size: expected width × height as in 1920x1080, got {text[:40]!r}")
    return int(match[1]), int(match[2])


def refine(asked: Asked, received: Path, folder: Path) -> Done:
    """Refine what was received.

    Args:
        asked: from `receive`.
        received: the folder that holds the files.
        folder: where results are written.

    Raises:
        ValueError, OSError: as reading, refining and writing raise; the message is for the page.
        ModuleNotFoundError: a package of an extra is missing.
    """
    names = [name for name, _ in asked.files]
    source = received / names[0] if len(names) == 1 else received
    stem, ending = Path(asked.folder).stem, Path(names[0]).suffix.lower()
    method = parse(asked.method, asked.max_gap)
    notes: list[str] = []
    options, format = asked.options, asked.format
    if len(names) == 1 and ending in VIDEOS:
        source = _estimate(source, folder / f"{stem}.parquet", options.fps)
        options, format = ReadOptions(min_score=options.min_score), None
        notes.append("MediaPipe estimated the poses of one person; the result is a pose cache.")
    poses = _read(source, options, format)
    out = folder / (f"{stem}-refined{source.suffix}" if source.is_file() else f"{stem}-refined")
    if poses.format == "cache":
        done = refine_cache_file(source, out, method)
    else:
        done = refine_file(poses, out, method)
    shown = folder / "page.html"
    shown.write_text(page(poses, _read(out, options, format)), encoding="utf-8")
    notes += [*done.notes, f"Method: {done.method}", *map(str, done.tracks)]
    return Done(_zipped(out) if out.is_dir() else out, shown, notes)


def _read(path: Path, options: ReadOptions, format: str | None) -> PoseFile:
    poses = read(path, options, format=format)
    if not poses.fps_known:
        raise ValueError(f"{path.name} does not say its frame rate: fill in “Frames per second”")
    return poses


def _zipped(folder: Path) -> Path:
    path = folder.with_name(f"{folder.name}.zip")
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, Path(folder.name) / file.relative_to(folder))
    shutil.rmtree(folder)
    return path


def _estimate(video: Path, out: Path, fps: float | None) -> Path:
    """Poses of a video as a cache, at the video's average rate where `fps` is None.

    Raises:
        ValueError: MediaPipe's environment is not there, or it fails.
        ModuleNotFoundError: the extra ``video`` is missing.
    """
    from hanet.estimators.mediapipe.engine import find_python
    from hanet.estimators.mediapipe.pose import estimate
    from hanet.estimators.mediapipe.video import Video, frame_rate

    python = find_python()
    found = estimate(Video.open(video, None if fps is None else frame_rate(fps)), python)
    found.write(out, found.joints)
    return out


def why_no_video(find: Callable[[], Path | None] | None = None) -> str | None:
    """What to do before a video can be dropped; None if nothing."""
    from hanet.extras import message

    try:
        if find is None:
            import av  # noqa: F401  (reads videos)

            from hanet.estimators.mediapipe.engine import find_python as find
        find()
    except (ValueError, ModuleNotFoundError) as error:
        return message(error, "video")
    return None


def endings() -> list[str]:
    """Endings of files that can be dropped."""
    return sorted({ending for entry in FORMATS.values() for ending in entry.endings} | set(VIDEOS))

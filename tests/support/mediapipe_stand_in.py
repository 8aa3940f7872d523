"""An executable that answers like MediaPipe's process, for tests without MediaPipe."""

from __future__ import annotations

import sys
from pathlib import Path

_SCRIPT = """#!{python}
import json, os, sys
import numpy as np

index = np.arange(33)


def answer(level):
    if level > 240:
        sys.exit("the model fell over")
    found = np.full((33, 8), np.nan, "<f4")
    if level > 20:
        found[:, 0] = index / 100
        found[:, 1] = -index / 50 + level / 1000
        found[:, 2] = 0.5 + index**2 / 2000
        found[:, 3] = index / 33
        found[:, 4] = 1 - index / 66
        found[:, 5] = 0
        found[:, 6] = 0.9
        found[:, 7] = 0.8
    return found.tobytes()


while line := sys.stdin.buffer.readline():
    asked = json.loads(line)
{first}
    about = {{"mediapipe": "stand-in", "python": "3", "models_sha256": {{}}}}
    sys.stdout.buffer.write(json.dumps(about).encode() + b"\\n")
    sys.stdout.buffer.flush()
    size, done = asked["width"] * asked["height"] * 3, 0
    while done != asked["frames"] and len(frame := sys.stdin.buffer.read(size)) == size:
        done += 1
        sys.stdout.buffer.write(answer(frame[0]))
        sys.stdout.buffer.flush()
"""


def stand_in(path: Path, first: str = "") -> Path:
    """Write the executable; frames whose first byte is up to 20 show nobody, above 240 it ends.

    Landmark i is at x = i / 100, y = level / 1000 - i / 50, z = 0.5 + i² / 2000 metres, and at i / 33 and
    1 - i / 66 of the picture; `first` is code to run before it answers.
    """
    path.write_text(_SCRIPT.format(python=sys.executable, first=f"    {first}"))
    path.chmod(0o755)
    return path

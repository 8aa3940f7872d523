"""Style of all figures: a colour, marker and label per method, a colour per side of the body; saving.

Colours are those of Okabe and Ito, distinguishable with all common kinds of colour blindness; markers differ
too. Figures use matplotlib's object interface and ignore the user's matplotlib settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from itertools import product
from pathlib import Path
from typing import Any, ParamSpec
from zlib import crc32

import matplotlib.style
from matplotlib.figure import Figure

from hanet.files.atomic import whole_file

P = ParamSpec("P")

BLACK, GREY, LIGHT, BAND = "#000000", "#8A8A8A", "#E9E9E9", "#F4F4F4"
ORANGE, SKY, GREEN, BLUE = "#E69F00", "#56B4E9", "#009E73", "#0072B2"
VERMILLION, PURPLE = "#D55E00", "#CC79A7"

LEFT, RIGHT, CENTRE = BLUE, ORANGE, "#4D4D4D"
"""Colours of the body's sides, in all figures of a single person."""
WRONG = "#C8003C"
"""The ring around a wrong joint."""
GHOST = "#CACACA"
"""The ground truth under a method's skeleton."""
IDENTITIES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, "#8B5A2B", BLACK)
"""Colours of people in the order of their track numbers, repeated from the ninth on."""

WIDTH = 9.0
"""Inches: about 900 pixels in a report."""
FORMATS = (".svg", ".png")

_RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # part of matplotlib, so equal on every machine
    "font.size": 10.0,
    "axes.titlesize": 10.5,
    "axes.labelsize": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "axes.axisbelow": True,
    "grid.color": LIGHT,
    "grid.linewidth": 0.8,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 1.4,
    "path.simplify_threshold": 0.5,
    "svg.fonttype": "path",
    "svg.hashsalt": "hanet",
    "figure.dpi": 100.0,
}


@dataclass(frozen=True)
class MethodStyle:
    """Label, colour and marker of a method in all figures."""

    label: str
    colour: str
    marker: str


METHODS: dict[str, MethodStyle] = {
    "gt": MethodStyle("ground truth", BLACK, "D"),
    "input": MethodStyle("input", GREY, "o"),
    "linear_interpolation": MethodStyle("linear interpolation", SKY, "s"),
    "savitzky_golay": MethodStyle("Savitzky–Golay", PURPLE, "v"),
    "gaussian": MethodStyle("Gaussian", PURPLE, "^"),
    "one_euro": MethodStyle("One Euro", PURPLE, "P"),
    "constant_offset": MethodStyle("constant offset", "#4D4D4D", "X"),
    "smoothnet": MethodStyle("SmoothNet", GREEN, "^"),
    "deciwatch": MethodStyle("DeciWatch", BLUE, "s"),
    "hanet": MethodStyle("HANet", VERMILLION, "o"),
    "hanet-paper": MethodStyle("HANet (paper)", ORANGE, "D"),
}
_OTHERS = tuple(product("pd<>*", (SKY, GREEN, ORANGE, PURPLE, BLUE)))


def method_styles(names: Iterable[str]) -> dict[str, MethodStyle]:
    """A style per method, in the given order; methods in `METHODS` have fixed styles.

    Others get one of 25 pairs of colour and marker by a hash of their name, so that it is the same in all
    figures. If two of them share a pair, one gets the next free pair.
    """
    names = list(dict.fromkeys(names))
    taken: set[int] = set()
    found: dict[str, MethodStyle] = {}
    for name in sorted(set(names) - METHODS.keys()):
        slot = crc32(name.encode()) % len(_OTHERS)
        while slot in taken and len(taken) < len(_OTHERS):
            slot = (slot + 1) % len(_OTHERS)
        taken.add(slot)
        marker, colour = _OTHERS[slot]
        found[name] = MethodStyle(name.replace("_", " "), colour, marker)
    return {name: METHODS.get(name) or found[name] for name in names}


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Run a drawing function under this module's style; text reads its settings when it is created."""

    @wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with style():
            return draw(*args, **kwargs)

    return wrapper


@contextmanager
def style() -> Iterator[None]:
    """Set matplotlib's defaults with this module's changes until the block ends."""
    with matplotlib.style.context(["default", _RC]):
        yield


def save(figure: Figure, path: str | Path, *, dpi: int = 200) -> None:
    """Write a figure as SVG or PNG, by the name's ending; equal figures give equal bytes.

    Raises:
        ValueError: the name has another ending.
    """
    path = Path(path)
    kind = check_ending(path, FORMATS)
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    with style(), whole_file(path) as temporary:
        figure.savefig(temporary, format=kind, dpi=dpi, metadata=metadata)


def check_ending(path: Path, endings: tuple[str, ...]) -> str:
    """The kind of file by a name's ending, e.g. ``svg``.

    Raises:
        ValueError: naming the allowed endings.
    """
    if path.suffix not in endings:
        raise ValueError(f"{path}: expected a name that ends in {' or '.join(endings)}")
    return path.suffix[1:]

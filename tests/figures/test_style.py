"""Style: one look a method, whatever the user's settings; files whole, and equal for equal figures."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from hanet.figures import style
from hanet.figures.settings import FigureSettings


def test_methods_keep_their_look_in_any_company():
    alone = style.method_styles(["hanet"])
    among = style.method_styles(["mine", "hanet", "input"])
    assert list(among) == ["mine", "hanet", "input"]
    assert alone["hanet"] == among["hanet"] == style.METHODS["hanet"]
    assert style.method_styles(["mine"])["mine"] == among["mine"]
    assert among["mine"].label == "mine"


def test_no_two_methods_look_alike():
    looks = [(s.colour, s.marker) for s in style.METHODS.values()]
    assert len(set(looks)) == len(looks)
    many = [f"hanet_{i}" for i in range(25)]
    styles = style.method_styles(many)
    assert len({(s.colour, s.marker) for s in styles.values()}) == 25
    assert styles["hanet_3"].label == "hanet 3"
    assert len(style.method_styles([f"m{i}" for i in range(40)])) == 40  # more than there are: some repeat


def drawn() -> Figure:
    with style.style():
        figure = Figure(figsize=(2, 1))
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], label="a")
        axes.axvspan(0.2, 0.4, hatch="/")  # clip paths and hatches get hashed names in SVG
        axes.set_title("Accel (mm/frame²)")
    return figure


@pytest.mark.parametrize("ending", style.FORMATS)
def test_equal_figures_are_equal_bytes_whatever_the_user_s_settings(tmp_path: Path, ending: str):
    before = dict(mpl.rcParams)
    style.save(drawn(), tmp_path / f"a{ending}")
    with mpl.rc_context({"font.size": 30, "axes.grid": True, "svg.hashsalt": None}):
        style.save(drawn(), tmp_path / f"b{ending}")
    first = (tmp_path / f"a{ending}").read_bytes()
    assert first == (tmp_path / f"b{ending}").read_bytes()
    for word in (b"Matplotlib", b"matplotlib v", b"<dc:date>", b"Software"):
        assert word not in first
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"a{ending}", f"b{ending}"]
    assert dict(mpl.rcParams) == before


def test_a_failed_drawing_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "a.svg"
    path.write_text("old")
    broken = drawn()
    broken.axes[0].set_title("$\\nothing$")
    with pytest.raises(ValueError, match="nothing"):
        style.save(broken, path)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_other_endings_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match=r"a\.gif: expected a name that ends in \.svg or \.png"):
        style.save(drawn(), tmp_path / "a.gif")


def test_settings(unchecked):
    assert FigureSettings.from_dict({"methods": ["input", "hanet"]}).methods == ("input", "hanet")
    assert FigureSettings().to_dict()["wrong_mm"] == 150.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"methods": ()}, "methods: expected 1 or more entries"),
        ({"methods": ("a", "a")}, "methods must be names that each occur once"),
        ({"sequence": ""}, 'sequence: expected text of at least 1 characters, got ""'),
        ({"seconds": 0.0}, "seconds: expected a number above 0, got 0.0"),
        ({"wrong_mm": -1.0}, "wrong_mm: expected a number above 0"),
        ({"wrong_alpha": float("inf")}, "wrong_alpha: expected a finite number, got Infinity"),
    ],
)
def test_wrong_settings_name_the_field(values: dict, message: str):
    with pytest.raises(ValueError, match=message):
        FigureSettings(**values)

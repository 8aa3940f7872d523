"""The report as a page: it needs nothing else, keeps names as text, and works in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from base64 import b64encode
from copy import deepcopy
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hanet.results.page import HEIGHT, WIDTH, curve
from stages import report
from tests.support import report_files as files
from tests.support import tiny
from tests.support.html_tree import parse
from tests.support.report_files import change, failure, links, page

SVG = b"""<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="300" height="100">
<defs><path id="a" d="M0 0h9v9z"/></defs><script>throw "ran"</script><use href="#a"/></svg>"""
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301"
    "0100c9fe92ef0000000049454e44ae426082"
)
FIGURES = [
    {"file": "errors.svg", "kind": "svg", "title": "Errors", "caption": "By frame."},
    {"file": "joints.png", "kind": "png", "title": "Joints", "caption": "By joint."},
    {"file": "climb.gif", "kind": "gif", "title": "A GIF", "caption": "Of one clip."},
    {"file": "climb.mp4", "kind": "mp4", "title": "A film", "caption": "Of one clip."},
    {"file": "alone.gif", "kind": "gif", "title": "Without film", "caption": "Of one clip."},
]
BYTES = {
    "errors.svg": SVG, "joints.png": PNG, "climb.gif": b"GIF89a", "climb.mp4": b"ftyp",
    "alone.gif": b"GIF87a",
}  # fmt: skip


@pytest.fixture
def results(project: Path) -> Path:
    """A project with all that the report reads."""
    files.write(project)
    return project


# --- the page


def test_the_page_needs_nothing_else(results: Path) -> None:
    files.write_figures(results, FIGURES, BYTES)
    document = page()
    for node in document.walk():
        for name in ("src", "href", "srcset", "poster", "data", "action", "xlink:href"):
            value = node.attrs.get(name, "")
            inside = value == "" or value.startswith(("#", "data:"))
            assert inside or (node.tag == "a" and value.startswith(files.UI)), (node.tag, name, value[:80])
    style = "".join(node.text for node in document.all("style"))
    assert "{" in style and "url(" not in style and "@import" not in style
    script = document.one("script").text
    assert not re.search(r"fetch|XMLHttp|import\(|https?:", script)


def test_equal_inputs_give_equal_bytes(results: Path) -> None:
    files.write_figures(results, FIGURES, BYTES)
    report.main()
    first = report.PAGE.read_bytes()
    report.main()
    assert report.PAGE.read_bytes() == first


def test_the_page_can_be_read_without_seeing_it(results: Path) -> None:
    files.write_figures(results, FIGURES, BYTES)
    document = page()
    assert document.one("html").attrs["lang"] == "en" and document.one("title").text == "HANet: results"
    levels = [int(node.tag[1]) for node in document.walk() if re.fullmatch(r"h[1-6]", node.tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(level <= before + 1 for before, level in pairwise(levels))
    for table in document.all("table"):
        assert table.one("caption").text
        assert all(th.attrs["scope"] in ("col", "row", "colgroup") for th in table.all("th"))
    assert all(image.attrs["alt"] for image in document.all("img"))
    assert all(video.attrs["aria-label"] for video in document.all("video"))
    ids = [node.attrs["id"] for node in document.walk() if "id" in node.attrs]
    assert len(ids) == len(set(ids))
    targets = [href[1:] for _, href in links(document) if href.startswith("#")]
    assert targets and set(targets) <= set(ids)


def test_contents_headline_and_provenance(results: Path) -> None:
    document = page()
    assert [text for text, _ in links(document.one("nav"))] == [
        "clips-fcn", "Kinematic features", "Methods", "Training", "Parameters", "Data and provenance",
        "What each protocol means",
    ]  # fmt: skip
    facts = document.one("dl", class_="facts")
    assert facts.text == (
        "data set clips estimator fcn protocol full test frames 9,608 test sequences 8 frame rate 60 fps"
    )
    assert "No leak between the splits found." in document.text
    provenance = document.one("dl", class_="provenance")
    assert "seeds 4321" in provenance.text and "bootstrap.resamples 2000" in provenance.text
    truth = provenance.all("code")[0]
    assert (truth.text, truth.attrs["title"]) == (f"{files.GROUND_TRUTH[:12]}…", files.GROUND_TRUTH)
    splits = [[c.text for c in row.walk() if c.tag in ("th", "td")] for row in document.all("tr")]
    assert ["train", "24", "32,472", "clips climb_0, climb_2, climb_4"] in splits
    for protocol in ("full", "released", "smoothnet"):
        assert document.one("h3", id=f"protocol/{protocol}").text == protocol


def test_leaks_splits_and_more_are_shown_where_there_are_any(results: Path) -> None:
    path = results / "data/reports/clips-fcn/provenance.json"
    assert not page().all("p", class_="warning")
    change(
        path,
        leak="95% of test clips are training clips.",
        split="pooled",
        commit="0123abc",
        estimator_note=None,
    )
    document = page()
    warning = document.one("p", class_="warning").text
    assert warning == "Declared leak. 95% of test clips are training clips."
    assert "Split: pooled" in document.text
    terms = [(d.one("dt").text, d.one("dd").text) for d in document.one("dl", class_="provenance").all("div")]
    assert ("commit", "0123abc") in terms
    assert not {"leak", "split", "estimator_note"} & {term for term, _ in terms}


def test_a_data_set_without_a_report_is_said_to_have_none(results: Path) -> None:
    (results / "data/poses/clips/report.json").unlink()
    assert "nothing is said here about leaks" in page().text


def test_an_experiment_of_which_nothing_ran(results: Path) -> None:
    tables = results / "data/reports/clips-fcn/tables"
    (tables / "methods.json").unlink()
    change(tables / "kinematics.json", rows=files.kinematics()["rows"][:2])
    document = page()
    assert "test frames" not in document.one("dl", class_="facts").text
    assert not [cell for cell in document.all("td") if "best" in cell.classes]


def test_parameters(results: Path) -> None:
    details = {d.one("summary").text: d for d in page().all("details")}
    assert list(details) == [
        "model hanet", "model hanet-paper", "data set, estimator and filters", "evaluation"
    ]  # fmt: skip
    assert "model.interval 2" in details["model hanet"].text
    assert "refine.mirror_axis null" in details["model hanet"].text
    assert "training.jitter_starts false" in details["model hanet"].text
    assert "training.seed" not in details["model hanet"].text
    assert "filters.gaussian.sigma 1.0, 2.0" in details["data set, estimator and filters"].text
    assert "protocol full" in details["evaluation"].text


ABLATIONS = {
    "run": {"models": ["hanet"], "ablations": ["kin-none"]},
    "experiments": {"a": {"dataset": "d", "models": {"hanet": {"model": {"window": 5}}, "deciwatch": {}}}},
    "ablations": {"kin-none": {"model": {"flow": False}}, "oml-off": {"training": {"oml": "off"}}},
    "evaluate": {"protocol": "full"},
}


def test_tables_stand_in_the_order_of_params() -> None:
    paths = [Path(f"tables/{name}.json") for name in ("a", "zeta", "c", "b")]
    ordered = report.in_order(paths, {"gone": 0, "zeta": 0, "b": 0})
    assert [path.stem for path in ordered] == ["zeta", "b", "a", "c"]


def test_ablations_are_what_they_change() -> None:
    assert report.settings("a", ABLATIONS) == {
        "model hanet": {"model.window": 5},
        "ablation kin-none: what it changes": {"model.flow": False},
        "data set, estimator and filters": {"dataset": "d"},
        "evaluation": {"protocol": "full"},
    }


def test_what_is_defined_and_not_run_has_a_command() -> None:
    assert report.commands("a", ABLATIONS) == {
        "deciwatch": "dvc exp run -S 'run.models=[hanet,deciwatch]'",
        "oml-off": "dvc exp run -S 'run.ablations=[kin-none,oml-off]'",
    }


def test_several_experiments_have_a_part_each(results: Path) -> None:
    content = files.params()
    content["experiments"]["other.one"] = content["experiments"]["clips-fcn"]
    content["run"] |= {
        "experiments": ["clips-fcn", "other.one"],
        "estimates": {"clips-fcn": "clips", "other.one": "clips"},
    }
    (results / "params.yaml").write_text(tiny.as_yaml(content))
    shutil.copytree(results / "data/reports/clips-fcn", results / "data/reports/other.one")
    for path in (results / "data/reports/other.one/tables").iterdir():
        change(path, experiment="other.one")
    document = page()
    assert [h.text for h in document.one("main").all("h2")][:2] == ["clips-fcn", "other.one"]
    ids = [node.attrs["id"] for node in document.walk() if "id" in node.attrs]
    assert len(ids) == len(set(ids)) and not any(" " in name for name in ids)
    assert "other.one/table/methods" in ids


HOSTILE = "<script>alert(1)</script>\"'&{{ 7 * 7 }}"


def test_names_are_text(results: Path) -> None:
    reports = results / "data/reports/clips-fcn"
    table: dict[str, Any] = deepcopy(files.kinematics()) | {"title": HOSTILE, "note": HOSTILE}
    table["published"] = {"on": HOSTILE, "source": HOSTILE}
    for row in table["rows"]:
        row["label"] = row["method"] = HOSTILE
    table["rows"][-1]["deviations"] = table["over"] = HOSTILE
    table["rows"][-1]["against"] |= {"p": None, "no_p": HOSTILE}
    table["reference"] = {"method": HOSTILE, "label": HOSTILE}
    table["columns"][0] |= {"label": HOSTILE, "unit": HOSTILE}
    files.write_json(reports / "tables/kinematics.json", table)
    files.write_json(reports / "provenance.json", files.PROVENANCE | {"leak": HOSTILE, HOSTILE: HOSTILE})
    hostile = dict.fromkeys(("title", "caption"), HOSTILE)
    files.write_figures(results, [{"file": "a.svg", "kind": "svg"} | hostile], {"a.svg": SVG})
    document = page()
    assert len(document.all("script")) == 1 and "alert" not in document.one("script").text
    assert document.one("img").attrs["alt"] == HOSTILE
    assert document.one("p", class_="warning").text == f"Declared leak. {HOSTILE}"
    labels = [row.one("th").text for row in document.all("tbody")[0].all("tr")]
    assert labels == [HOSTILE] * 5
    assert "<script>alert" not in report.PAGE.read_text()


# --- figures and curves


def test_figures_are_inside_the_page(results: Path) -> None:
    files.write_figures(results, FIGURES, BYTES)
    document = page()
    figures = [f for f in document.all("figure") if f.all("img") or f.all("video")]
    assert [f.one("figcaption").text for f in figures] == [
        "Errors By frame.", "Joints By joint.", "A film Of one clip.", "Without film Of one clip.",
    ]  # fmt: skip
    images = [(image.attrs["alt"], image.attrs["src"]) for image in document.all("img")]
    assert images == [
        ("Errors", f"data:image/svg+xml;base64,{b64encode(SVG).decode()}"),
        ("Joints", f"data:image/png;base64,{b64encode(PNG).decode()}"),
        ("Without film", f"data:image/gif;base64,{b64encode(b'GIF87a').decode()}"),
    ]
    video = document.one("video").attrs
    assert video["src"] == f"data:video/mp4;base64,{b64encode(b'ftyp').decode()}"
    assert {"controls", "muted", "loop", "playsinline"} <= set(video)


def test_of_a_drawing_and_its_bitmap_the_drawing_is_shown(results: Path) -> None:
    entries = [FIGURES[0], FIGURES[0] | {"file": "errors.png", "kind": "png"}]
    files.write_figures(results, entries, {"errors.svg": SVG, "errors.png": PNG})
    assert [image.attrs["src"][:14] for image in page().all("img")] == ["data:image/svg"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"file": "a.html", "kind": "html"}, "a.html is of kind 'html'; the report shows svg, png, gif, mp4"),
        ({"file": "gone.png", "kind": "png"}, "lists gone.png, which is missing; run dvc repro"),
        ({"file": "../../poses/clips/report.json", "kind": "png"}, "report.json is outside data/figures/"),
    ],
)
def test_figures_that_cannot_be_shown(
    results: Path, capsys: pytest.CaptureFixture[str], entry: dict[str, str], message: str
) -> None:
    files.write_figures(results, [entry | {"title": "t", "caption": "c"}], {"a.html": b"<p>"})
    assert message in failure(capsys)


def test_figures_too_many_for_the_page_are_beside_it(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write_figures(results, FIGURES[:4], BYTES | {"errors.svg": SVG + b" " * 600_000})
    monkeypatch.setattr(report, "LIMIT", 700_000)
    document = page()
    sources = [image.attrs["src"] for image in document.all("img")]
    assert sources == ["index_files/clips-fcn/errors.svg", "index_files/clips-fcn/joints.png"]
    assert all(image.attrs["loading"] == "lazy" for image in document.all("img"))
    assert document.one("video").attrs["src"] == "index_files/clips-fcn/climb.mp4"
    assert document.one("video").attrs["preload"] == "none"
    for source, name in zip(sources, ("errors.svg", "joints.png"), strict=True):
        copied, original = report.PAGE.parent / source, results / "data/figures/clips-fcn" / name
        assert copied.read_bytes() == original.read_bytes()
    monkeypatch.undo()
    monkeypatch.chdir(results)
    assert page().all("img")[0].attrs["src"].startswith("data:image/svg+xml")
    assert list(report.FILES.iterdir()) == [], "figures of an earlier page are gone"


def test_fifty_experiments_are_one_page_that_opens_fast(results: Path) -> None:
    """As large as the default experiment's: 3.2 MB of figures each, of which the page holds none."""
    files.write_figures(results, FIGURES[:2], {"errors.svg": SVG + b" " * 2_400_000, "joints.png": PNG})
    names = ["clips-fcn", *(f"experiment-{number}" for number in range(49))]
    for name in names[1:]:
        shutil.copytree(results / "data/reports" / names[0], results / "data/reports" / name)
        for path in (results / "data/reports" / name / "tables").iterdir():
            change(path, experiment=name)
        shutil.copytree(results / "data/figures" / names[0], results / "data/figures" / name)

    content = files.params()
    content["experiments"] |= dict.fromkeys(names[1:], content["experiments"]["clips-fcn"])
    content["run"] |= {"experiments": names, "estimates": dict.fromkeys(names, "clips")}
    (results / "params.yaml").write_text(tiny.as_yaml(content))
    report.main()
    text = report.PAGE.read_text()
    assert len(text) < 5_000_000
    sources = re.findall(r'<img [^>]*src="([^"]+)"', text)
    assert len(sources) == 100 and all((report.PAGE.parent / source).is_file() for source in sources)


def test_a_curve_shows_the_error_on_a_logarithmic_scale(results: Path) -> None:
    training = results / "data/reports/clips-fcn/training"
    (training / "hanet-4321.csv").write_text("epoch,validation_error,unit\n1,1000,mm\n2,10,mm\n3,100,mm\n")
    found = curve(training / "hanet-4321.csv")
    points = [tuple(map(float, point.split(","))) for point in found.points.split()]
    assert points == [(4.0, 5.0), (WIDTH / 2, HEIGHT - 5.0), (WIDTH - 4.0, HEIGHT / 2)]
    assert (found.best, found.epoch, found.lowest, found.last, found.epochs) == (points[1], 2, 10, 100, 3)
    captions = [f.text for f in page().one("div", class_="curves").all("figcaption")]
    assert captions == [
        "hanet-4321 10.00 mm in epoch 2 of 3, 100.00 mm in the last",
        "hanet-paper-4321 66.47 mm in epoch 3 of 3, 66.47 mm in the last",
    ]


@pytest.mark.parametrize("rows", ["1,5.0,mm\n", "1,5.0,mm\n2,5.0,mm\n"])
def test_a_curve_that_is_flat(tmp_path: Path, rows: str) -> None:
    path = tmp_path / "a-1.csv"
    path.write_text(f"epoch,validation_error,unit\n{rows}")
    heights = {point.split(",")[1] for point in curve(path).points.split()}
    assert heights == {str(HEIGHT - 5)} and curve(path).epoch == 1


# --- in a browser

HARNESS = """<!doctype html><meta charset="utf-8"><title>harness</title>
<iframe style="width:390px;height:800px;border:0" srcdoc="%s"></iframe><pre id="result"></pre>
<script>
document.querySelector("iframe").addEventListener("load", (event) => {
  const page = event.target.contentDocument;
  const table = page.getElementById("clips-fcn/table/kinematics/rows");
  const look = (column) => ({
    order: [...table.tBodies[0].rows].map((row) => row.cells[0].dataset.value),
    sort: table.querySelector(`th[data-column="${column}"]`).getAttribute("aria-sort"),
    sorted: table.querySelectorAll("[aria-sort]").length,
  });
  const clicked = (column) => {
    table.querySelector(`th[data-column="${column}"] button`).click();
    return look(column);
  };
  document.getElementById("result").textContent = JSON.stringify({
    width: page.documentElement.scrollWidth,
    table: table.scrollWidth,
    images: [...page.images].map((image) => image.naturalWidth),
    mpjpe: [1, 2, 3].map(() => clicked("mpjpe_mm")),
    published: clicked("published/mpjpe_mm"),
    method: clicked("method"),
  });
});
</script>
"""


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_in_a_browser_at_the_width_of_a_phone(results: Path, tmp_path: Path) -> None:
    files.write_figures(results, FIGURES[:2], BYTES)
    report.main()
    harness = tmp_path / "harness.html"
    harness.write_text(HARNESS % escape(report.PAGE.read_text()))
    done = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--v=0", "--dump-dom",
         harness.as_uri()],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    result = json.loads(parse(done.stdout).one("pre", id="result").text)
    assert result["width"] <= 390 < result["table"]  # the table scrolls in its own box
    assert result["images"] == [300, 1]
    none, flow = "none", "flow"
    velocity, acceleration, full = (
        "flow + velocity",
        "flow + velocity + acceleration",
        "+WB (the full method)",
    )
    # Best first, then the other way round, then the table's own order; what was not run stays last.
    best, worst, original = result["mpjpe"]
    assert (best["order"], best["sort"]) == ([full, velocity, acceleration, none, flow], "ascending")
    assert (worst["order"], worst["sort"]) == ([acceleration, velocity, full, none, flow], "descending")
    assert (original["order"], original["sort"]) == ([none, flow, velocity, acceleration, full], None)
    published = result["published"]
    assert published["order"] == [full, acceleration, velocity, flow, none] and published["sorted"] == 1
    assert result["method"]["order"] == [full, flow, velocity, acceleration, none]

"""The report: numbers, links, what was not run, what others published, and a page that needs nothing else."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from base64 import b64encode
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import report_files as files
import yaml
from html_tree import Node, parse

from stages import _report_tables, report
from stages._report_figures import HEIGHT, WIDTH, curve
from stages._report_tables import Cell, Difference

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


def page() -> Node:
    """The page that the stage writes."""
    report.main()
    return parse(report.PAGE.read_text())


def failure(capsys: pytest.CaptureFixture[str]) -> str:
    """What the stage says when it fails."""
    with pytest.raises(SystemExit) as caught:
        report.main()
    assert caught.value.code == 2 and not report.PAGE.exists()
    return capsys.readouterr().err


def change(path: Path, **values: Any) -> None:
    """Change a JSON file's top keys."""
    files.write_json(path, json.loads(path.read_text()) | values)


def rows(document: Node, table: str) -> dict[str, dict[str, Node]]:
    """A table's cells by method and column, rows in order."""
    body = document.one("table", id=f"clips-fcn/table/{table}/rows").one("tbody")
    return {
        row.one("th").attrs["data-value"]: {
            cell.attrs["data-column"]: cell for cell in row.walk() if "data-column" in cell.attrs
        }
        for row in body.all("tr")
    }


def links(node: Node) -> list[tuple[str, str]]:
    return [(link.text, link.attrs["href"]) for link in node.all("a")]


def where(run: str, experiment: str = "8") -> str:
    return f"http://127.0.0.1:5000/#/experiments/{experiment}/runs/{run}"


# --- tables


def test_the_order_is_the_tables_and_cells_hold_the_numbers(results: Path) -> None:
    found = rows(page(), "methods")
    assert list(found) == list(files.SCORES)
    hanet = found["hanet"]
    assert [hanet[key].text for key in files.METRICS] == [
        "50.66 best [48.0, 53.2]",
        "37.35 best [35.5, 39.5]",
        "1.39 [1.32, 1.47]",
        "5.00 [4.74, 5.30]",
        "50.84 best [45.1, 56.3]",
    ]
    assert [hanet[key].attrs["data-value"] for key in files.METRICS[:2]] == ["50.6598", "37.3472"]
    assert (hanet["observed"].text, hanet["seeds"].text) == ("100%", "4321")
    assert (found["linear_interpolation"]["observed"].text, found["input"]["seeds"].text) == ("20%", "–")


def test_the_best_of_a_column_is_measured_not_published(results: Path) -> None:
    path = results / "data/reports/clips-fcn/tables/kinematics.json"
    table = files.kinematics()
    table["rows"][0]["published"]["mpjpe_mm"] = 1.0
    files.write_json(path, table)
    document = page()
    for name, winner in (("methods", "hanet"), ("kinematics", "+WB (the full method)")):
        column = {method: cells.get("mpjpe_mm") for method, cells in rows(document, name).items()}
        best = [method for method, cell in column.items() if cell and "best" in cell.classes]
        assert best == [winner]
    assert not [cell for cell in document.all("td") if {"published", "best"} <= cell.classes]


def test_higher_can_be_better(results: Path) -> None:
    table = files.methods()
    column = {"key": "pck", "label": "PCK", "unit": "", "digits": 0, "lower_is_better": False}
    table["columns"] = [column, *files.COLUMNS[:1]]
    for number, row in enumerate(table["rows"]):
        row["cells"]["pck"] = {"mean": number}
    files.write_json(results / "data/reports/clips-fcn/tables/methods.json", table)
    document = page()
    best = [m for m, cells in rows(document, "methods").items() if "best" in cells["pck"].classes]
    assert best == ["linear_interpolation"]
    header = document.one("table", id="clips-fcn/table/methods/rows").one("th", data_column="pck")
    assert header.attrs["data-first"] == "descending"
    assert "Higher is better in PCK, lower in the others." in document.text


def test_rows_without_a_run_say_how_to_get_one(results: Path) -> None:
    found = rows(page(), "kinematics")
    body = {row.one("th").text: row for row in parse(report.PAGE.read_text()).all("tr", class_="missing")}
    assert list(body) == ["none", "flow"]
    # The model flow is in params.yaml; none is not.
    command = "not run. To run it: dvc exp run -S 'run.models=[hanet,hanet-paper,flow]'"
    assert body["flow"].all("td")[0].text == command
    assert body["none"].all("td")[0].text.startswith("not run. To run it, name it under run in params.yaml")
    assert [cells["published/mpjpe_mm"].text for cells in found.values()][:2] == ["77.2", "76.9"]
    assert "mpjpe_mm" not in found["none"]


def test_published_figures_are_set_apart(results: Path) -> None:
    document = page()
    table = document.one("table", id="clips-fcn/table/kinematics/rows")
    groups = [(th.text, th.attrs["colspan"]) for th in table.all("th", scope="colgroup")]
    assert groups == [("measured here", "8"), ("published (3DPW, PARE (T=51))", "2")]
    headers = [th.attrs["data-column"] for th in table.all("th", scope="col")]
    assert headers[-2:] == ["published/mpjpe_mm", "published/accel_mm_per_frame2"]
    for cells in rows(document, "kinematics").values():
        for key, cell in cells.items():
            assert ("published" in cell.classes) == key.startswith("published/")
            assert bool(cell.all("i")) == key.startswith("published/")
            assert not (key.startswith("published/") and cell.all("a"))
    assert "others' figures on other data (3DPW, PARE (T=51); supplement, Table 1)" in document.text
    other = document.one("table", id="clips-fcn/table/methods/rows")
    assert not other.all("th", scope="colgroup") and "published" not in other.text


def test_every_row_spans_the_whole_width(results: Path) -> None:
    for table in page().all("table"):
        widths = {
            sum(int(cell.attrs.get("colspan", 1)) for cell in row.inner if isinstance(cell, Node))
            for row in table.all("tr")
        }
        assert len(widths) == 1


def test_differences_name_their_row_and_are_marked_where_certain(results: Path) -> None:
    found = rows(page(), "kinematics")
    full, acceleration = found["+WB (the full method)"], found["flow + velocity + acceleration"]
    assert full["against_above"].text == "better −0.80 [−1.20, −0.30] p = 0.008 against acceleration"
    assert full["against_above"].one("strong").text == "−0.80"
    assert acceleration["against_above"].text == "+0.12 [−0.4, 0.7] p = 0.648 against velocity"
    assert not acceleration["against_above"].all("strong")
    assert found["flow + velocity"]["against_above"].text == "–"
    assert "Drawn: all 256 signs." in page().text
    assert "against_above" not in rows(page(), "methods")["hanet"]


@pytest.mark.parametrize(
    ("difference", "low", "high", "lower_is_better", "verdict"),
    [
        (-0.8, -1.2, -0.3, True, "better"),
        (0.8, 0.3, 1.2, True, "worse"),
        (0.8, 0.3, 1.2, False, "better"),
        (-0.8, -1.2, -0.3, False, "worse"),
        (-0.8, -1.2, 0.0, True, None),
        (0.1, -0.1, 0.3, True, None),
        (-0.8, None, None, True, None),
    ],
)
def test_verdicts(
    difference: float, low: float | None, high: float | None, lower_is_better: bool, verdict: str | None
) -> None:
    against = Difference(row="x", difference=difference, low=low, high=high)
    assert against.verdict(lower_is_better=lower_is_better) == verdict


@pytest.mark.parametrize(
    ("low", "high", "digits", "text"),
    [
        (55.7513, 60.8856, 2, "[55.8, 60.9]"),
        (0.5872, 0.6135, 2, "[0.59, 0.61]"),
        (-1.5, -0.5, 2, "[−1.5, −0.5]"),  # as wide as a hundred of the last decimal
        (-1.2, -0.3, 2, "[−1.20, −0.30]"),
        (10.0, 300.0, 0, "[10, 300]"),
        (None, None, 2, None),
        (1.0, None, 2, None),
    ],
)
def test_intervals(low: float | None, high: float | None, digits: int, text: str | None) -> None:
    assert Cell(mean=0.0, low=low, high=high).interval(digits) == text


@pytest.mark.parametrize(
    ("p", "text"), [(0.0, "p < 0.001"), (0.00099, "p < 0.001"), (0.001, "p = 0.001"), (1.0, "p = 1.000")]
)
def test_probabilities(p: float, text: str) -> None:
    assert _report_tables.probability(p) == text


# --- links


def test_a_value_links_to_its_run_and_to_one_a_seed(results: Path) -> None:
    document = page()
    kinematics = rows(document, "kinematics")
    assert links(kinematics["+WB (the full method)"]["mpjpe_mm"]) == [("58.34", where("child-paper"))]
    several = kinematics["flow + velocity + acceleration"]["mpjpe_mm"]
    assert several.text == "59.14 ± 0.40 [56.5, 61.7] 1 2 3"
    assert links(several) == [(str(seed), where(f"child-{seed}")) for seed in (1, 2, 3)]
    assert several.all("a")[0].attrs["aria-label"] == "MPJPE, run acceleration-1"
    assert links(kinematics["flow + velocity"]["mpjpe_mm"]) == []  # not published
    methods = rows(document, "methods")  # no run of the table: the rows' own
    for key in files.METRICS:
        assert [href for _, href in links(methods["hanet"][key])] == [where("run-hanet-4321", "7")]
        assert [href for _, href in links(methods["input"][key])] == [where("run-input", "7")]
    assert ("This table in MLflow", where("table-run")) in links(document)


@pytest.mark.parametrize("content", [None, {}, {"clips-fcn": {"input": "0" * 64}}, {"runs": {}}])
def test_what_was_not_published_has_no_link(results: Path, content: dict[str, Any] | None) -> None:
    path = results / "data/published.json"
    path.unlink() if content is None else files.write_json(path, content)
    document = page()
    assert all(href.startswith("#") for _, href in links(document))
    assert rows(document, "methods")["hanet"]["mpjpe_mm"].text == "50.66 best [48.0, 53.2]"


def test_runs_without_a_server_have_no_link(results: Path) -> None:
    change(results / "data/published.json", tracking_ui=None)
    assert all(href.startswith("#") for _, href in links(page()))


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
        "model hanet", "model hanet-paper", "estimator, filters and data set", "evaluation"
    ]  # fmt: skip
    assert "model.interval 2" in details["model hanet"].text
    assert "refine.mirror_axis none" in details["model hanet"].text
    assert "filters.gaussian.sigma 1.0, 2.0" in details["estimator, filters and data set"].text
    assert "protocol full" in details["evaluation"].text


def test_several_experiments_have_a_part_each(results: Path) -> None:
    content = files.params()
    content["experiments"]["other one"] = content["experiments"]["clips-fcn"]
    content["run"] |= {
        "experiments": ["clips-fcn", "other one"],
        "estimates": {"clips-fcn": "clips", "other one": "clips"},
    }
    (results / "params.yaml").write_text(yaml.safe_dump(content))
    shutil.copytree(results / "data/reports/clips-fcn", results / "data/reports/other one")
    for path in (results / "data/reports/other one/tables").iterdir():
        change(path, experiment="other one")
    document = page()
    assert [h.text for h in document.one("main").all("h2")][:2] == ["clips-fcn", "other one"]
    ids = [node.attrs["id"] for node in document.walk() if "id" in node.attrs]
    assert len(ids) == len(set(ids)) and not any(" " in name for name in ids)
    assert "other%20one/table/methods" in ids and unquote("other%20one") == "other one"


HOSTILE = "<script>alert(1)</script>\"'&{{ 7 * 7 }}"


def test_names_are_text(results: Path) -> None:
    reports = results / "data/reports/clips-fcn"
    table = files.kinematics() | {"title": HOSTILE, "note": HOSTILE}
    table["published"] = {"on": HOSTILE, "source": HOSTILE}
    for row in table["rows"]:
        row["label"] = row["method"] = HOSTILE
    table["rows"][-1]["against_above"]["row"] = HOSTILE
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


def test_a_page_too_large_to_open_is_refused(
    results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write_figures(results, FIGURES[:2], {"errors.svg": SVG + b" " * 600_000, "joints.png": PNG})
    monkeypatch.setattr(report, "LIMIT", 700_000)
    message = failure(capsys)
    assert (
        "more than 0.7; largest: Errors (0.8 MB), Joints (0.0 MB); make figures or films smaller" in message
    )


def test_a_curve_shows_the_error_on_a_logarithmic_scale(results: Path) -> None:
    training = results / "data/reports/clips-fcn/training"
    (training / "hanet-4321.csv").write_text("epoch,validation_mpjpe_mm\n1,1000\n2,10\n3,100\n")
    found = curve(training / "hanet-4321.csv")
    points = [tuple(map(float, point.split(","))) for point in found.points.split()]
    assert points == [(4.0, 5.0), (WIDTH / 2, HEIGHT - 5.0), (WIDTH - 4.0, HEIGHT / 2)]
    assert (found.best, found.epoch, found.lowest, found.last, found.epochs) == (points[1], 2, 10, 100, 3)
    captions = [f.text for f in page().one("div", class_="curves").all("figcaption")]
    assert captions == [
        "hanet-4321 10.00 mm in epoch 2 of 3, 100.00 mm in the last",
        "hanet-paper-4321 66.47 mm in epoch 3 of 3, 66.47 mm in the last",
    ]


@pytest.mark.parametrize("rows", ["1,5.0\n", "1,5.0\n2,5.0\n"])
def test_a_curve_that_is_flat(tmp_path: Path, rows: str) -> None:
    path = tmp_path / "a-1.csv"
    path.write_text(f"epoch,validation_mpjpe_mm\n{rows}")
    heights = {point.split(",")[1] for point in curve(path).points.split()}
    assert heights == {str(HEIGHT - 5)} and curve(path).epoch == 1


# --- what is missing or wrong


def test_without_tables_the_message_says_what_to_run(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(results / "data/reports/clips-fcn/tables")
    assert failure(capsys) == "Error: data/reports/clips-fcn/tables holds no table; run dvc repro\n"


@pytest.mark.parametrize("content", ["epoch,validation_mpjpe_mm\n", "epoch,validation_mpjpe_mm\n1,0\n"])
def test_a_training_without_errors(results: Path, capsys: pytest.CaptureFixture[str], content: str) -> None:
    (results / "data/reports/clips-fcn/training/hanet-4321.csv").write_text(content)
    assert "expected a positive validation_mpjpe_mm in every epoch" in failure(capsys)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"rows": [{"method": "a", "label": "A", "status": "lost"}]},
            "rows.0.status: should be 'run' or 'missing'; got 'lost'",
        ),
        ({"columns": []}, "columns: expected at least 1 of them; got []"),
        ({"title": None}, "title: should be a valid string; got None"),
        ({"compared": "pck"}, "table kinematics compares pck, which is none of its columns (mpjpe_mm, "),
    ],
)
def test_tables_of_another_form(
    results: Path, capsys: pytest.CaptureFixture[str], values: dict[str, Any], message: str
) -> None:
    change(results / "data/reports/clips-fcn/tables/kinematics.json", **values)
    assert message in failure(capsys)


@pytest.mark.parametrize("content", ['{"name": "kine', '{"rows": [{"cells": {"a": {"mean": NaN}}}]}', ""])
def test_tables_cut_off_or_without_numbers(
    results: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    path = results / "data/reports/clips-fcn/tables/kinematics.json"
    path.write_text(content)
    assert "tables/kinematics.json is not what the report reads (run dvc repro)" in failure(capsys)


def test_only_pages_of_a_server_are_linked(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(results / "data/published.json", tracking_ui="javascript:alert(1)//")
    assert "published.json is not what the report reads" in failure(capsys)


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

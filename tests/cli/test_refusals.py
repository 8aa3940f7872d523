"""Wrong files: every command answers with one line, exit code 2, and touches nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hanet.cli.app import app
from tests.cli.commands import leaves
from tests.cli.test_startup import CALL, ENVIRONMENT
from tests.support import cache_files

FIGURE = "--gt {input} --poses a={input} --sequence s"
READS = {
    "info": "{input}",
    "score": "--gt {input} --detected {input} --dataset jhmdb",
    "calibrate": "--gt {input} --detected {input} --out out",
    "train": "--gt {input} --detected {input} --out out",
    "tables": "{input}",
    "data list": "--poses {input}",
    "data show": "aist --poses {input}",
    "estimators": "--weights {input}",
    "models": "{input}",
    "demo-videos": "{input}",
    "estimate": "{input} --out out.parquet",
    "refine": "{input} --model {input} --out out.parquet",
    "export-onnx": "{input} --out out.onnx",
    "convert": "{input} --out out.csv",
    "view": "{input} --html out.html",
    "export": "{input} --to out.csv",
    "compare": "--poses a={input} --out out.png",
    "figure curves": f"{FIGURE} --out out.png",
    "figure skeletons": f"{FIGURE} --out out.png",
    "figure views": f"{FIGURE} --out out.png",
    "figure people": "--poses {input} --sequence s --frames 0 --out out.png",
    "figure video": f"{FIGURE} --out out.mp4",
    "figure mesh": f"{FIGURE} --out out.png",
    "figure mesh-video": f"{FIGURE} --out out.mp4",
}
"""By command its arguments: what it reads is ``{input}``, what it writes ``out.*``."""
TAKE_A_FOLDER = {"tables", "data list", "data show", "estimators", "models", "demo-videos"}
MAKE_A_FOLDER = {"demo-videos"}
WRITE = [words for words, arguments in READS.items() if " out." in arguments]
SECOND = {"estimate": "{input} --out a.parquet --keypoints out.parquet"}
"""A command that writes two files, with the other one as ``out.*``."""

runner = CliRunner(env={"COLUMNS": "120", "NO_COLOR": "1"})


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refused(words: str, arguments: str) -> str:
    result = runner.invoke(app, [*words.split(), *arguments.split()])
    assert result.exit_code == 2 and result.stdout == "", (words, arguments, result.output)
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1, result.stderr
    return result.stderr


def test_every_command_is_tried():
    assert sorted(READS) == sorted(set(leaves()) - {"app"})  # which reads and writes no file of the user's


@pytest.mark.parametrize("words", READS)
def test_input_that_is_none(words: str, tmp_path: Path):
    (tmp_path / "empty.bin").touch()
    (tmp_path / "folder").mkdir()
    kinds = ["gone.bin"] * (words not in MAKE_A_FOLDER) + ["empty.bin"]
    kinds += ["folder"] * (words not in TAKE_A_FOLDER)
    for name in kinds:
        assert name in refused(words, READS[words].replace("{input}", name))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.bin", "folder"]


@pytest.mark.parametrize(("words", "template"), [*((w, READS[w]) for w in WRITE), *SECOND.items()])
def test_output_that_must_not_be_written(words: str, template: str, tmp_path: Path):
    arguments = template.replace("{input}", "gone.bin")
    out = next(word for word in arguments.split() if word.startswith("out."))
    path = tmp_path / out
    assert "expected a name that ends in ." in refused(words, arguments.replace(out, "out.exe"))
    assert "expected a name that ends in ." in refused(words, arguments.replace(out, "/dev/null"))
    path.write_text("mine")
    assert f"{out} exists; give --force to replace it" in refused(words, arguments)
    own = arguments.replace("gone.bin", out) + " --force"
    assert f"{out} is named twice" in refused(words, own)
    (tmp_path / "hard").hardlink_to(path)
    assert f"{out} is named twice" in refused(words, own.replace(out, "hard", 1))
    beneath = arguments.replace(out, f"{out}/{out}")
    assert f"{tmp_path / out} is no folder" in refused(words, beneath)
    assert path.read_text() == "mine"
    path.unlink()
    for make in (path.mkdir, lambda: os.mkfifo(path), lambda: path.symlink_to("/dev/null")):
        make()
        kind = "a folder" if path.is_dir() else "a device, pipe or socket"
        assert f"got {kind}" in refused(words, f"{arguments} --force")
        path.rmdir() if path.is_dir() else path.unlink()


@pytest.mark.parametrize(
    "arguments",
    [
        "refine {empty} --out out.parquet",
        "score --gt {empty} --detected {full}",
        "score --gt {full} --detected {empty}",
        "calibrate --gt {empty} --detected {full} --out out",
        "calibrate --gt {full} --detected {empty} --out out",
        "train --gt {empty} --detected {full} --out out",
        "convert {empty} --out out.csv",
        "export {empty} --to out.csv",
        "view {empty} --html out.html",
    ],
)
def test_input_without_poses_is_another_error(arguments: str, tmp_path: Path):
    cache_files.write(tmp_path / "empty.parquet", [])
    cache_files.write(tmp_path / "full.parquet", [cache_files.make(frames=40)])
    words = arguments.format(empty="empty.parquet", full="full.parquet").split()
    result = runner.invoke(app, words)
    assert result.exit_code == 1 and result.stdout == "", result.output
    assert re.fullmatch(r"Error: empty\.parquet.*(nobody|no poses|no sequences).*\n", result.stderr), (
        result.stderr
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.parquet", "full.parquet"]


@pytest.mark.parametrize(
    ("value", "message"), [("inf", "expected a finite number"), ("nan", "Input should be")]
)
def test_numbers_that_are_none(value: str, message: str):
    for option in ("--seconds", "--wrong-mm", "--wrong-alpha"):
        arguments = READS["figure video"].replace("{input}", "gone.bin")
        result = runner.invoke(app, ["figure", "video", *arguments.split(), option, value])
        assert result.exit_code == 2 and message in result.stderr


def test_a_folder_that_is_not_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """For root every folder is, so the answer of the system is stood in for."""
    monkeypatch.setattr(os, "access", lambda path, mode: (path, mode) != (tmp_path, os.W_OK))
    assert f"{tmp_path} is not writable" in refused("export", "gone.bin --to deep/out.csv")


def test_an_interrupt_ends_a_command_without_a_traceback(tmp_path: Path):
    folder = tmp_path / "clips" / "tables"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "a.json")
    command = [sys.executable, "-c", CALL, "tables", str(tmp_path)]
    with subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        with (folder / "a.json").open("w"):  # waits until the command reads from it
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
        assert process.communicate() == (b"", b"")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("refine a.json --out b.json --max-gap inf", "'--max-gap': expected a finite number, got inf; "),
        ("refine a.json --out b.json --max-gap -1", "'--max-gap': Input should be"),
        ("refine a.json", "Missing option '--out'; "),
        ("refine a.json --out b.json --oops", "No such option: --oops"),
        ("no-such-command", "No such command 'no-such-command'; "),
        ("--no-such-option", "No such option: --no-such-option"),
        ("figure no-such-figure", "No such command 'no-such-figure'; root figure --help lists "),
    ],
)
def test_wrong_options_are_one_line(arguments: str, message: str):
    assert message in refused(arguments, "")

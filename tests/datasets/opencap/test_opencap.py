"""OpenCap's samples: joints of bodies, lag, rate and turn, a folder and a public address."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from hanet.datasets.common.copied import RemoteOrFolder
from hanet.datasets.common.ingest import write as ingest
from hanet.datasets.common.source import DatasetSource
from hanet.datasets.opencap.alignment import align
from hanet.datasets.opencap.collect import collect
from hanet.datasets.opencap.content import opencap
from hanet.datasets.opencap.files import FPS, OpenCapError, Recording, read
from hanet.datasets.opencap.options import TRIALS, OpenCapIngest
from hanet.datasets.opencap.source import FILES, KNOWN, OPENCAP
from hanet.download.unpack import ArchiveError
from hanet.files.hashing import file_hash
from hanet.files.unpickle import read_npz
from tests.support import opencap_files
from tests.support.opencap_files import motion, samples, turned, write, write_mediapipe

SHARED = os.environ.get("HANET_SHARED_DATA")


def test_bodies_are_the_limbs_joints(tmp_path: Path) -> None:
    joints = motion(40, 100)
    write(tmp_path, "squat", "mocap", joints)
    found = read(tmp_path, "squat", "mocap")
    assert found is not None and found.fps == 100
    np.testing.assert_allclose(found.joints, joints)
    assert read(tmp_path, "squat", "wham") is None


@pytest.mark.parametrize("late", [-3, 0, 4])
def test_lag_and_turn_are_found(late: int) -> None:
    markers = Recording(motion(80, 100), FPS)
    detected = Recording(turned(motion(80, 100, late=late / 100)), FPS)
    pair = align(detected, markers, max_lag=6, name="squat")
    assert pair.lag == late and len(pair.truth) == 80 - abs(late)
    np.testing.assert_allclose(pair.detected, pair.truth, atol=1e-9)


def test_markers_are_taken_at_the_estimators_rate() -> None:
    markers, detected = Recording(motion(101, 100), FPS), Recording(turned(motion(61, 60)), 60.0)
    pair = align(detected, markers, max_lag=3, name="squat")
    assert (pair.fps, pair.lag, len(pair.truth)) == (60, 0, 61)
    np.testing.assert_allclose(pair.detected, pair.truth, atol=2e-4)  # of a straight line over 10 ms


def test_too_short_a_trial_is_refused() -> None:
    short = Recording(motion(20, 100), FPS)
    with pytest.raises(OpenCapError, match="squat: 20 frames of the estimator and 20"):
        align(short, short, max_lag=3, name="squat")


@pytest.mark.parametrize(("estimator", "lag"), [("wham", 2), ("mono", 0), ("mediapipe", 1)])
def test_a_test_split_alone_is_ingested(tmp_path: Path, estimator: str, lag: int) -> None:
    raw = samples(tmp_path / "raw")
    write_mediapipe(raw, {"walk": turned(motion(36, 60, seed=1, late=1 / 60))})
    options = OpenCapIngest(estimator=estimator)  # type: ignore[arg-type]
    folder = tmp_path / "poses"
    folder.mkdir()
    report = ingest(opencap(raw, options), raw, folder, "opencap")
    assert {path.stem for path in folder.glob("*.parquet")} == {"gt-test", f"{estimator}-test"}
    trials = ["walk"] if estimator == "mediapipe" else ["squat", "walk"]
    assert report["splits"]["test"]["people"] == trials
    assert all(entry["lag_frames"] == lag for entry in report["alignment"].values())
    assert set(report["left_out"]) == {"squat", "walk"} - set(trials)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda c: c.pop("time"), "expected a field 'time'"),
        (lambda c: c["time"].__setitem__(1, 0.5), r"100 Hz"),
        (lambda c: c["bodies"].pop("ulna_l"), "expected a field 'ulna_l'"),
        (lambda c: c["bodies"]["hand_r"]["translation"].pop(), r"body hand_r.*shape \(40, 3\)"),
        (lambda c: c.__setitem__("bodies", []), "expected a mapping, got list"),
        (lambda c: c["bodies"].__setitem__("ulna_l", 3), "body ulna_l: expected a mapping, got int"),
    ],
)
def test_damaged_files_are_refused_by_field(tmp_path: Path, damage: object, message: str) -> None:
    path = write(tmp_path, "squat", "wham", motion(40, 100))
    content = json.loads(path.read_text())
    damage(content)  # type: ignore[operator]
    path.write_text(json.dumps(content))
    with pytest.raises(OpenCapError, match=message):
        read(tmp_path, "squat", "wham")


def test_mediapipes_poses_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(OpenCapError, match="MediaPipe's poses are not published"):
        read(tmp_path, "squat", "mediapipe")


def test_a_folder_is_copied(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    download = RemoteOrFolder(folder=str(samples(tmp_path / "mine")))
    collect(download, raw, dataset="opencap", archives=tmp_path / "a", record=tmp_path / "h.json")
    assert read(raw, "walk", "mono") is not None
    with pytest.raises(ValueError, match=r"correct datasets\.opencap\.download\.folder"):
        collect(
            RemoteOrFolder(folder=str(tmp_path / "none")), raw, dataset="opencap",
            archives=tmp_path / "a", record=tmp_path / "h.json",
        )  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder like ``public/samples`` and its address."""
    folder = samples(tmp_path / "site", TRIALS, frames=35)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and prints nothing."""

    def log_message(self, format: str, *args: object) -> None: ...


def at(address: str) -> DatasetSource:
    """The source with one address of its files, on this machine."""
    trials = {one.name: one.name.split("-", 1) for one in OPENCAP.remote}
    remote = [replace(one, urls=("/".join((address, *trials[one.name])),)) for one in OPENCAP.remote]
    return replace(OPENCAP, remote=tuple(remote))


def test_files_are_fetched_from_an_address(
    tmp_path: Path, site: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = site
    monkeypatch.setattr("hanet.datasets.opencap.collect.OPENCAP", at(address))
    hashes = {name: file_hash(folder / name.replace("-", "/", 1)) for name in KNOWN}
    raw = tmp_path / "raw"
    collect(
        RemoteOrFolder(sha256=hashes), raw, dataset="opencap",
        archives=tmp_path / "a", record=tmp_path / "hashes.json",
    )  # fmt: skip
    for trial in TRIALS:
        for file in FILES:
            assert (raw / trial / file).read_bytes() == (folder / trial / file).read_bytes()
    recorded = json.loads((tmp_path / "hashes.json").read_text())
    assert set(recorded) >= {f"{trial}-{file}" for trial in ("STS", "walk_ts") for file in FILES}


def test_other_files_than_the_known_ones_are_refused(
    tmp_path: Path, site: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hanet.datasets.opencap.collect.OPENCAP", at(site[1]))
    raw = tmp_path / "raw"
    with pytest.raises(ArchiveError, match=r"6 of 12 files.*\n.*squat-sample_mocap\.json"):
        collect(RemoteOrFolder(), raw, dataset="opencap", archives=tmp_path / "a", record=tmp_path / "h.json")
    assert not raw.exists()


def test_a_mirror_has_the_same_layout(tmp_path: Path, site: tuple[Path, str]) -> None:
    folder, _ = site
    hashes = {name: file_hash(folder / name.replace("-", "/", 1)) for name in KNOWN}
    collect(
        RemoteOrFolder(mirrors=(str(folder),), sha256=hashes), tmp_path / "raw", dataset="opencap",
        archives=tmp_path / "a", record=tmp_path / "h.json",
    )  # fmt: skip
    assert read(tmp_path / "raw", "STS", "wham") is not None


@pytest.mark.skipif(SHARED is None, reason="HANET_SHARED_DATA names no folder of real data")
def test_real_files_give_the_recorded_pairs() -> None:
    folder = Path(str(SHARED)) / "opencap"
    stored = read_npz(folder / "pairs.npz")
    names = [str(name) for name in stored["joint_names"]]
    at = [names.index(f"{opencap_files.BODIES[j[2:]]}_{j[0]}") for j in opencap_files.LIMBS12.joints]
    for trial in ("squat", "walk"):
        for system in ("mocap", "wham", "mono"):
            found = read(folder, trial, system)
            assert found is not None
            np.testing.assert_allclose(found.joints, stored[f"{trial}/{system}"][:, at], atol=1e-5)

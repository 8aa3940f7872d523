"""`hanet app` without a browser: who is answered, what is refused, and what is left behind."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from hanet.app import server as app_server
from hanet.app import work
from hanet.app.server import App, serving
from hanet.cache.files import PoseCache
from hanet.estimators.mediapipe.engine import MediaPipeError
from tests.support.browser import FOREIGN
from tests.support.keypoint_writers import write_coco, write_openpose
from tests.support.mediapipe_stand_in import stand_in
from tests.support.video_files import write_video
from tests.support.walking import detected, filmed, walker


@pytest.fixture(scope="module")
def coco(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """COCO's results of a person in 120 frames."""
    path = tmp_path_factory.mktemp("coco") / "walk.json"
    return write_coco(path, detected(filmed([walker(120)]), noise=2.0)).read_bytes()


@pytest.fixture
def app() -> Iterator[App]:
    with serving() as opened:
        threading.Thread(target=opened.serve_forever, args=(0.01,), daemon=True).start()
        yield opened
        opened.shutdown()
    assert not opened.folder.exists()


def ask(
    app: App, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, Mapping[str, str], bytes]:
    """One request; a path that begins with / is taken as it is, others follow the token."""
    connection = HTTPConnection("127.0.0.1", app.server_port, timeout=60)
    try:
        whole = path if path.startswith("/") else f"/{app.token}/{path}"
        connection.request("GET" if body is None else "POST", whole, body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def upload(files: Mapping[str, bytes], **fields: Any) -> bytes:
    """A request as the page sends it."""
    listed = [[name, len(content)] for name, content in files.items()]
    return json.dumps({"files": listed, **fields}).encode() + b"\n" + b"".join(files.values())


def refused(app: App, files: Mapping[str, bytes], **fields: Any) -> str:
    status, _, content = ask(app, "refine", upload(files, **fields))
    assert status == 422, content
    return json.loads(content)["error"]


def test_a_file_is_refined_shown_and_handed_back(app: App, coco: bytes):
    body = upload({"walk.json": coco}, method="butterworth:cutoff=4", fps="30", max_gap="0.2")
    status, _, content = ask(app, "refine", body, {"Origin": app.origins[0]})
    result = json.loads(content)
    assert status == 200 and result["name"] == "walk-refined.json"
    assert result["notes"][0] == "Method: butterworth (cutoff 4 Hz; order 4)"
    assert "29 of 2040 joint positions missing" in result["notes"][1]
    _, headers, refined = ask(app, f"file/{result['id']}")
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''walk-refined.json"
    before, after = json.loads(coco), json.loads(refined)
    assert len(before) == len(after) and before[0].keys() == after[0].keys()
    moved = np.diff([[entry["keypoints"][0] for entry in entries] for entries in (before, after)], n=2)
    assert np.abs(moved[1]).mean() < 0.3 * np.abs(moved[0]).mean()
    _, headers, page = ask(app, f"view/{result['id']}")
    assert b"walk.json \xe2\x86\x92 walk-refined.json" in page
    assert headers["Content-Security-Policy"].startswith("sandbox allow-scripts; ")


def test_a_folder_comes_back_as_an_archive(app: App, tmp_path: Path):
    found = np.concatenate([detected(filmed([walker(120)]), noise=2.0), np.zeros((120, 1, 8, 3))], axis=2)
    names = np.arange(25)
    folder = write_openpose(tmp_path / "walk", found[:, :, names])
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    fields = {"folder": "walk", "fps": "30", "skeleton": "body25b", "method": "gaussian"}
    status, _, content = ask(app, "refine", upload(files, **fields))
    assert status == 200, content
    result = json.loads(content)
    assert result["name"] == "walk-refined.zip"
    with ZipFile(io.BytesIO(ask(app, f"file/{result['id']}")[2])) as archive:
        assert sorted(archive.namelist()) == sorted(f"walk-refined/{name}" for name in files)


def test_only_the_link_opens_anything(app: App):
    status, headers, page = ask(app, "")
    assert status == 200 and b"Drop a pose file here" in page
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    for path in ("/", "/refine", f"/{app.token}", f"/{app.token[:-1]}/", "/x/y", f"/x/{app.token}/", "//"):
        status, _, content = ask(app, path)
        assert status == 404 and app.token.encode() not in content, path
    for path in ("view/x", "file/x", "file/../../etc/passwd", "app.py", "view/"):
        assert ask(app, path)[0] == 404
    assert ask(app, "/refine", b"{}\n")[0] == 404 and ask(app, "other", b"{}\n")[0] == 404
    assert app.server_address[0] == "127.0.0.1" and len(app.token) >= 32


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": f"{FOREIGN}:PORT"}, 403),
        ({"Host": ""}, 403),
        ({"Host": "127.0.0.1"}, 403),
        ({"Host": "localhost:PORT"}, 200),
        ({"Origin": f"http://{FOREIGN}:PORT"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "https://127.0.0.1:PORT"}, 403),
        ({"Origin": "http://localhost:PORT"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 200),
    ],
)
def test_other_hosts_and_origins_are_refused_even_with_the_token(
    app: App, headers: dict[str, str], status: int, coco: bytes
):
    sent = {name: value.replace("PORT", str(app.server_port)) for name, value in headers.items()}
    assert ask(app, "", headers=sent)[0] == status
    if status == 403:
        assert ask(app, "refine", upload({"a.json": coco}, fps="30"), sent)[0] == 403
        assert app.results == {} and list(app.folder.iterdir()) == []


def test_bad_files_are_one_sentence_and_leave_nothing(app: App, coco: bytes):
    unknown_rate = refused(app, {"walk.json": coco})
    assert unknown_rate == "walk.json does not say its frame rate: fill in “Frames per second”"
    files = {"a.json": json.dumps(json.loads(coco)[:15]).encode()}
    cases = {
        "a.txt: not a file of a known format": refused(app, {"a.txt": b"hello"}, fps="30"),
        "unknown format 'x'": refused(app, files, fps="30", format="x"),
        "expected a number, got 'fast'": refused(app, files, fps="fast"),
        "fps must be a positive number": refused(app, files, fps="-1"),
        "Image size: expected width × height": refused(app, files, fps="30", image_size="big"),
        "unknown method 'magic'": refused(app, files, fps="30", method="magic"),
        "unknown skeleton 'x'": refused(app, files, fps="30", skeleton="x"),
        "cutoff must be": refused(app, files, fps="30", method="butterworth:cutoff=99"),
        "nobody in any frame": refused(app, {"a.json": b"[]"}, fps="30", format="coco"),
    }
    for expected, said in cases.items():
        assert expected in said, (expected, said)
        assert str(app.folder) not in said and "--" not in said, said
    assert list(app.folder.iterdir()) == [] and app.results == {}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "expected JSON"),
        (b"[1]\n", "expected a JSON object"),
        (b"{}\n", "expected 1 to 20,000 files"),
        (b'{"files": []}\n', "expected 1 to 20,000 files"),
        (b'{"files": [["../a", 1]]}\nx', '"../a" is not the name of a file'),
        (b'{"files": [["..", 1]]}\nx', '".." is not the name of a file'),
        (b'{"files": [["a\\u0000", 1]]}\nx', "is not the name of a file"),
        (b'{"files": [["a", 1], ["a", 1]]}\nxx', "comes twice"),
        (b'{"files": [["a", -1]]}\n', "is not the name of a file"),
        (b'{"files": [["a", 1.5]]}\nx', "is not the name of a file"),
        (b'{"files": [["a.json", 99]]}\nx', "size is not that of its files"),
        (b'{"files": [["a.json", 1]]}\n' + b"x" * (3 << 20), "size is not that of its files"),
    ],
)
def test_bad_requests_are_refused(app: App, body: bytes, said: str):
    status, _, content = ask(app, "refine", body)
    assert status == 422 and said in json.loads(content)["error"]
    assert list(app.folder.iterdir()) == []


def test_large_uploads_are_refused_unread(app: App, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(work, "MOST_BYTES", 1 << 20)
    for size in (str((1 << 20) + 1), "-5", "many", ""):
        connection = HTTPConnection("127.0.0.1", app.server_port, timeout=20)
        connection.putrequest("POST", f"/{app.token}/refine")
        if size:
            connection.putheader("Content-Length", size)
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == 413 and b"at most 1 MB" in answer.read()
        connection.close()


def test_a_failure_of_the_program_is_said_and_the_next_file_works(
    app: App, coco: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as broken:
        broken.setattr(work, "refine_file", fail)
        status, _, content = ask(app, "refine", upload({"walk.json": coco}, fps="30"))
    assert status == 500 and b"the program failed (RuntimeError)" in content
    assert "a bug" in capsys.readouterr().err and list(app.folder.iterdir()) == []
    assert ask(app, "refine", upload({"walk.json": coco}, fps="30"))[0] == 200


def test_old_results_are_removed(app: App, coco: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(app_server, "KEPT", 2)
    short = json.dumps(json.loads(coco)[:20]).encode()
    ids = [
        json.loads(ask(app, "refine", upload({"walk.json": short}, fps="30", method="median"))[2])["id"]
        for _ in range(3)
    ]
    assert [ask(app, f"file/{key}")[0] for key in ids] == [404, 200, 200]
    assert len(list(app.folder.iterdir())) == 2


def test_a_video_is_estimated_first(app: App, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HANET_MEDIAPIPE_PYTHON", str(stand_in(tmp_path / "python")))
    write_video(tmp_path / "film.mkv", [40 * n for n in range(20)])
    status, _, content = ask(app, "refine", upload({"film.mkv": (tmp_path / "film.mkv").read_bytes()}))
    result = json.loads(content)
    assert status == 200 and result["name"] == "film-refined.parquet", content
    assert "MediaPipe estimated the poses" in result["notes"][0]
    (tmp_path / "out.parquet").write_bytes(ask(app, f"file/{result['id']}")[2])
    refined = PoseCache.open(tmp_path / "out.parquet")
    assert refined.metadata.fps == 25 and refined.metadata.estimator.endswith("+general")
    assert b"a video of one person, by MediaPipe" in ask(app, "")[2]


def test_a_video_without_mediapipe_is_told_how(app: App, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HANET_MEDIAPIPE_PYTHON", str(tmp_path / "none"))
    said = refused(app, {"walk.mp4": b"0" * 100})
    assert "MediaPipe's environment is not there" in said and "unset HANET_MEDIAPIPE_PYTHON" in said
    assert b"a video once the extra video is installed" in ask(app, "")[2]

    def missing() -> Path:
        raise MediaPipeError("not there")

    assert work.why_no_video(missing) == "not there"
    assert work.why_no_video(lambda: tmp_path) is None


def test_a_port_that_is_taken(app: App):
    message = rf"port {app.server_port} of 127.0.0.1: .*; give another --port"
    with pytest.raises(ValueError, match=message), serving(app.server_port):
        pass

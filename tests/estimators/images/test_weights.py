"""Weights by path or address, and the estimators built from them."""

from __future__ import annotations

import functools
import hashlib
import http.server
import threading

import numpy as np
import pytest
import torch
from torch import nn

from hanet.download.unpack import ArchiveError
from hanet.estimators.common.weight_files import obtain
from hanet.estimators.images import detector
from hanet.estimators.images.adapters import BodyEstimator
from hanet.estimators.images.weights import BodySpec, EstimatorSpec
from tests.support.official_files import LAYOUTS

CONTENT = b"\x80\x02 weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def test_a_path(tmp_path):
    (tmp_path / "a.pt").write_bytes(CONTENT)
    where = {"folder": tmp_path / "w", "record": tmp_path / "r.json"}
    assert obtain(str(tmp_path / "a.pt"), **where) == tmp_path / "a.pt"
    assert obtain(str(tmp_path / "a.pt"), **where, sha256=SHA256) == tmp_path / "a.pt"
    with pytest.raises(ValueError, match=f"has SHA-256 {SHA256}, expected 00"):
        obtain(str(tmp_path / "a.pt"), **where, sha256="0" * 64)
    with pytest.raises(FileNotFoundError, match="no such file of weights; `hanet estimators` says how"):
        obtain(str(tmp_path / "b.pt"), **where)


@pytest.fixture
def server(tmp_path):
    """Serves a folder over HTTP."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "model checkpoint.pt").write_bytes(CONTENT)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


def test_an_address(tmp_path, server):
    folder, address = server
    where = {"folder": tmp_path / "w", "record": tmp_path / "hashes" / "weights.json"}
    path = obtain(f"{address}/model%20checkpoint.pt", **where)
    assert path == tmp_path / "w" / "model checkpoint.pt" and path.read_bytes() == CONTENT
    # It is found again without the server, and another file of that name is refused from now on.
    (folder / "model checkpoint.pt").write_bytes(b"another")
    assert obtain(f"{address}/model%20checkpoint.pt", **where) == path
    path.unlink()
    with pytest.raises(ArchiveError, match="SHA-256"):
        obtain(f"{address}/model%20checkpoint.pt", **where)


def test_an_address_that_is_dead(tmp_path, server):
    _, address = server
    with pytest.raises(ArchiveError, match="`hanet estimators` says where weights come from"):
        obtain(f"{address}/gone.pt", folder=tmp_path / "w", record=tmp_path / "r.json")


# --- estimators; files with every number one half are small


@pytest.mark.parametrize("kind", LAYOUTS)
def test_build_and_refuse(tmp_path, constant_state, kind):
    build, container, prefix = LAYOUTS[kind]
    state = constant_state(build(), prefix)
    path = tmp_path / "weights.pth"
    torch.save(state if container is None else {container: state}, path)
    spec = EstimatorSpec(kind=kind, weights=path, layers=50)
    estimator = spec.build()
    assert isinstance(estimator.network, type(build())) and not estimator.network.training
    assert isinstance(estimator, BodyEstimator) == (kind in ("spin", "pare"))
    settings = spec.settings()
    assert settings["weights_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert settings["kind"] == kind and str(tmp_path) not in str(settings)
    # A file of another model is refused, with the first names that differ.
    first, *_ = sorted(state)
    wrong = {k: v for k, v in state.items() if k != first} | {f"{prefix}extra": torch.zeros(1)}
    torch.save(wrong if container is None else {container: wrong}, path)
    named = first.removeprefix(prefix)
    with pytest.raises(
        ValueError, match=f"weights.pth is not an official .*{named} is missing; extra is unexp"
    ):
        spec.build()


def test_pixels_by_default(tmp_path):
    path = tmp_path / "w"
    path.touch()
    for kind, pixels in (("simplebaseline", [384, 384]), ("dcpose", [288, 384])):
        assert EstimatorSpec(kind=kind, weights=path).settings()["pixels"] == pixels
    assert set(EstimatorSpec(kind="spin", weights=path).settings()) == {
        "kind", "padding", "resize", "weights_sha256",
    }  # fmt: skip


def test_a_body_needs_its_regressor(tmp_path):
    path = tmp_path / "body.npz"
    path.write_bytes(b"body")
    with pytest.raises(ValueError, match="the 14 LSP joints need a regressor"):
        BodySpec(model=path).build()
    assert BodySpec(model=path, joints="smpl24").settings()["regressor_sha256"] is None


# --- the detector


class Finder(nn.Module):
    """What torchvision's detectors say, best first."""

    def forward(self, images):
        assert len(images) == 1 and images[0].shape == (3, 40, 60) and 0 <= images[0].max() <= 1
        boxes = torch.tensor([[1.0, 2, 30, 40], [5, 5, 9, 9], [2, 2, 20, 30], [0, 0, 4, 4]])
        scores = torch.tensor([0.99, 0.9, 0.6, 0.2])
        return [{"boxes": boxes, "labels": torch.tensor([1, 3, 1, 1]), "scores": scores}]


@pytest.mark.parametrize(("least", "count"), [(0.1, 3), (0.5, 2), (0.7, 1), (1.0, 0)])
def test_people_of_a_score(least, count):
    image = np.full((40, 60, 3), 255, dtype=np.uint8)
    boxes, scores = detector.PersonDetector(Finder(), min_score=least)(image)
    assert boxes.shape == (count, 4) and len(scores) == count
    if count:
        assert boxes[0].tolist() == [0.5, 1.5, 29.5, 39.5]


def test_the_detectors_file_has_older_names(tmp_path, constant_state):
    from torchvision.models.detection import fasterrcnn_resnet50_fpn

    network = fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None)
    state = constant_state(network, "")
    old = {
        name.replace("blocks.0.0.", "blocks.0.").replace("rpn.head.conv.0.0.", "rpn.head.conv."): value
        for name, value in state.items()
        if not name.endswith("num_batches_tracked")
    }
    assert len(set(old) - set(state)) == 6
    path = tmp_path / "fasterrcnn_resnet50_fpn_coco-258fb6c6.pth"
    torch.save(old, path)
    found = detector.load(path, min_score=0.3)
    assert not found.network.training and found.min_score == 0.3
    assert {m.eps for m in found.network.modules() if isinstance(m, nn.BatchNorm2d)} == {0.0}
    del old["rpn.head.conv.weight"]
    torch.save(old, path)
    with pytest.raises(
        ValueError, match=r"not an official FasterRCNN: rpn\.head\.conv\.0\.0\.weight is miss"
    ):
        detector.load(path)

"""The programs that take the pictures name what params.yaml has; they are run by hand, see CONTRIBUTING."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from docs.tools.pictures import shrink
from docs.tools.screenshots import ABLATIONS, SMALL
from pipeline.repository.overrides import apply
from stages.params.load import load
from tests.support.paths import ROOT


def test_small_settings_fit(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    apply(tmp_path, [*SMALL, f"run.ablations=[{','.join(ABLATIONS)}]"])
    params = load(tmp_path / "params.yaml")
    assert params.run.models == ["hanet-paper"]
    assert params.model("clips-fcn", "hanet-paper").training.epochs == 3


def test_small_marks_keep_their_colours(tmp_path: Path) -> None:
    picture = Image.linear_gradient("L").convert("RGB").resize((200, 200))
    picture.paste((200, 0, 50), (90, 90, 93, 96))
    picture.save(tmp_path / "a.png")
    shrink(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as few:
        assert few.mode == "P" and few.size == (200, 200)
        mark = few.convert("RGB").crop((91, 92, 92, 93)).tobytes()
    assert all(abs(a - b) < 6 for a, b in zip(mark, (200, 0, 50), strict=True))

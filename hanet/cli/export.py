"""``hanet export-onnx``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hanet.cli.errors import user_errors
from hanet.cli.outputs import Force, check_output, wrote
from hanet.models.descriptions import EXPORTED


def export_onnx(
    model: Annotated[Path, typer.Argument(help="Folder of a trained model.")],
    out: Annotated[
        Path | None, typer.Option(help="ONNX file to write.", show_default="model.onnx in the folder")
    ] = None,
    trained_on: Annotated[
        Path | None,
        typer.Option(help="Cache of its training detections.", show_default="as the model describes them"),
    ] = None,
    force: Force = False,
) -> None:
    """Write a trained model as one ONNX file, with which `hanet refine --model` needs no PyTorch."""
    with user_errors("train"):
        out = out or model / EXPORTED
        check_output(out, [".onnx"], force=force, inputs=[model, trained_on])
        from hanet.cache.files import PoseCache
        from hanet.models.export import export
        from hanet.models.trained_on import PoseKind

        kind = PoseKind.of_checkpoint(model, None if trained_on is None else PoseCache.open(trained_on))
        difference = export(model, out, kind)
    typer.echo(f"ONNX Runtime's poses differ from PyTorch's by {difference:.0e} at most")
    wrote(out)

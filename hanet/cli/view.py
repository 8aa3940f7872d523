"""``hanet view`` and ``hanet app``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hanet.cli import inputs
from hanet.cli.errors import user_errors
from hanet.cli.outputs import Force, check_output, wrote


def view(
    poses: Annotated[Path, typer.Argument(help="Pose file or folder of any format.")],
    refined: Annotated[
        Path | None, typer.Argument(help="Its refined version.", show_default="shown alone")
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Page to write: .html, one file.", show_default="rerun's viewer opens"),
    ] = None,
    fps: inputs.Fps = None,
    image_size: inputs.ImageSize = None,
    skeleton: inputs.SkeletonName = None,
    min_score: inputs.MinScore = None,
    format: inputs.FormatName = None,
    images: inputs.Images = None,
    frames: inputs.FrameNumbers = "names",
    force: Force = False,
) -> None:
    """Show poses before and after: skeletons, curves, gaps, leaps and confidence over time."""
    with user_errors():
        if html is not None:
            check_output(html, (".html",), force=force, inputs=[poses, refined, images])
        options = inputs.read_options(fps, image_size, skeleton, min_score, images, frames)
        files = [inputs.open_poses(path, options, format) for path in (poses, refined) if path is not None]
        if html is not None:
            from hanet.view.page import write_page

            write_page(html, *files)
            wrote(html)
            return
        from hanet.view.people import pair
        from hanet.view.viewer import open_viewer

        open_viewer(pair(*files), " → ".join(file.path.name for file in files))


def app(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of 127.0.0.1; 0 takes a free one.")] = 0,
) -> None:
    """Serve a page on this machine: drop a pose file, see it before and after, download the result."""
    import signal
    import sys

    from hanet.app.server import serving

    with user_errors(), serving(port) as server:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the temporary folder is removed
        typer.echo(f"{server.link}\nOnly this link opens the page. Ctrl-C ends it.")
        server.serve_forever()

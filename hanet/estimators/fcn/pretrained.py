"""FCN's weights that come with the package, trained on people of CMU; weights/README.md is their card.

The files are pinned, so that everybody refines the same poses.
"""

from __future__ import annotations

from pathlib import Path

from hanet.files.hashing import file_hash

FOLDER = Path(__file__).parent / "weights"
SHA256 = {
    "cmu-1": "b73250256ae436358f76e80b0c1d3704c47382b03fb246a6998876ab136a7b9d",
    "cmu-2": "6125e427986347288a9a0a79fb2b8a58e88d01f435d3a268c44410caddb4d807",
    "cmu-3": "ffaab434efb8e19cb84fdecd936308365fb413858a15fdd72266576e92ac8f03",
}
"""SHA-256 of ``<name>.safetensors``; the number is the training's seed."""


def find(name: str) -> Path:
    """The file of a name, which has the pinned SHA-256.

    Raises:
        ValueError: an unknown name, or a file of another SHA-256.
        FileNotFoundError: the package lacks its file.
    """
    if name not in SHA256:
        raise ValueError(f"no pretrained FCN {name!r}; the package has {', '.join(SHA256)}")
    path = FOLDER / f"{name}.safetensors"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; install hanet again")
    if (found := file_hash(path)) != SHA256[name]:
        raise ValueError(f"{path} has SHA-256 {found}, expected {SHA256[name]}; install hanet again")
    return path

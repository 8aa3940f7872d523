"""Where OpenCap's samples come from."""

from __future__ import annotations

from hanet.datasets.common.source import DatasetSource
from hanet.datasets.opencap.options import TRIALS
from hanet.download.remote import RemoteFile

HOST = "https://raw.githubusercontent.com/Seeeeeyo/opencap-visualizer"
FOLDERS = (f"{HOST}/795d1ef1/public/samples", f"{HOST}/main/public/samples")
FILES = ("sample_mocap.json", "sample_wham.json", "sample_mono.json")
KNOWN = {
    "squat-sample_mocap.json": "17a242437bb58d202136bb97a58fc075557d2dcfb8f6df178bee98eec74f906c",
    "squat-sample_wham.json": "122ffd3fd43facf449ef3a57800251b0776da1d8bfa4a5205bdfcbaa4d0a6866",
    "squat-sample_mono.json": "179df8afe81137909733e6e90890abe6ffb2c1ad0e761ea879481dee9b03aa88",
    "walk-sample_mocap.json": "381f1c5ddbd13208584ba5bdaf64a2d750eb19258179441aeb0cd0df29e5a387",
    "walk-sample_wham.json": "037d43304f920f96099e121e9c39f362cff891ca9c65ef1f8bef16190f6ed746",
    "walk-sample_mono.json": "8c668cd3ec2d7cad027f6a2aa711d57f256657c934f07c7d3697bb832b35a873",
}
"""SHA-256 of files; the other trials' are recorded at their first download."""


def file_name(trial: str, file: str) -> str:
    """Plain name of a trial's file in the folder of downloads."""
    return f"{trial}-{file}"


OPENCAP = DatasetSource(
    title="OpenCap samples: filmed people with marker-based motion capture",
    home_page="https://github.com/Seeeeeyo/opencap-visualizer",
    published="trials of a few seconds at 100 Hz: OpenSim bodies from markers, from WHAM and from OpenCap "
    "Monocular, and the videos at 60 Hz",
    terms="Apache-2.0 (the repository's licence). Test data only: no method here is trained on it. Cite the "
    "paper.",
    access="open",
    citation="uhlrich2023opencap",
    reference="Uhlrich, Falisse, Kidziński et al.: OpenCap: Human movement dynamics from smartphone videos. "
    "PLOS Computational Biology 2023, 19(10)",
    remote=tuple(
        RemoteFile(
            file_name(trial, file),
            tuple(f"{folder}/{trial}/{file}" for folder in FOLDERS),
            sha256=KNOWN.get(file_name(trial, file)),
            help="or clone the repository and name its folder public/samples under download.folder",
        )
        for trial in TRIALS
        for file in FILES
    ),
)

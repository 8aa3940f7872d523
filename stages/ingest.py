"""Stage ingest: raw files to ground-truth pose caches in data/poses/<dataset>, leakage checked."""

from __future__ import annotations

import sys
from pathlib import Path

from hanet.data.posetrack17 import read_video as read_video17
from hanet.data.posetrack18 import read_video as read_video18
from stages import _ingest_2d, _ingest_cameras, _ingest_mocap, _ingest_uiprmd, _released, _run
from stages._ingest import Content, write
from stages.params import load
from stages.schema import datasets
from stages.schema.local_data import UIPRMD, Clips, Released


def main(dataset: str) -> None:
    """Write the caches of every split, and a report of what was read, left out and checked."""
    with _run.stage("ingest", dataset):
        described = load().dataset(dataset)
        with _run.fresh_folder(_run.POSES / dataset) as folder:
            raw = _run.RAW / dataset
            report = write(content(raw, described, dataset), raw, folder, dataset)
            _run.write_json(folder / "report.json", report)
        for name, row in report["splits"].items():
            _run.console.print(f"  {name}: {row['sequences']} sequences, {row['frames']} frames")
        _run.console.print(f"  {report['leakage']}")


def content(raw: Path, described: datasets.AnyDataset, dataset: str) -> Content:
    """What a data set gives, by its kind."""
    match described:
        case Clips():
            return _ingest_mocap.clips(raw, described.ingest, dataset)
        case UIPRMD():
            return _ingest_uiprmd.pairs(raw, described.ingest)
        case Released():
            return _released.content(raw, described)
        case datasets.UIPRMDRaw():
            return _ingest_uiprmd.released(raw, described.ingest)
        case datasets.Cmu():
            return _ingest_mocap.cmu(raw, described.ingest)
        case datasets.Pw3d():
            return _ingest_cameras.pw3d_content(raw, described.ingest)
        case datasets.Aist():
            return _ingest_cameras.aist_content(raw, described.ingest)
        case datasets.Human36M():
            return _ingest_cameras.human36m_content(raw, described.ingest)
        case datasets.SubJhmdb():
            return _ingest_2d.jhmdb(raw, described.ingest)
        case datasets.PoseTrack17():
            return _ingest_2d.posetrack(raw, described.ingest, read_video17)
        case datasets.PoseTrack18():
            return _ingest_2d.posetrack(raw, described.ingest, read_video18)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Stage refine: a trained HANet over the test split; a pose cache in data/refined/<experiment>."""

from __future__ import annotations

import sys

from hanet import checkpoints
from hanet.data.cache import PoseCache
from hanet.methods.hanet import HANetMethod
from stages import _run
from stages._refined import write_refined
from stages.params import load


def main(experiment: str, model: str, seed: str) -> None:
    """Refine every test sequence."""
    with _run.stage("refine", experiment, model, f"seed {seed}"):
        settings = load().experiment(experiment).models[model].refine.model_dump()
        name = f"{model}-{seed}"
        folder = _run.MODELS / experiment / name
        network = checkpoints.load(folder).to(_run.device())
        method = HANetMethod(network, **settings, name=model)
        write_refined(
            method,
            PoseCache.open(_run.detected_path(experiment, "test")),
            _run.REFINED / experiment / name / "test.parquet",
            {
                "seed": int(seed),
                **settings,
                "weights_sha256": _run.file_hash(folder / checkpoints.WEIGHTS),
            },
        )


if __name__ == "__main__":
    main(*sys.argv[1:])

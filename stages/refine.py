"""Stage refine: a trained network over the test split; a pose cache for each of its uses in data/refined."""

from __future__ import annotations

import sys

from hanet import checkpoints
from hanet.data.cache import PoseCache
from hanet.methods.learned import LearnedMethod
from stages import _run
from stages._refined import write_refined
from stages.params import load


def main(experiment: str, model: str, seed: str) -> None:
    """Refine every test sequence, once for the model's own row and once for each variant of its use."""
    with _run.stage("refine", experiment, model, f"seed {seed}"):
        described = load().model(experiment, model)
        name = f"{model}-{seed}"
        trained = _run.MODELS / experiment / name
        network = checkpoints.load(trained).to(_run.device())
        detected = PoseCache.open(_run.detected_path(experiment, "test"))
        with _run.fresh_folder(_run.REFINED / experiment / name) as folder:
            for row, use in described.refine.uses(model):
                settings = use.model_dump(mode="json")
                write_refined(
                    LearnedMethod(network, **settings, name=row),
                    detected,
                    folder / f"{row}.parquet",
                    {
                        "model": model,
                        "seed": int(seed),
                        **settings,
                        "weights_sha256": _run.file_hash(trained / checkpoints.WEIGHTS),
                    },
                )


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Stage refine: a trained network over the test split; a pose cache for each of its uses in data/refined."""

from __future__ import annotations

import sys

from hanet.cache.files import PoseCache
from hanet.files.atomic import fresh_folder
from hanet.files.hashing import file_hash
from hanet.methods.apply import write_refined
from hanet.methods.learned import LearnedMethod
from hanet.models import checkpoints
from hanet.models.device import device
from stages import workspace
from stages.graph.names import training_of
from stages.params.load import load


def main(experiment: str, model: str, seed: str) -> None:
    """Refine every test sequence, once for the model's own row and once for each variant of its use."""
    with workspace.stage("refine", experiment, model, f"seed {seed}"):
        described = load().model(experiment, model)
        name = f"{model}-{seed}"
        trained = workspace.MODELS / experiment / name
        network = checkpoints.load(trained).to(device())
        detected = PoseCache.open(workspace.detected_path(experiment, "test"))
        with fresh_folder(workspace.REFINED / experiment / name) as folder:
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
                        "weights_sha256": file_hash(trained / checkpoints.WEIGHTS),
                    },
                )


if __name__ == "__main__":
    with workspace.user_errors():
        names = training_of(sys.argv[1:], load().run)
    main(*names)

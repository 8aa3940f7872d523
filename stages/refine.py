"""Stage refine: refine the test split with a trained network; one pose cache per use in data/refined."""

from __future__ import annotations

import sys

from hanet.cache.files import PoseCache
from hanet.files.atomic import fresh_folder
from hanet.files.hashing import file_hash
from hanet.methods.apply import write_filtered, write_refined
from hanet.methods.filtered import tuned_post_filter
from hanet.methods.learned import LearnedMethod
from hanet.methods.names import AFTER_GENERAL
from hanet.methods.network_cost import network_cost
from hanet.methods.smoothing import General
from hanet.models import checkpoints
from hanet.models.device import device
from stages import workspace
from stages.graph.names import training_of
from stages.params.load import load
from stages.validation import pair, validation_score


def main(experiment: str, model: str, seed: str) -> None:
    """Refine every test sequence, for each use of the model; then filtered, and by the general refiner."""
    with workspace.stage("refine", experiment, model, f"seed {seed}"):
        params = load()
        described, comparators = params.model(experiment, model), params.experiment(experiment).comparators
        sigmas, general = comparators.post_filter, General()
        name = f"{model}-{seed}"
        trained = workspace.MODELS / experiment / name
        network = checkpoints.load(trained).to(device())
        detected = PoseCache.open(workspace.detected_path(experiment, "test"))
        validation = pair(experiment, "val") if sigmas else ([], [])
        with fresh_folder(workspace.REFINED / experiment / name) as folder:
            for row, use in described.refine.uses(model):
                settings = use.model_dump(mode="json")
                method = LearnedMethod(network, **settings, name=row)
                path = folder / f"{row}.parquet"
                parameters = {"model": model, "seed": int(seed), **settings}
                parameters["weights_sha256"] = file_hash(trained / checkpoints.WEIGHTS)
                cost = network_cost(method, detected.metadata.channels).to_dict()
                write_refined(method, detected, path, parameters, cost=cost)
                if sigmas:
                    refined = [method.refine(sequence) for sequence in validation[0]]
                    post = tuned_post_filter(sigmas, refined, validation[1], validation_score(experiment))
                    write_filtered(*post, path)
                if comparators.general:
                    write_filtered(general, general.parameters, path, AFTER_GENERAL)


if __name__ == "__main__":
    with workspace.user_errors():
        names = training_of(sys.argv[1:], load().run)
    main(*names)

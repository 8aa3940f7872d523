"""Log a sweep of one filter parameter to MLflow and ask it for the best run."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow

from docs.examples.motion import detect, walk
from hanet.methods.filters import Gaussian
from hanet.metrics.evaluate import evaluate

truth = [walk(f"validation-{i}", seed=i) for i in range(2)]
seen = [detect(sequence) for sequence in truth]
with TemporaryDirectory() as folder:
    mlflow.set_tracking_uri(f"sqlite:///{Path(folder) / 'mlflow.db'}")
    experiment = mlflow.create_experiment("gaussian", artifact_location=Path(folder).as_uri())
    for sigma in (0.5, 1.0, 2.0, 4.0):
        with mlflow.start_run(experiment_id=experiment, run_name=f"sigma {sigma}"):
            mlflow.log_param("sigma_frames", sigma)
            mlflow.log_metrics(dict(evaluate(truth, seen, Gaussian(sigma=sigma).refine).means))
    best = mlflow.search_runs([experiment], order_by=["metrics.mpjpe_mm"]).iloc[0]
    print(f"best: sigma {best['params.sigma_frames']} frames, {best['metrics.mpjpe_mm']:.2f} mm")

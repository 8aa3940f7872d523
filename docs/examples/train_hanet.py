"""Train a small HANet from Python, without DVC, and refine a track with it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from docs.examples.motion import detect, walk
from hanet.methods.learned import LearnedMethod
from hanet.metrics.evaluate import evaluate
from hanet.models.hanet_options import HANetConfig
from hanet.poses.sequence import PoseSequence
from hanet.training.options import TrainingOptions
from hanet.training.pairs import PoseRows
from hanet.training.trainer import Trainer


def rows(truth: list[PoseSequence]) -> PoseRows:
    """Stack tracks below one another: detected and true poses (N, 51)."""
    seen = [detect(sequence, seed=len(sequence)).values for sequence in truth]
    stacked = [
        torch.from_numpy(np.concatenate(values).reshape(-1, 51).astype(np.float32))
        for values in (seen, [sequence.values for sequence in truth])
    ]
    offsets = np.cumsum([0, *map(len, truth)])
    return PoseRows(detected=stacked[0], gt=stacked[1], offsets=offsets, skeleton=truth[0].skeleton)


torch.set_num_threads(1)
train, validation = [walk(frames=600), walk(frames=500)], [walk(frames=240)]
config = HANetConfig(channels=51, interval=5, window=31, hidden=16, layers=2)
options = TrainingOptions(
    epochs=8, batch=16, stride=5, learning_rate=5e-3, loss_weight=5.0, warmup_epochs=1, seed=1
)
with TemporaryDirectory() as folder:
    trainer = Trainer(config, options, rows(train), rows(validation), folder=Path(folder))
    model = trainer.run(lambda epoch: print(f"epoch {epoch['epoch']}: {epoch['validation_error']:.1f} mm"))

test = walk("test", frames=300)
method = LearnedMethod(model, stride=5)
scores = {
    "input": evaluate([test], [detect(test)]).means,
    "hanet": evaluate([test], [detect(test)], method.refine).means,
}
for name, means in scores.items():
    print(f"{name} {means['mpjpe_mm']:6.2f} mm  {means['accel_mm_per_frame2']:6.2f} mm/frame²")
assert scores["hanet"]["mpjpe_mm"] < scores["input"]["mpjpe_mm"]

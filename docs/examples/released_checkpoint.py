"""Load a checkpoint in the layout that SmoothNet's authors released, and refine with it.

`hanet.models.checkpoints.load_released` does the same for HANet's, `hanet.models.deciwatch` for DeciWatch's.
A stand-in with random weights takes the place of the file here.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from docs.examples.motion import detect, walk
from hanet.methods.learned import LearnedMethod
from hanet.models.smoothnet import SmoothNet, SmoothNetConfig, load_released, released_names

torch.manual_seed(0)
config = SmoothNetConfig(window=32, hidden=64, blocks=2)
ours = SmoothNet(config)
state = ours.state_dict()
released = {name: torch.cat([state[part] for part in parts]) for name, parts in released_names(ours).items()}

with TemporaryDirectory() as folder:
    path = Path(folder) / "checkpoint_32.pth.tar"
    torch.save({"epoch": 70, "state_dict": released}, path)  # read without running code in the file
    model = load_released(path, config)

print(f"{len(released)} tensors, {sum(tensor.numel() for tensor in released.values())} weights")
assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
refined = LearnedMethod(model, stride=5).refine(detect(walk()))
print(f"refined {refined.name}: {refined.values.shape}")
assert refined.values.shape == (300, 17, 3)

"""Score under the released protocol, whose windows and padding published figures have."""

from __future__ import annotations

from docs.examples.motion import detect, walk
from hanet.methods.filters import Gaussian
from hanet.metrics.evaluate import evaluate

truth = [walk("long", frames=350), walk("short", frames=80, seed=3)]
seen = [detect(sequence) for sequence in truth]
refine = Gaussian(sigma=2.0).refine

full = evaluate(truth, seen, refine)
released = evaluate(truth, seen, refine, protocol="released", interval=10, q=10)
print(f"full:     {full.means['mpjpe_mm']:.2f} mm over {full.frames} frames")
print(f"released: {released.means['mpjpe_mm']:.2f} mm over {released.frames} frames (cut, padded)")
assert full.frames == 430
assert released.frames == (101 + 24 * 10) + 101  # whole windows of the long track; the short one padded

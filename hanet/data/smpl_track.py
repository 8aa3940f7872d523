"""SMPL parameters as data sets release them, kept beside the joints.

They stay axis-angle here, in the frame they were released in. To poses for refinement: the 24 rotations
of `poses_in_camera` become rotation 6D, joint by joint (representation ``smpl``, each joint in its parent's
frame, the root in the camera's). To joints and vertices: the body of `gender` with `betas` and `poses`, times
`scaling`, plus `transl`, is in the world, in metres.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial.transform import Rotation

from hanet.poses import PoseSequence


@dataclass(frozen=True)
class SmplTrack:
    """SMPL parameters of one person over consecutive frames, world frame.

    Attributes:
        name: sequence name.
        poses: axis-angle rotations (T, 24, 3) in radians: the root's in the world, others in their parent's.
        betas: body shape (10,); zeros where the data set has the mean shape.
        transl: translation (T, 3), metres.
        scaling: factor on the body before the translation.
        gender: ``male``, ``female`` or ``neutral``.
        campose_valid: frames whose camera pose is good (T,), or None where cameras stand still.
        track: the person's number in the sequence.
        start: frame number of the first row.

    Raises:
        ValueError: where lengths disagree.
    """

    name: str
    poses: Float[np.ndarray, "T 24 3"]
    betas: Float[np.ndarray, " 10"]
    transl: Float[np.ndarray, "T 3"]
    scaling: float = 1.0
    gender: str = "neutral"
    campose_valid: Bool[np.ndarray, " T"] | None = None
    track: int = 0
    start: int = 0

    def __post_init__(self) -> None:
        valid = self.poses if self.campose_valid is None else self.campose_valid
        if not len(self.poses) == len(self.transl) == len(valid):
            raise ValueError(
                f"{self.name}, track {self.track}: {len(self.poses)} frames of poses, but {len(self.transl)} "
                f"of transl and {len(valid)} of campose_valid; give one row a frame"
            )

    def __len__(self) -> int:
        return len(self.poses)

    def at(self, sequence: PoseSequence) -> SmplTrack:
        """The rows of a sequence's frames.

        Raises:
            ValueError: where the sequence is of another track or has frames that this one has not.
        """
        first = sequence.start - self.start
        sequence_name = sequence.name.split("/", 1)[0]
        if (sequence_name, sequence.track) != (self.name, self.track) or not (
            0 <= first <= first + len(sequence) <= len(self)
        ):
            raise ValueError(
                f"{sequence.name}, track {sequence.track}, frames {sequence.start}.."
                f"{sequence.start + len(sequence) - 1} are not in {self.name}, track {self.track}, frames "
                f"{self.start}..{self.start + len(self) - 1}"
            )
        rows = slice(first, first + len(sequence))
        valid = None if self.campose_valid is None else self.campose_valid[rows]
        return replace(
            self,
            poses=self.poses[rows],
            transl=self.transl[rows],
            campose_valid=valid,
            start=sequence.start,
        )

    def poses_in_camera(self, rotation: Float[np.ndarray, "*T 3 3"]) -> Float[np.ndarray, "T 24 3"]:
        """Axis-angle poses with the root's rotation in the camera's frame; other joints' are as they were.

        `transl` has no counterpart without the body: SMPL turns about the pelvis of its rest pose, so the
        camera's translation depends on the shape.

        Args:
            rotation: world to camera, one (3, 3) or one a frame (T, 3, 3).
        """
        turned = Rotation.from_matrix(rotation) * Rotation.from_rotvec(self.poses[:, 0])
        poses = self.poses.copy()
        poses[:, 0] = turned.as_rotvec()
        return poses

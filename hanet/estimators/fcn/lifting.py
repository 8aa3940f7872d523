"""Lifting: the keypoints that FCN reads and the joints that it returns.

Axes: T frames, J joints, 2K keypoint coordinates, 3K' joint coordinates.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hanet.files.json_text import parse_json
from hanet.poses import skeletons
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17, Skeleton


@dataclass(frozen=True)
class Lifting:
    """The coordinates of one FCN, in their order.

    Attributes:
        skeleton: of keypoints and joints.
        keypoints: indices of the input keypoints.
        joints: indices of the output joints, relative to the skeleton's root. A root of one joint is the
            origin and is not learned; the joints of a mean root must be learned.

    Raises:
        ValueError: no joints, repeated or unknown joints, or a mean root without its joints.
    """

    skeleton: Skeleton
    keypoints: tuple[int, ...]
    joints: tuple[int, ...]

    def __post_init__(self) -> None:
        for name, chosen in (("keypoints", self.keypoints), ("joints", self.joints)):
            if (
                not chosen
                or len(set(chosen)) < len(chosen)
                or not set(chosen) <= set(range(len(self.skeleton)))
            ):
                raise ValueError(
                    f"FCN's {name} must be some of the {len(self.skeleton)} joints of {self.skeleton.name}, "
                    f"each once, got {chosen}"
                )
        root = self.skeleton.root
        if len(root) > 1 and (lacking := set(root) - set(self.joints)):
            raise ValueError(
                f"the root of {self.skeleton.name} is the mean of {self._names(root)}, so FCN has to learn "
                f"them; {self._names(sorted(lacking))} is not among its joints or never labelled"
            )

    @classmethod
    def of(cls, pairs: Sequence[tuple[PoseSequence, PoseSequence]]) -> Lifting:
        """Choose the coordinates that (keypoints, joints) pairs can train: all labelled in some frame, except
        a root of one joint.

        On Human3.6M-17 it is always `HUMAN36M`, the authors' choice.

        Raises:
            ValueError: there are no pairs, or the joints of a mean root are never labelled.
        """
        if not pairs:
            raise ValueError("FCN needs at least one pair of keypoints and joints to train on")
        skeleton = pairs[0][1].skeleton
        if skeleton == H36M17:
            return HUMAN36M
        keypoints = _ever_known(keypoints for keypoints, _ in pairs)
        joints = _ever_known(joints for _, joints in pairs)
        if len(skeleton.root) == 1:
            joints[list(skeleton.root)] = False
        return cls(
            skeleton, tuple(np.flatnonzero(keypoints).tolist()), tuple(np.flatnonzero(joints).tolist())
        )

    @property
    def given(self) -> Bool[np.ndarray, " J"]:
        """True for output joints and for a root of one joint, which is the origin."""
        given = np.zeros(len(self.skeleton), dtype=bool)
        given[[*self.joints, *self.skeleton.root]] = True
        return given

    def inputs(self, keypoints: PoseSequence) -> Float[Tensor, "T inputs"]:
        """The input keypoints in full-image pixels, flattened; NaN where missing.

        Raises:
            ValueError: the sequence is not 2D or on another skeleton.
        """
        if keypoints.representation != "2d" or keypoints.skeleton != self.skeleton:
            raise ValueError(
                f"{keypoints.name}: FCN takes 2D keypoints on {self.skeleton.name}, "
                f"got {keypoints.representation} on {keypoints.skeleton.name}"
            )
        return self._flat(keypoints.values, self.keypoints)

    def targets(self, joints: PoseSequence) -> Float[Tensor, "T outputs"]:
        """The root-relative target joints in metres, flattened; NaN where unknown or not labelled.

        Raises:
            ValueError: the sequence is not root-relative joints in the camera frame on this skeleton.
        """
        if joints.frame_of_reference != "camera_root_relative" or joints.skeleton != self.skeleton:
            raise ValueError(
                f"{joints.name}: FCN learns camera_root_relative joints on {self.skeleton.name}, "
                f"got {joints.frame_of_reference} {joints.representation} on {joints.skeleton.name}"
            )
        values = joints.values
        if joints.labelled is not None:
            values = np.where(joints.labelled[..., None], values, np.float32(np.nan))
        return self._flat(values, self.joints)

    def poses(self, outputs: Float[Tensor, "T outputs"], keypoints: PoseSequence) -> PoseSequence:
        """Convert the network's output for `keypoints` to root-relative joints; a joint's score is its
        keypoint's.

        Refiners require all joints, so joints that the network does not return are placed at the root, with
        score 0 and not labelled.
        """
        values = np.zeros((len(keypoints), len(self.skeleton), 3), dtype=np.float32)
        values[:, list(self.joints)] = outputs.reshape(len(keypoints), -1, 3).numpy()
        # The network returns a mean root near the origin, not at it.
        lifted = replace(
            keypoints, values=values, representation="3d", unit="m", frame_of_reference="camera_root_relative"
        ).root_relative()
        given = self.given
        if given.all():
            return lifted
        labelled = np.ones(values.shape[:2], dtype=bool) if lifted.labelled is None else lifted.labelled
        return replace(
            lifted,
            values=np.where(given[:, None], lifted.values, np.float32(0)),
            scores=None if lifted.scores is None else np.where(given, lifted.scores, np.float32(0)),
            labelled=labelled & given,
        )

    def to_json(self) -> str:
        """JSON with the names of its skeleton, keypoints and joints."""
        names = {
            field: [self.skeleton.joints[j] for j in chosen]
            for field, chosen in (("keypoints", self.keypoints), ("joints", self.joints))
        }
        return json.dumps({"skeleton": self.skeleton.name} | names)

    @classmethod
    def from_json(cls, text: str) -> Lifting:
        """Inverse of `to_json`.

        Raises:
            ValueError: other text, or an unknown skeleton or joint.
        """
        try:
            content = parse_json(text, dict, where="its lifting", remedy="train it again")
            skeleton = skeletons.get(content["skeleton"])
            keypoints, joints = (
                tuple(skeleton.index(name) for name in content[field]) for field in ("keypoints", "joints")
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"expected names of a skeleton, of its keypoints and of its joints, got {text!r}: {error}"
            ) from None
        return cls(skeleton, keypoints, joints)

    def _names(self, joints: Iterable[int]) -> str:
        return ", ".join(self.skeleton.joints[j] for j in joints)

    @staticmethod
    def _flat(values: Float[np.ndarray, "T J D"], chosen: tuple[int, ...]) -> Float[Tensor, "T C"]:
        return torch.from_numpy(values[:, list(chosen)].reshape(len(values), -1).astype(np.float32))


def _ever_known(sequences: Iterable[PoseSequence]) -> Bool[np.ndarray, " J"]:
    known = [
        np.isfinite(s.values).all(axis=2) & (True if s.labelled is None else s.labelled) for s in sequences
    ]
    return np.any([frames.any(axis=0) for frames in known], axis=0)


HUMAN36M = Lifting(
    H36M17,
    tuple(j for j in range(len(H36M17)) if H36M17.joints[j] != "nose"),
    tuple(j for j in range(len(H36M17)) if j not in H36M17.root),
)
"""The authors' 16 keypoints, all but the nose as for their 2D detector, and all joints but the root."""

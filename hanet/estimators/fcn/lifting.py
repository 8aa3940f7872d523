"""Lifting: which keypoints of a skeleton FCN reads and which of its joints it gives.

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

from hanet.poses import skeletons
from hanet.poses.sequence import PoseSequence
from hanet.poses.skeletons import H36M17, Skeleton


@dataclass(frozen=True)
class Lifting:
    """The coordinates of one FCN, in their order.

    Attributes:
        skeleton: of keypoints and joints.
        keypoints: the skeleton's joints whose keypoints go in.
        joints: those that come out, relative to the skeleton's root. A root of one joint is the origin and
            need not be learned; the joints of a root that is a mean have to be.

    Raises:
        ValueError: no joints, joints that repeat or that the skeleton lacks, or a mean root without its
            joints.
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
        """What (keypoints, joints) pairs can teach: all that is labelled in some frame, without a sole root.

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
        """True for joints that come out, and for a sole root, which is the origin."""
        given = np.zeros(len(self.skeleton), dtype=bool)
        given[[*self.joints, *self.skeleton.root]] = True
        return given

    def inputs(self, keypoints: PoseSequence) -> Float[Tensor, "T inputs"]:
        """Its keypoints in full-image pixels, flattened; NaN where there is none.

        Raises:
            ValueError: where the sequence is not 2D on its skeleton.
        """
        if keypoints.representation != "2d" or keypoints.skeleton != self.skeleton:
            raise ValueError(
                f"{keypoints.name}: FCN takes 2D keypoints on {self.skeleton.name}, "
                f"got {keypoints.representation} on {keypoints.skeleton.name}"
            )
        return self._flat(keypoints.values, self.keypoints)

    def targets(self, joints: PoseSequence) -> Float[Tensor, "T outputs"]:
        """Its root-relative joints in metres, flattened; NaN where they are unknown or not labelled.

        Raises:
            ValueError: where the sequence is not root-relative joints of the camera frame on its skeleton.
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
        """What came out for `keypoints`, as root-relative joints; a joint's score is its keypoint's.

        Refiners take no gaps, so joints that do not come out lie at the root, with score 0 and not labelled.
        """
        values = np.zeros((len(keypoints), len(self.skeleton), 3), dtype=np.float32)
        values[:, list(self.joints)] = outputs.reshape(len(keypoints), -1, 3).numpy()
        # A mean root comes out near the origin, not on it.
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
        """The names of its skeleton, keypoints and joints."""
        names = {
            field: [self.skeleton.joints[j] for j in chosen]
            for field, chosen in (("keypoints", self.keypoints), ("joints", self.joints))
        }
        return json.dumps({"skeleton": self.skeleton.name} | names)

    @classmethod
    def from_json(cls, text: str) -> Lifting:
        """What `to_json` wrote.

        Raises:
            ValueError: text of another kind, or a skeleton or joints that there are not.
        """
        try:
            content = json.loads(text)
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
"""The authors' 16 keypoints, without the nose as their 2D detector has them, and all joints but the root."""

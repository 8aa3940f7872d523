"""SMPL, the body model: rotations and shape to vertices and joints, through `smplx` and nowhere else.

smplx's licence allows non-commercial research only: it is the extra `smpl`, imported when a `Body` is made.

Loper et al., "SMPL: A Skinned Multi-Person Linear Model", SIGGRAPH Asia 2015. The body comes from the user's
licensed file (see `hanet.smpl.body_files`), or is the synthetic one of `hanet.smpl.synthetic_body`, which has
SMPL's format but none of its data.

Axes: B bodies, V vertices (SMPL: 6,890), F triangles. Lengths in metres; y points up and x to the body's left
in the rest pose. Each rotation is relative to the joint's parent; the root's orients the body in the poses'
frame of reference.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hanet.poses.skeletons import H36M17_LEFT_FIRST, LSP14, SMPL24, Skeleton, conversion
from hanet.smpl.body_files import SHAPES, SmplArrays, read_regressor, read_smpl

JointSet = Literal["smpl24", "lsp14", "wrapper14"]
"""``smpl24``: SMPL's own joints. ``lsp14``: the LSP joints as regressed from the vertices by the Human3.6M
regressor. ``wrapper14``: the same names, taken from the 49-joint order as HANet's released evaluation does.
"""

SMPL_VERTICES = 6890

_JOINTS_49 = (
    *(24, 12, 17, 19, 21, 16, 18, 20, 0, 2, 5, 8, 1, 4, 7),  # OpenPose's body
    *range(25, 35),  # OpenPose's face and feet
    *(8, 5, 45, 46, 4, 7, 21, 19, 17, 16, 18, 20, 47, 48),  # LSP
    *(49, 50, 51, 52, 53),  # pelvis and thorax of MPII; spine, jaw and head of Human3.6M
    *(24, 26, 25, 28, 27),  # nose, eyes, ears
)
"""The 49-joint order of SPIN and PARE: indices into 24 joints, 21 vertices that smplx picks, 9 regressed."""

_WRAPPER_14 = (11, 10, 9, 12, 13, 14, 4, 3, 2, 5, 6, 7, 1, 38)
"""Indices of LSP-14 among the 49."""

_H36M_SOURCE = (
    "J_regressor_h36m.npy is among the data files that the SPIN and VIBE projects tell to download; "
    "give its path"
)
_EXTRA_SOURCE = (
    "J_regressor_extra.npy is among the data files that the SPIN and VIBE projects tell to download; "
    "give its path"
)


class BodyOutput(NamedTuple):
    """Posed bodies, metres, in the frame of the root's rotation."""

    vertices: Float[Tensor, "B V 3"]
    joints: Float[Tensor, "B 24 3"]


class Body(nn.Module):
    """A body model, without parameters; device and precision are changed as for any module.

    Args:
        arrays: the body, e.g. from `hanet.smpl.body_files.read_smpl`.
        h36m_regressor: 17 Human3.6M joints, left leg first, from the vertices; needed for ``lsp14``.
        extra_regressor: the 9 joints that SPIN regresses; needed for the 49-joint order.
    """

    smpl: Any  # smplx gives its tensors a type of its own
    joint_template: Tensor
    joint_shapedirs: Tensor
    h36m_regressor: Tensor | None
    extra_regressor: Tensor | None

    def __init__(
        self,
        arrays: SmplArrays,
        *,
        h36m_regressor: Float[np.ndarray, "17 V"] | None = None,
        extra_regressor: Float[np.ndarray, "9 V"] | None = None,
    ) -> None:
        super().__init__()
        import smplx
        from smplx.utils import Struct
        from smplx.vertex_ids import vertex_ids

        V = len(arrays.v_template)
        kintree = np.array([SMPL24.parents, range(len(SMPL24))])
        # The picked vertices are specific to SMPL's mesh; they are meaningless on others.
        picks = vertex_ids["smplh"] if V == SMPL_VERTICES else dict.fromkeys(vertex_ids["smplh"], 0)
        with contextlib.redirect_stdout(io.StringIO()):  # smplx prints a warning that 10 shapes are few
            self.smpl = smplx.SMPL(
                "",
                data_struct=Struct(**arrays._asdict(), kintree_table=kintree),
                num_betas=SHAPES,
                vertex_ids=picks,
                create_betas=False,
                create_global_orient=False,
                create_body_pose=False,
                create_transl=False,
            )
        regressor = torch.from_numpy(arrays.J_regressor)
        rest = {"v": torch.from_numpy(arrays.v_template), "s": torch.from_numpy(arrays.shapedirs)}
        self.register_buffer("joint_template", (regressor @ rest["v"]).float())
        self.register_buffer("joint_shapedirs", torch.einsum("jv,vds->jds", regressor, rest["s"]).float())
        self.register_buffer("h36m_regressor", _buffer(h36m_regressor))
        self.register_buffer("extra_regressor", _buffer(extra_regressor))

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        h36m_regressor: str | Path | None = None,
        extra_regressor: str | Path | None = None,
    ) -> Body:
        """Load a body from the user's files: SMPL's own (`.pkl` or `.npz`) and, optionally, joint regressors.

        Raises:
            SmplFileError: a missing or wrong file, with where to get it.
            UnsafeArrayError: a file that contains code; none of it was run.
        """
        arrays = read_smpl(path)
        V = len(arrays.v_template)
        return cls(
            arrays,
            h36m_regressor=None
            if h36m_regressor is None
            else read_regressor(h36m_regressor, joints=17, vertices=V, source=_H36M_SOURCE),
            extra_regressor=None
            if extra_regressor is None
            else read_regressor(extra_regressor, joints=9, vertices=V, source=_EXTRA_SOURCE),
        )

    @property
    def device(self) -> torch.device:
        """The body's device, on which inputs must be."""
        return self.joint_template.device

    @property
    def num_vertices(self) -> int:
        """V."""
        return self.smpl.get_num_verts()

    @property
    def faces(self) -> Int[np.ndarray, "F 3"]:
        """Triangles as vertex numbers."""
        return self.smpl.faces_tensor.cpu().numpy()

    @property
    def rest_joints(self) -> Float[np.ndarray, "24 3"]:
        """Joints of the mean shape in the rest pose."""
        return self.joint_template.double().cpu().numpy()

    def forward(
        self,
        rotations: Float[Tensor, "B 24 3 3"],
        betas: Float[Tensor, "B 10"] | None = None,
        transl: Float[Tensor, "B 3"] | None = None,
    ) -> BodyOutput:
        """Vertices and joints.

        Args:
            rotations: of each joint relative to its parent (`hanet.poses.rotations` makes them).
            betas: shape; None: the mean shape.
            transl: added to all points; None: no translation. The root rotates about the pelvis of the rest
                pose, which is not the origin.
        """
        output = self.smpl(
            betas=self._betas(rotations, betas),
            global_orient=rotations[:, :1],
            body_pose=rotations[:, 1:],
            transl=transl,
            pose2rot=False,
        )
        return BodyOutput(output.vertices, output.joints[:, : len(SMPL24)])

    def joints(
        self,
        rotations: Float[Tensor, "B 24 3 3"],
        betas: Float[Tensor, "B 10"] | None = None,
        transl: Float[Tensor, "B 3"] | None = None,
    ) -> Float[Tensor, "B 24 3"]:
        """The joints of `forward` without the vertices, at a small fraction of the cost."""
        from smplx.lbs import batch_rigid_transform

        rigid: Any = batch_rigid_transform  # its annotations name smplx's own Tensor type
        betas = self._betas(rotations, betas)
        rest = self.joint_template + torch.einsum("bs,jds->bjd", betas, self.joint_shapedirs)
        posed, _ = rigid(rotations, rest, self.smpl.parents, dtype=rotations.dtype)
        return posed if transl is None else posed + transl[:, None]

    def joint_set(self, output: BodyOutput, name: JointSet) -> Float[Tensor, "B J 3"]:
        """The named joints of posed bodies; `joint_set_skeleton` gives their names.

        Raises:
            ValueError: an unknown name, or a missing regressor.
        """
        if name == "smpl24":
            return output.joints
        if name == "lsp14":
            index, _ = conversion(H36M17_LEFT_FIRST, LSP14)
            return self.h36m17(output)[:, torch.from_numpy(index)]
        if name == "wrapper14":
            return self.joints49(output)[:, list(_WRAPPER_14)]
        raise ValueError(f"joints must be one of {', '.join(get_args(JointSet))}, got {name!r}")

    def h36m17(self, output: BodyOutput) -> Float[Tensor, "B 17 3"]:
        """Human3.6M's 17 joints, left leg first, regressed from the vertices.

        Raises:
            ValueError: the regressor is missing.
        """
        if self.h36m_regressor is None:
            raise ValueError(f"this body has no Human3.6M regressor; {_H36M_SOURCE} as h36m_regressor")
        return self.h36m_regressor @ output.vertices

    def joints49(self, output: BodyOutput) -> Float[Tensor, "B 49 3"]:
        """The 49 joints of SPIN and PARE.

        Raises:
            ValueError: the regressor is missing, or the mesh is not SMPL's.
        """
        V = output.vertices.shape[1]
        if V != SMPL_VERTICES:
            raise ValueError(
                f"the 49 joints are picked on SMPL's {SMPL_VERTICES} vertices, this body has {V}"
            )
        if self.extra_regressor is None:
            raise ValueError(
                f"this body has no regressor of 9 extra joints; {_EXTRA_SOURCE} as extra_regressor"
            )
        picked = self.smpl.vertex_joint_selector(output.vertices, output.joints)
        points = torch.cat([picked, self.extra_regressor @ output.vertices], dim=1)
        return points[:, list(_JOINTS_49)]

    def _betas(self, rotations: Tensor, betas: Tensor | None) -> Float[Tensor, "B 10"]:
        return rotations.new_zeros(len(rotations), SHAPES) if betas is None else betas


def joint_set_skeleton(name: JointSet) -> Skeleton:
    """The names of a set of joints, and its root joints."""
    return SMPL24 if name == "smpl24" else LSP14


def _buffer(array: np.ndarray | None) -> Tensor | None:
    return None if array is None else torch.from_numpy(array).float()

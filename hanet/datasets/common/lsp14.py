"""Conversion of a 3D data set's joints to the 14 LSP joints, and a mask of those that the data set has."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from hanet.poses.skeletons import LSP14, Skeleton, conversion

STAND_INS: dict[str, dict[str, tuple[str, ...]]] = {
    "smpl24": {"thorax": ("neck",), "head_top": ("head",)},
    "coco17": {"thorax": ("l_shoulder", "r_shoulder")},
}
"""By source skeleton: the LSP joints that it lacks, and the joints whose mean replaces each."""


def to_lsp14(
    values: Float[np.ndarray, "T J D"], source: Skeleton
) -> tuple[Float[np.ndarray, "T 14 D"], Bool[np.ndarray, " 14"]]:
    """The 14 LSP joints by name, and a mask of those that the source has under their own name.

    Ankles, knees, hips, wrists, elbows and shoulders are copied. Missing joints are replaced by `STAND_INS`,
    which are some centimetres off and therefore False in the mask: SMPL's joints neck and head are inside the
    neck and the skull, the middle of COCO's shoulders is below the neck. COCO has no top of the head; it
    stays NaN.

    Joints of one name are not the same points: the hips of SMPL's skeleton, of COCO's annotators and of LSP
    differ. The 14 joints of published 3DPW and AIST++ results are regressed from the vertices of the SMPL
    body (``J_regressor_h36m``), which needs the body model.

    Raises:
        ValueError: no stand-ins are known for the source.
    """
    if source.name not in STAND_INS:
        raise ValueError(
            f"expected joints of {', '.join(STAND_INS)} to make LSP-14 from, got {source.name}; "
            "use hanet.poses.skeletons.conversion"
        )
    index, mask = conversion(source, LSP14)
    converted = np.where(mask[:, None], values[:, index], np.nan)
    for joint, parts in STAND_INS[source.name].items():
        converted[:, LSP14.index(joint)] = values[:, [source.index(p) for p in parts]].mean(axis=1)
    return converted.astype(values.dtype), mask

"""14 LSP joints by name; what stands in for the others is not passed off as them."""

from __future__ import annotations

import numpy as np
import pytest

from hanet.datasets.common.lsp14 import to_lsp14
from hanet.poses.skeletons import COCO17, H36M17, LSP14, SMPL24


def marked(joints: int) -> np.ndarray:
    """Joint j lies at (j, 10j, 100j)."""
    return np.arange(joints)[None, :, None] * np.array([1.0, 10, 100])


def test_smpl_by_hand():
    values, named = to_lsp14(marked(24), SMPL24)
    # Left and right: ankles 7, 8; knees 4, 5; hips 1, 2; wrists 20, 21; elbows 18, 19; shoulders 16, 17.
    order = [8, 5, 2, 1, 4, 7, 21, 19, 17, 16, 18, 20, 12, 15]
    np.testing.assert_array_equal(values[0, :, 0], order)
    np.testing.assert_array_equal(values[0, :, 2], np.array(order) * 100)
    assert named.tolist() == [True] * 12 + [False, False]


def test_coco_by_hand():
    values, named = to_lsp14(marked(17)[..., :2].astype(np.float32), COCO17)
    # COCO: shoulders 5/6, elbows 7/8, wrists 9/10, hips 11/12, knees 13/14, ankles 15/16 (left/right)
    np.testing.assert_array_equal(values[0, :13, 0], [16, 14, 12, 11, 13, 15, 10, 8, 6, 5, 7, 9, 5.5])
    assert np.isnan(values[0, LSP14.index("head_top")]).all()
    assert named.tolist() == [True] * 12 + [False, False]
    assert values.dtype == np.float32


def test_another_skeleton():
    with pytest.raises(ValueError, match="expected joints of smpl24, coco17 to make LSP-14 from, got h36m17"):
        to_lsp14(marked(17), H36M17)

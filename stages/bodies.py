"""The body model of an SMPL experiment, on the stage's device."""

from __future__ import annotations

from hanet.models.device import device
from hanet.smpl.body import Body, JointSet
from hanet.smpl.noted_body import noted_body
from stages import workspace


def body_of(experiment: str) -> tuple[Body, JointSet] | None:
    """The experiment's body and the joints that are scored; None where its poses are not SMPL.

    Raises:
        SmplFileError: a missing file.
        ValueError: a file other than the one the poses were made with.
    """
    found = noted_body(workspace.PAIRS / experiment)
    return None if found is None else (found[0].to(device()), found[1])

"""The body of an SMPL experiment, on the device that the stage runs on."""

from __future__ import annotations

from hanet.models.device import device
from hanet.smpl.body import Body, JointSet
from hanet.smpl.noted_body import noted_body
from stages import workspace


def body_of(experiment: str) -> tuple[Body, JointSet] | None:
    """The experiment's body and the joints that are scored; None where its poses are not SMPL.

    Raises:
        SmplFileError: a file that is missing.
        ValueError: a file other than the one the poses were made with.
    """
    found = noted_body(workspace.PAIRS / experiment)
    return None if found is None else (found[0].to(device()), found[1])

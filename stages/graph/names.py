"""Parse a stage program's arguments.

DVC inserts names of params.yaml into commands before anything has checked them, so commands in dvc.yaml
contain none. DVC sets the stage's name in the command's environment, e.g. ``train@clips-fcn-hanet-4321``, and
the command passes it as one quoted argument. A user gives the names separately: ``python -m stages.train
clips-fcn hanet 4321``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stages.params.load import Run


def instance_of(arguments: Sequence[str]) -> list[str]:
    """The separate names, or the part of a DVC stage's name after ``@`` as one name.

    DVC's name begins with the path of dvc.yaml if DVC was started in another folder.
    """
    match arguments:
        case [name] if "@" in name:
            return [name.partition("@")[2]]
    return list(arguments)


def training_of(arguments: Sequence[str], run: Run) -> list[str]:
    """Experiment, model and seed, given separately or joined by DVC.

    Raises:
        ValueError: DVC's name matches none, or more than one, of the trainings that are run.
    """
    match instance_of(arguments):
        case [joined] if arguments != [joined]:
            found = [
                [experiment, model, str(seed)]
                for experiment, model, seed in product(
                    run.experiments, (*run.models, *run.ablations), run.seeds
                )
                if f"{experiment}-{model}-{seed}" == joined
            ]
            if len(found) != 1:
                raise ValueError(
                    f"expected the name of one training under run in params.yaml, got {joined}, which is the "
                    f"name of {len(found)}"
                )
            return found[0]
        case names:
            return names

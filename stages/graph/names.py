"""What a stage's program is about, from its arguments.

DVC would fill names of params.yaml into a command before anything has checked them, so no command in dvc.yaml
holds one. DVC tells a command its stage's name in the environment, as ``train@clips-fcn-hanet-4321``, and the
command passes that on as one quoted argument. By hand, names are given apart:
``python -m stages.train clips-fcn hanet 4321``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stages.params.load import Run


def instance_of(arguments: Sequence[str]) -> list[str]:
    """The names given apart, or what a stage's name in DVC has behind its ``@``, as one.

    A name in DVC begins with the path of dvc.yaml where DVC was started in another folder.
    """
    match arguments:
        case [name] if "@" in name:
            return [name.partition("@")[2]]
    return list(arguments)


def training_of(arguments: Sequence[str], run: Run) -> list[str]:
    """Experiment, model and seed, given apart or as DVC joins them.

    Raises:
        ValueError: a name in DVC of none, or of more than one, of the trainings that are run.
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

"""The section of params.yaml that says on what trainings run: no science, so no stage depends on it."""

from __future__ import annotations

import os
from typing import Annotated

from pydantic import Field, model_validator

from hanet.options import Section

NODE = "HANET_NODE_RANK"
"""The environment's name for the number of this machine among several, from 0."""


class Execution(Section):
    """How a training is spread out; its weights are the same, but for rounding and dropout's draws.

    Attributes:
        devices: processes on each machine, a GPU for each; without GPUs they share the CPU.
        nodes: machines.
        rendezvous: ``host:port`` of machine 0, which the others must reach; with several machines.
        accumulate: parts that a process's share of a batch goes through the network in, to save memory.
    """

    devices: int = Field(default=1, ge=1)
    nodes: int = Field(default=1, ge=1)
    rendezvous: Annotated[str, Field(pattern=r"^\S+:\d+$")] | None = None
    accumulate: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _meeting(self) -> Execution:
        if self.nodes > 1 and self.rendezvous is None:
            raise ValueError("several nodes need a rendezvous, host:port of the first one")
        return self

    @property
    def processes(self) -> int:
        """Of all machines."""
        return self.devices * self.nodes

    @property
    def node(self) -> int:
        """The number of this machine; a ValueError where there are several and the environment says none."""
        if self.nodes == 1:
            return 0
        number = os.environ.get(NODE, "")
        if not number.isdecimal() or int(number) >= self.nodes:
            raise ValueError(
                f"train.nodes is {self.nodes}: set {NODE} to this machine's number, 0 to {self.nodes - 1} "
                f"(0 is where train.rendezvous points), got {number!r}"
            )
        return int(number)

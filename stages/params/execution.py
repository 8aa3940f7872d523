"""The section `train` of params.yaml: the devices and machines of a training. It does not change results."""

from __future__ import annotations

import os
import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from hanet.options import Section

NODE = "HANET_NODE_RANK"
"""Environment variable: the number of this machine among several, from 0."""


def _address(value: str) -> str:
    if not re.fullmatch(r"\S+:\d+", value):
        raise ValueError(f"expected host:port, such as first.example:29500, got {value!r}")
    return value


class Execution(Section):
    """How a training is spread out; its weights are the same, except for rounding and dropout's draws.

    Attributes:
        devices: processes per machine, one per GPU; without GPUs they share the CPU.
        nodes: machines.
        rendezvous: ``host:port`` of machine 0, which the others must reach; required for several machines.
        accumulate: parts in which a process computes its share of a batch, to save memory.
    """

    devices: int = Field(default=1, ge=1)
    nodes: int = Field(default=1, ge=1)
    rendezvous: Annotated[str, AfterValidator(_address)] | None = None
    accumulate: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _meeting(self) -> Execution:
        if self.nodes > 1 and self.rendezvous is None:
            raise ValueError(
                f"nodes is {self.nodes}, so rendezvous is required: host:port of the first machine"
            )
        return self

    @property
    def processes(self) -> int:
        """Processes of all machines."""
        return self.devices * self.nodes

    @property
    def node(self) -> int:
        """The number of this machine.

        Raises:
            ValueError: with several machines, where the environment does not give the number.
        """
        if self.nodes == 1:
            return 0
        number = os.environ.get(NODE, "")
        if not number.isdecimal() or int(number) >= self.nodes:
            raise ValueError(
                f"train.nodes is {self.nodes}: set {NODE} to this machine's number, 0 to {self.nodes - 1} "
                f"(0 is the machine of train.rendezvous), got {number!r}"
            )
        return int(number)

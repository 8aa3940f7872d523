"""One training in several processes, each with a GPU of its own, on one machine or several.

Every batch is that of a single process. Each process runs its share of the windows through the network, all
gather the outputs, and each computes the loss of the whole batch: its means over labelled values, the
channels that it ranks, whatever else a loss compares, are those of the batch however it is divided. The
gradient of that loss by a process's own outputs goes back through the network, and PyTorch's
DistributedDataParallel adds up what the processes find. So a step is that of one process, to rounding;
dropout alone is drawn by each process for its share.

The same holds for a batch that a process runs in several parts, for want of memory.

Axes: B windows, T frames of a window, C channels.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import parse_args, run
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

from hanet.models.registry import Model, Network

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """The processes of a training, as one of them sees them; by default it is alone.

    Attributes:
        rank: this one's number, from 0.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """True in the one that validates, saves and reports."""
        return self.rank == 0

    def share(self, batch: Shaped[Tensor, "B ..."]) -> Shaped[Tensor, "B1 ..."]:
        """This process's windows of a batch, as many as any other's: what lacks repeats the last window."""
        if self.size == 1:
            return batch
        each = math.ceil(len(batch) / self.size)
        own = torch.arange(self.rank * each, (self.rank + 1) * each)
        return batch[own.clamp(max=len(batch) - 1)]

    def whole(self, output: Any, windows: int) -> Any:
        """A network's output for a batch of so many windows, from the outputs for the processes' shares.

        Gradients flow into this process's own share; repeated windows are dropped, so they have none.
        """
        if self.size == 1:
            return output

        def gather(own: Tensor) -> Tensor:
            shares = [own.new_empty(own.shape) for _ in range(self.size)]
            dist.all_gather(shares, own.detach().contiguous())
            shares[self.rank] = own
            return torch.cat(shares)[:windows]

        return _each(gather, output)

    def from_first(self, function: Callable[[], T]) -> T:
        """What the function returns in the first process, which alone calls it; tensors on the CPU."""
        if self.size == 1:
            return function()
        box = [function() if self.first else None]
        dist.broadcast_object_list(box)
        return box[0]  # pyright: ignore[reportReturnType] (the first process's)

    def parallel(self, module: nn.Module) -> nn.Module:
        """The module, whose gradients become the mean of all processes' in the backward pass."""
        return module if self.size == 1 else DistributedDataParallel(module)


class InParts(nn.Module):
    """A network's output for a batch, computed in parts one after another: gradient accumulation.

    Of a part only its output is kept; the backward pass computes it again, with the same dropout, and adds
    its gradient to that of the others. So memory is for one part, and the loss still sees the whole batch.
    The price is a second forward pass; with one part there is none.
    """

    def __init__(self, network: Network, model: Model, parts: int) -> None:
        super().__init__()
        self.network, self.model, self.parts = network, model, parts

    def forward(self, detected: Float[Tensor, "B T C"]) -> Any:
        """What `Network.output` returns."""
        if self.parts == 1:
            return self.network.output(self.model, detected)
        outputs = [
            checkpoint(self.network.output, self.model, part, use_reentrant=False)
            for part in detected.chunk(self.parts)
        ]
        return _each(lambda *parts: torch.cat(parts), *outputs)


def _each(function: Callable[..., Tensor], *outputs: Any) -> Any:
    """A function of a network's output tensors: of the one, or of each in the named tuple."""
    if isinstance(outputs[0], Tensor):
        return function(*outputs)
    return type(outputs[0])(*map(function, *outputs))


def rank() -> int | None:
    """This process's number among those that torchrun, or `launch`, started; None where it is alone."""
    return int(os.environ["RANK"]) if "TORCHELASTIC_RUN_ID" in os.environ else None


@contextmanager
def joined() -> Iterator[Processes]:
    """The processes that were launched with this one, for as long as the block runs; else this one alone.

    Each takes the GPU of its number on its machine. Where there is none they compute on the CPU.
    """
    if rank() is None:
        yield Processes()
        return
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if on_gpu else "gloo")
    yield Processes(dist.get_rank(), dist.get_world_size())
    # Not after an error: that would wait for the others, which wait for this one.
    dist.destroy_process_group()


def launch(
    module: str,
    arguments: Sequence[str],
    *,
    devices: int,
    nodes: int = 1,
    node: int = 0,
    rendezvous: str | None = None,
) -> None:
    """Run ``python -m module arguments`` in several processes as ``torchrun`` does; return when all are done.

    Args:
        module: what each process runs; it takes part by `joined`.
        arguments: its arguments.
        devices: processes on this machine.
        nodes: machines; on each this is called, with the same number of devices.
        node: number of this one, from 0.
        rendezvous: ``host:port`` of machine 0, where all meet; with several machines.

    Raises:
        ValueError: fewer GPUs than devices.
        ChildProcessError: a process failed. The others of this machine were ended; those of other machines
            fail when they miss it.
    """
    if 0 < (gpus := torch.cuda.device_count()) < devices:
        raise ValueError(f"{devices} devices were asked for, this machine has {gpus} GPUs")
    options = ["--nproc-per-node", str(devices), "--nnodes", str(nodes)]
    if nodes == 1:
        options += ["--standalone"]
    else:
        host, port = (rendezvous or "").rsplit(":", 1)
        options += ["--node-rank", str(node), "--master-addr", host, "--master-port", port]
    # Processes share the cores, unless the user has said how many threads each takes.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, torch.get_num_threads() // devices)))
    try:
        run(parse_args([*options, "--module", module, *arguments]))
    except ChildFailedError as error:
        number, failure = error.get_first_failure()
        raise ChildProcessError(
            f"process {number} of {devices * nodes} ended with exit code {failure.exitcode}; "
            "what it said stands above"
        ) from None
    except SignalException as signal:
        raise SystemExit(128 + signal.sigval) from None

"""Data-parallel training in several processes, one per GPU, on one or several machines.

Batches are the same as in a single process. Each process runs its shard of the windows through the network,
all processes gather the outputs, and each computes the loss of the full batch, so its means over labelled
values and its ranking of channels do not depend on the number of processes. The gradient with respect to a
process's own outputs is backpropagated through the network, and PyTorch's DistributedDataParallel averages
the processes' gradients. A step therefore equals that of one process, up to rounding; only dropout is drawn
per process.

The same holds for a batch that a process computes in several parts to save memory.

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
class ProcessGroup:
    """The process group of a training, as seen by one process; by default there is only one.

    Attributes:
        rank: this process's number, from 0.
        size: number of processes.
    """

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """True in the process that validates, saves and reports."""
        return self.rank == 0

    def shard(self, batch: Shaped[Tensor, "B ..."]) -> Shaped[Tensor, "B1 ..."]:
        """This process's windows of a batch: equal shards, the short ones padded with the last window."""
        if self.size == 1:
            return batch
        each = math.ceil(len(batch) / self.size)
        own = torch.arange(self.rank * each, (self.rank + 1) * each)
        return batch[own.clamp(max=len(batch) - 1)]

    def gather(self, output: Any, windows: int) -> Any:
        """Gather a network's output for a batch of `windows` windows from all processes' shards.

        Gradients flow into this process's own shard; padding is dropped, so it has none.
        """
        if self.size == 1:
            return output

        def gathered(own: Tensor) -> Tensor:
            shards = [own.new_empty(own.shape) for _ in range(self.size)]
            dist.all_gather(shards, own.detach().contiguous())
            shards[self.rank] = own
            return torch.cat(shards)[:windows]

        return _map_tensors(gathered, output)

    def on_rank0(self, function: Callable[[], T]) -> T:
        """Call the function on rank 0 only and broadcast its result; tensors are on the CPU."""
        if self.size == 1:
            return function()
        box = [function() if self.first else None]
        dist.broadcast_object_list(box)
        return box[0]  # pyright: ignore[reportReturnType] (the first process's)

    def parallel(self, module: nn.Module) -> nn.Module:
        """Wrap the module so that gradients are averaged over all processes in the backward pass."""
        return module if self.size == 1 else DistributedDataParallel(module)


class InParts(nn.Module):
    """A network's output for a batch, computed in parts one after another: gradient accumulation.

    Only a part's output is kept; the backward pass recomputes the part, with the same dropout, and
    accumulates its gradient. Memory is that of one part, and the loss is that of the full batch. The cost is
    a second forward pass, except with a single part.
    """

    def __init__(self, network: Network, model: Model, parts: int) -> None:
        super().__init__()
        self.network, self.model, self.parts = network, model, parts

    def forward(self, detected: Float[Tensor, "B T C"]) -> Any:
        if self.parts == 1:
            return self.network.output(self.model, detected)
        outputs = [
            checkpoint(self.network.output, self.model, part, use_reentrant=False)
            for part in detected.chunk(self.parts)
        ]
        return _map_tensors(lambda *parts: torch.cat(parts), *outputs)


def _map_tensors(function: Callable[..., Tensor], *outputs: Any) -> Any:
    """Apply a function to a network's output tensors: to the one, or to each in the named tuple."""
    if isinstance(outputs[0], Tensor):
        return function(*outputs)
    return type(outputs[0])(*map(function, *outputs))


def rank() -> int | None:
    """This process's rank as set by torchrun or `launch`; None for a single process."""
    return int(os.environ["RANK"]) if "TORCHELASTIC_RUN_ID" in os.environ else None


@contextmanager
def process_group() -> Iterator[ProcessGroup]:
    """Context manager that joins the process group of processes launched together; else a group of one.

    Each process uses the GPU of its local rank, or the CPU on a machine without GPUs.
    """
    if rank() is None:
        yield ProcessGroup()
        return
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if on_gpu else "gloo")
    yield ProcessGroup(dist.get_rank(), dist.get_world_size())
    # Not after an error: the other processes would wait for this one forever.
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
    """Run ``python -m module arguments`` in several processes, like ``torchrun``; return when all are done.

    Args:
        module: the module each process runs; it joins by `process_group`.
        arguments: its arguments.
        devices: processes on this machine.
        nodes: number of machines; call this on each, with the same number of devices.
        node: this machine's number, from 0.
        rendezvous: ``host:port`` of machine 0; needed with several machines.

    Raises:
        ValueError: fewer GPUs than devices.
        ChildProcessError: a process failed. Its machine's other processes were terminated; other machines'
            fail by timeout.
    """
    if 0 < (gpus := torch.cuda.device_count()) < devices:
        raise ValueError(f"{devices} devices were asked for, this machine has {gpus} GPUs")
    options = ["--nproc-per-node", str(devices), "--nnodes", str(nodes)]
    if nodes == 1:
        options += ["--standalone"]
    else:
        host, port = (rendezvous or "").rsplit(":", 1)
        options += ["--node-rank", str(node), "--master-addr", host, "--master-port", port]
    # Divide the cores among processes, unless the user has set the number of threads.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, torch.get_num_threads() // devices)))
    try:
        run(parse_args([*options, "--module", module, *arguments]))
    except ChildFailedError as error:
        number, failure = error.get_first_failure()
        raise ChildProcessError(
            f"process {number} of {devices * nodes} ended with exit code {failure.exitcode}; "
            "see its output above"
        ) from None
    except SignalException as signal:
        raise SystemExit(128 + signal.sigval) from None

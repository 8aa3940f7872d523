"""Training a refinement network: AdamW, warm-up and cosine, validation on held-out sequences, exact resume.

The state after every epoch is written atomically to one file, and all randomness of an epoch derives from
(seed, epoch). So a run that is killed at any time and restarted ends with the same weights as an
uninterrupted run on the same machine.

Axes: N rows (frames of all tracks), B windows, T frames of a window, C channels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from hanet.files.hashing import json_hash
from hanet.models.hanet import HANet
from hanet.models.losses import joint_loss
from hanet.models.registry import Config, Model, network_of
from hanet.models.tcn import TCN
from hanet.poses.windows import over_windows
from hanet.training.augmentation import augment
from hanet.training.distributed import InParts, ProcessGroup
from hanet.training.frame_map import fit_frame_path
from hanet.training.options import TrainingOptions
from hanet.training.pairs import PoseRows
from hanet.training.schedule import learning_rate
from hanet.training.state import load_state, pack, save_state, unpack
from hanet.training.threads import may_choose, threads_of, threads_that_pay

STATE_FILE = "training.safetensors"


class DivergenceError(ValueError):
    """The validation error is NaN or infinite; the message names the settings to change."""


@dataclass
class Progress:
    """Progress of a training: epochs done, one row of numbers per epoch, the best validation error, and the
    threads that it measured at its start, so that a resumed one rounds alike (None: those of the process).
    """

    epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_error: float = math.inf
    threads: int | None = None


def fingerprint(config: Config, options: TrainingOptions, train: PoseRows, validation: PoseRows) -> str:
    """Hash of model, options and data that identifies a training state; a change to any restarts training."""
    content = {
        "network": network_of(config).name,
        "config": config.to_dict(),
        "options": asdict(options),
        "train": train.content_hash(),
        "validation": validation.content_hash(),
    }
    return json_hash(content)


class Trainer:
    """One training: weights, optimizer, schedule and progress, resumed from `folder` if it fits.

    Args:
        config: the model, of any of `hanet.models.registry`.
        options: the training.
        train: training rows.
        validation: rows of other sequences, which select the epoch to keep.
        folder: where the state is kept after every epoch.
        device: where to compute.
        processes: the process group, see `hanet.training.distributed`; all processes get the same arguments.
        accumulate: number of parts in which a process's shard is computed, see `InParts`.

    Raises:
        ValueError: channels, skeletons or options do not match, or differ between processes.
    """

    def __init__(
        self,
        config: Config,
        options: TrainingOptions,
        train: PoseRows,
        validation: PoseRows,
        *,
        folder: Path,
        device: torch.device | None = None,
        processes: ProcessGroup = ProcessGroup(),  # noqa: B008 (frozen)
        accumulate: int = 1,
    ) -> None:
        _check(config, options, train, validation)
        self.config, self.options, self.folder = config, options, folder
        self.network = network_of(config)
        self.device, self.processes = device or torch.device("cpu"), processes
        self.fingerprint = fingerprint(config, options, train, validation)
        if processes.on_rank0(lambda: self.fingerprint) != self.fingerprint:
            raise ValueError(
                f"process {processes.rank} has other settings or data than process 0; "
                "every machine needs the same params.yaml and data/pairs"
            )
        self.train_rows, self.validation_rows = train.to(self.device), validation.to(self.device)
        self.windows = train.windows(window=config.window, stride=options.stride, tail=False)
        torch.manual_seed(options.seed)
        self.model = self.network.build(config).to(self.device)
        if isinstance(self.model, HANet | TCN) and self.model.frame_path is not None:
            fit_frame_path(self.model.frame_path, self.train_rows, self.validation_rows, options)
        # For inference: the average of the weights if enabled, else the weights.
        self.averaged = deepcopy(self.model).eval() if options.average else self.model
        self.best = deepcopy(self.model).eval()
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=options.learning_rate,
            weight_decay=options.weight_decay,
            amsgrad=True,
            fused=True,
        )
        self.progress = Progress()
        self.resumed = self._load()
        self.forward = processes.parallel(InParts(self.network, self.model, accumulate))

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps per epoch; the last batch may be smaller."""
        return math.ceil(len(self.windows) / self.options.batch)

    def run(self, on_epoch: Callable[[dict[str, float]], None] = lambda row: None) -> Model:
        """Train to the last epoch and return the model with the best validation error.

        On a CPU, unless `OMP_NUM_THREADS` is set, it first measures how many threads pay.

        Raises:
            DivergenceError: the training diverged; the state of the last good epoch is kept.
        """
        if self.progress.epoch == 0 and self.device.type == "cpu" and self.processes.size == 1:
            self.progress.threads = self.threads_that_pay() if may_choose() else None
        with threads_of(self.progress.threads):
            return self._run(on_epoch)

    def threads_that_pay(self) -> int:
        """How many of the process's threads make a step faster, measured on one batch.

        Its gradients are cleared by the first step, and its random numbers by the first epoch's seed.
        """
        detected, gt = next(self._batches(torch.Generator().manual_seed(self.options.seed)))
        self.model.train()
        return threads_that_pay(
            lambda: self._losses(detected, gt)["loss"].backward(), torch.get_num_threads()
        )

    def _run(self, on_epoch: Callable[[dict[str, float]], None]) -> Model:
        while self.progress.epoch < self.options.epochs:
            row = self._epoch(self.progress.epoch)
            error = self.processes.on_rank0(self.validate)
            row |= {"epoch": self.progress.epoch + 1, "validation_error": error}
            if not math.isfinite(error):
                raise DivergenceError(
                    f"epoch {self.progress.epoch + 1}: validation error is {error}; the training diverged, "
                    f"lower learning_rate ({self.options.learning_rate}) or set clip_norm"
                )
            self.progress.history.append(row)
            self.progress.epoch += 1
            if error < self.progress.best_error:
                self.progress.best_error, self.progress.best_epoch = error, self.progress.epoch
                self.best.load_state_dict(self.averaged.state_dict())
            self._save()
            on_epoch(row)
        return self.best

    def _epoch(self, epoch: int) -> dict[str, float]:
        """Train for one epoch; returns mean losses."""
        # Dropout draws from the global generator, everything else from our own; both are reseeded every
        # epoch. Only dropout differs between processes.
        seed = self.options.seed + 1_000_003 * (epoch + 1)
        torch.manual_seed(seed + 10_007 * self.processes.rank)
        generator = torch.Generator().manual_seed(seed)
        self.model.train()
        totals: dict[str, float] = {}
        for step, (detected, gt) in enumerate(self._batches(generator)):
            self._set_learning_rate(epoch * self.steps_per_epoch + step)
            parts = self._losses(detected, gt)
            self.optimizer.zero_grad(set_to_none=True)
            (parts["loss"] * self.processes.size).backward()  # gradients are averaged over the processes
            if self.options.clip_norm is not None:
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.options.clip_norm)
            self.optimizer.step()
            self._average()
            for name, value in parts.items():
                totals[name] = totals.get(name, 0.0) + value.item() * len(detected)
        rate = self.optimizer.param_groups[0]["lr"]
        return {k: v / len(self.windows) for k, v in totals.items()} | {"learning_rate": rate}

    def _batches(self, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Shuffled, augmented batches (B, T, C) of detected and true poses."""
        rows, options, windows = self.train_rows, self.options, self.windows
        if options.jitter_starts:
            shift = torch.randint(options.stride, windows.start.shape, generator=generator)
            last = torch.maximum(windows.end - windows.length, windows.start)
            windows = replace(windows, start=torch.minimum(windows.start + shift, last))
        for chosen in torch.randperm(len(windows), generator=generator).split(options.batch):
            index = windows.rows(chosen).to(self.device)
            pair = rows.detected[index], rows.gt[index]
            yield (
                augment(options.augmentation, *pair, rows.skeleton, generator)
                if options.augmentation
                else pair
            )

    def _losses(self, detected: Tensor, gt: Tensor) -> dict[str, Tensor]:
        mask = None if self.train_rows.labelled is None else gt.isfinite()
        # Half precision only where the hardware supports it: bfloat16 on a GPU, which needs no gradient
        # scaler.
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda"):
            shard = self.forward(self.processes.shard(detected))
        output = self.processes.gather(shard, len(detected))
        losses = self.network.losses(output, gt, self.config, self.options, mask)
        joints = self.train_rows.joints
        if not self.options.joint_weight or joints is None:
            return losses
        with torch.no_grad():
            true = joints(gt)
        terms = [
            joint_loss(joints(pose), true[:, frames])
            for pose, frames in self.network.branches(output, self.config)
        ]
        term = self.options.joint_weight * torch.stack(terms).sum()
        return losses | {"loss": losses["loss"] + term, "loss_joints": term.detach()}

    def _set_learning_rate(self, step: int) -> None:
        options, steps = self.options, self.steps_per_epoch
        warmup, last = options.warmup_epochs * steps, options.epochs * steps
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(
                step, peak=options.learning_rate, warmup=warmup, last=last, floor=options.last_learning_rate
            )

    @torch.no_grad()
    def _average(self) -> None:
        if self.options.average:
            pairs = zip(self.averaged.parameters(), self.model.parameters(), strict=True)
            for mean, new in pairs:
                mean.lerp_(new, 1 - self.options.average)

    def validate(self) -> float:
        """`PoseRows.error` over all labelled validation frames, each scored once (protocol ``full``)."""
        refined = refine_rows(self.averaged, self.validation_rows, stride=max(1, self.config.window // 2))
        return self.validation_rows.error(refined)

    @property
    def _networks(self) -> dict[str, Model]:
        return {"model": self.model, "averaged": self.averaged, "best": self.best}

    def _save(self) -> None:
        if self.processes.first:
            state, progress = pack(self._networks, self.optimizer), asdict(self.progress)
            save_state(self.folder / STATE_FILE, state, self.fingerprint, progress)

    def _load(self) -> bool:
        """Load the state in `folder`; False for a missing one or another fingerprint."""
        found = self.processes.on_rank0(lambda: load_state(self.folder / STATE_FILE, self.fingerprint))
        if found is None:
            return False
        state, progress = found
        try:
            unpack(state, self._networks, self.optimizer)
            self.progress = Progress(**progress)
        except (RuntimeError, KeyError, ValueError, TypeError) as error:
            raise ValueError(
                f"{self.folder / STATE_FILE}: not the state of such a training ({error}); delete it to train "
                "from the first epoch"
            ) from error
        return True


@torch.no_grad()
def refine_rows(model: Model, rows: PoseRows, *, stride: int, batch: int = 256) -> Float[Tensor, "N C"]:
    """Refined poses at every row: overlapping windows averaged, a last window at each segment's end."""
    training = model.training
    model.eval()
    refined = over_windows(
        partial(network_of(model.config).refine, model),
        rows.detected,
        rows.offsets,
        window=model.config.window,
        stride=stride,
        batch=batch,
    )
    model.train(training)
    return refined


def _check(config: Config, options: TrainingOptions, train: PoseRows, validation: PoseRows) -> None:
    channels = getattr(config, "channels", None)
    for name, rows in (("training", train), ("validation", validation)):
        if channels not in (None, found := rows.detected.shape[1]):
            raise ValueError(f"{name} rows have {found} channels, the model reads {channels}")
    network = network_of(config).name
    if network != "hanet" and (options.oml != "symmetric" or not options.ohkm):
        raise ValueError(
            f"oml and ohkm are parts of HANet's loss, which {network} does not use; leave them out"
        )
    if train.skeleton != validation.skeleton:
        raise ValueError(f"training is on {train.skeleton.name}, validation on {validation.skeleton.name}")
    if options.augmentation and train.detected.shape[1] != 3 * len(train.skeleton):
        raise ValueError("augmentation is for root-relative 3D joints only; leave it out")
    if options.joint_weight and train.joints is None:
        raise ValueError(
            f"joint_weight {options.joint_weight} is for SMPL rotations with a body, which these rows lack; "
            "name one in the experiment's estimate, or leave it out"
        )

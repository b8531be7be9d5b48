"""The training loop, from top to bottom.

Everything random in an epoch follows from the seed and the number of the epoch, so that a training
that was killed and resumed from its checkpoint ends with the same weights.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from sslbench.contracts import EpochReport, TrainingContext
from sslbench.errors import CellError, FormatError
from sslbench.progress import progress_bar
from sslbench.training.checkpoint import NAME, EpochRow, State, read_state, write_state
from sslbench.training.devices import find_device, mixed, place, shared
from sslbench.training.examples import Batch, ExampleSet, batches, to_device
from sslbench.training.schedules import Constant, Moment, Schedule

__all__ = ["Learner", "Settings", "Step", "TrainedWeights", "train"]


@dataclass(frozen=True)
class Settings:
    """How long and how fast a network learns.

    Args:
        epochs: largest number of epochs.
        batch: examples per step.
        learning_rate: the largest.
        schedule: factor of the learning rate over time.
        patience: epochs without improvement after which training ends; None for never.
        betas: of AdamW.
        weight_decay: of AdamW.
        clip: largest norm of the gradient; None for any.
        workers: processes that read scenes ahead.
    """

    epochs: int
    batch: int
    learning_rate: float
    schedule: Schedule = field(default_factory=Constant)
    patience: int | None = None
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    clip: float | None = 5.0
    workers: int = field(default=0, repr=False)


@dataclass(frozen=True)
class Step:
    """One step of training.

    Args:
        progress: share of all steps that are done, from 0 to 1.
        rng: for everything random, on the CPU.
    """

    progress: float
    rng: torch.Generator


class Learner(ABC):
    """What the loop needs from a network's owner."""

    @abstractmethod
    def loss(self, network: nn.Module, batch: Batch, step: Step) -> Tensor:
        """Return the mean loss of a batch, shape ().

        Args:
            network: to be called; it may be distributed over several devices.
            batch: stacked examples, on the device of the network.
            step: progress and random generator.
        """

    @abstractmethod
    def validate(self, network: nn.Module, device: torch.device) -> float:
        """Return the value by which epochs are chosen, from validation data."""

    @property
    def higher_is_better(self) -> bool:
        """Direction of that value."""
        return False


@dataclass(frozen=True)
class TrainedWeights:
    """The result of training.

    Args:
        weights: of the epoch with the best validation value, on the CPU.
        history: one row per epoch.
    """

    weights: dict[str, Tensor]
    history: list[EpochRow]


def train(
    learner: Learner,
    network: nn.Module,
    examples: ExampleSet,
    settings: Settings,
    context: TrainingContext,
) -> TrainedWeights:
    """Train a network, resuming from the workspace of the context if work was interrupted there.

    Args:
        learner: gives loss and validation value.
        network: with its initial weights.
        examples: to learn from.
        settings: how long and how fast.
        context: seed, device, workspace and where to report.

    Raises:
        FormatError: if there are fewer examples than a batch, or the checkpoint cannot be used.
        CellError: if the loss becomes NaN or infinite; it names step, scenes and the last good
            checkpoint.
        StoreError: if a checkpoint cannot be written.
    """
    length = _enough(examples, settings)
    device = find_device(context.device)
    place(network, device)
    optimizer = torch.optim.AdamW(
        network.parameters(),
        settings.learning_rate,
        settings.betas,
        weight_decay=settings.weight_decay,
    )
    state = _resume(network, optimizer, settings, length, context)
    for done in range(1, len(state.history) + 1):
        # The report covers the whole curve, also the epochs before an interruption.
        context.report(_report(state.history[:done], settings))
    training = _Training(
        learner, shared(network, device), examples, optimizer, settings, context, device
    )
    better = learner.higher_is_better
    while not _finished(state.history, settings, better):
        row = training.epoch(state, length)
        network.eval()
        with torch.no_grad():
            row = replace(row, value=learner.validate(network, device))
        _keep(state, row, network, optimizer, better)
        write_state(context.workspace, state)
        context.report(_report(state.history, settings))
    return TrainedWeights(state.best, state.history)


def _enough(examples: ExampleSet, settings: Settings) -> int:
    length = len(examples)
    if length < settings.batch:
        raise FormatError(
            f"{length} examples to train on",
            expected=f"at least a batch of {settings.batch}",
            hint="train at a larger scale",
        )
    return length


def _resume(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    settings: Settings,
    length: int,
    context: TrainingContext,
) -> State:
    weights = sum(tensor.numel() for tensor in network.parameters())
    identity = (
        f"{type(network).__name__} of {weights} weights, {length} scenes, seed {context.seed},"
        f" {settings}"
    )
    state = read_state(context.workspace, identity)
    if state is None:
        return State(identity)
    network.load_state_dict(state.network)
    optimizer.load_state_dict(state.optimizer)
    return state


def _finished(history: list[EpochRow], settings: Settings, higher_is_better: bool) -> bool:
    if len(history) >= settings.epochs:
        return True
    if settings.patience is None or not history:
        return False
    return len(history) - 1 - _best(history, higher_is_better) >= settings.patience


def _costs(history: list[EpochRow], higher_is_better: bool) -> list[float]:
    """Return the validation value of each epoch with the sign that makes less better."""
    sign = -1 if higher_is_better else 1
    return [math.inf if math.isnan(row.value) else sign * row.value for row in history]


def _best(history: list[EpochRow], higher_is_better: bool) -> int:
    costs = _costs(history, higher_is_better)
    return costs.index(min(costs))


def _seeded(seed: int, epoch: int) -> torch.Generator:
    # Dropout draws from torch's own stream, which is therefore seeded for every epoch.
    number = int(np.random.default_rng([seed, epoch, 1]).integers(2**62))
    torch.manual_seed(number)
    return torch.Generator().manual_seed(number)


@dataclass(frozen=True)
class _Training:
    """What does not change from epoch to epoch."""

    learner: Learner
    network: nn.Module
    examples: ExampleSet
    optimizer: torch.optim.Optimizer
    settings: Settings
    context: TrainingContext
    device: torch.device

    def epoch(self, state: State, length: int) -> EpochRow:
        """Train for one epoch; the row has no validation value yet."""
        number, size = len(state.history) + 1, self.settings.batch
        steps = length // size
        values = _costs(state.history, self.learner.higher_is_better)
        self.examples.begin_epoch(self.context.seed, number)
        rng = _seeded(self.context.seed, number)
        moment = Moment((number - 1) * steps, self.settings.epochs * steps, values)
        total = torch.zeros((), device=self.device)
        start = time.perf_counter()
        self.network.train()
        with progress_bar(f"epoch {number}", "step", steps) as bar:
            for done, batch in enumerate(self._loader(number, length), start=1):
                loss = self.step(batch, moment, rng)
                if not bool(torch.isfinite(loss)):
                    raise _not_finite(self.context, len(state.history), done, batch)
                total += loss
                moment = replace(moment, step=moment.step + 1)
                bar.update()
                if done % 10 == 0:
                    bar.set_postfix(loss=f"{float(total) / done:.4g}")
        seconds = time.perf_counter() - start
        rate = self._rate(replace(moment, step=moment.step - 1))
        return EpochRow(
            number, float(total) / steps, math.nan, rate, seconds, steps * size / seconds
        )

    def step(self, batch: Batch, moment: Moment, rng: torch.Generator) -> Tensor:
        """Take one step; return its loss."""
        step = Step(moment.step / moment.steps, rng)
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate(moment)
        with mixed(self.device):
            loss = self.learner.loss(self.network, to_device(batch, self.device), step)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch does not type it
        if self.settings.clip is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip)
        self.optimizer.step()
        return loss.detach()

    def _rate(self, moment: Moment) -> float:
        return self.settings.learning_rate * self.settings.schedule(moment)

    def _loader(self, epoch: int, length: int) -> Iterator[Batch]:
        order = np.random.default_rng([self.context.seed, epoch]).permutation(length)
        settings, pin = self.settings, self.device.type == "cuda"
        return batches(self.examples, order, settings.batch, settings.workers, pin=pin)


def _not_finite(context: TrainingContext, kept: int, step: int, batch: Batch) -> CellError:
    scenes = ", ".join(str(int(index)) for index in batch["index"][:8])
    path = context.workspace / NAME
    return CellError(
        "the loss became NaN or infinite",
        where=f"epoch {kept + 1}, step {step}, scenes {scenes}, ...",
        expected="a finite loss",
        hint=f"the last good checkpoint is of epoch {kept}: {path}"
        if kept
        else "no epoch was finished",
    )


def _keep(
    state: State,
    row: EpochRow,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    higher_is_better: bool,
) -> None:
    state.history.append(row)
    state.network = {k: v.detach().cpu().clone() for k, v in network.state_dict().items()}
    state.optimizer = optimizer.state_dict()
    if _best(state.history, higher_is_better) == len(state.history) - 1:
        state.best = state.network


def _report(history: list[EpochRow], settings: Settings) -> EpochReport:
    row = history[-1]
    left = sum(each.seconds for each in history) / len(history) * (settings.epochs - row.epoch)
    values = {
        "loss": row.loss,
        "validation": row.value,
        "learning_rate": row.learning_rate,
        "clips_per_s": row.clips_per_s,
        "seconds_left": left,
    }
    return EpochReport(row.epoch, settings.epochs, values)

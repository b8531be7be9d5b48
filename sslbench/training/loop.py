"""The training loop, from top to bottom.

Everything random in an epoch follows from the seed and the number of the epoch, so that a training
that was killed and resumed from its checkpoint ends with the same weights.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

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
        decay_vectors: whether it also holds for parameters with fewer than two axes: biases,
            scales of normalizations, and single tokens.
        clip: largest norm of the gradient; None for any.
        workers: processes that read examples ahead; results do not depend on it.
    """

    epochs: int
    batch: int
    learning_rate: float
    schedule: Schedule = field(default_factory=Constant)
    patience: int | None = None
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    decay_vectors: bool = True
    clip: float | None = 5.0
    workers: int = field(default=0, repr=False)  # not in `repr`, which identifies a checkpoint


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
    """What the loop needs besides a network and examples."""

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

    def curve_values(self, network: nn.Module, device: torch.device) -> Mapping[str, float]:  # noqa: ARG002
        """Return further values of the learning curve after an epoch, by name; none by default.

        They are reported and kept, and decide nothing. Called after `validate`.
        """
        return {}


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
    _check_size(examples, settings)
    device = find_device(context.device)
    place(network, device)
    optimizer = torch.optim.AdamW(
        _parameter_groups(network, settings), settings.learning_rate, settings.betas
    )
    state = _resume(network, optimizer, examples, settings, context)
    for done in range(1, len(state.history) + 1):
        # The report covers the whole curve, also the epochs before an interruption.
        context.report(_report(state.history[:done], settings))
    run = _Run(learner, shared(network, device), examples, optimizer, settings, context, device)
    while not _finished(costs := _costs(state.history, learner), settings):
        network.train()
        row = run.epoch(costs)
        network.eval()
        with torch.no_grad():
            value = learner.validate(network, device)
            extra = dict(learner.curve_values(network, device))
        row = replace(row, value=value, extra=extra)
        state.history.append(row)
        state.network = _copied(network)
        state.optimizer = optimizer.state_dict()
        if _best(_costs(state.history, learner)) == len(state.history) - 1:
            state.best = state.network
        write_state(context.workspace, state)
        context.report(_report(state.history, settings))
    return TrainedWeights(state.best, state.history)


def _check_size(examples: ExampleSet, settings: Settings) -> None:
    if len(examples) < settings.batch:
        raise FormatError(
            f"{len(examples)} examples to train on",
            expected=f"at least a batch of {settings.batch}",
            hint="train at a larger scale",
        )


def _parameter_groups(network: nn.Module, settings: Settings) -> list[dict[str, Any]]:
    """Return the parameters of a network, and those that weight decay spares."""
    groups: dict[float, list[nn.Parameter]] = {}
    for parameter in network.parameters():
        spared = parameter.ndim < 2 and not settings.decay_vectors
        groups.setdefault(0.0 if spared else settings.weight_decay, []).append(parameter)
    return [{"params": params, "weight_decay": decay} for decay, params in groups.items()]


def _resume(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    examples: ExampleSet,
    settings: Settings,
    context: TrainingContext,
) -> State:
    """Load the last checkpoint of the workspace, or begin a new state."""
    weights = sum(tensor.numel() for tensor in network.parameters())
    identity = (
        f"{type(network).__name__} of {weights} weights, {len(examples)} scenes,"
        f" seed {context.seed}, {settings}"
    )
    state = read_state(context.workspace, identity)
    if state is None:
        return State(identity)
    network.load_state_dict(state.network)
    optimizer.load_state_dict(state.optimizer)
    return state


def _costs(history: Sequence[EpochRow], learner: Learner) -> list[float]:
    """Return the validation value of each epoch, negated where higher is better."""
    sign = -1 if learner.higher_is_better else 1
    return [math.inf if math.isnan(row.value) else sign * row.value for row in history]


def _best(costs: Sequence[float]) -> int:
    return costs.index(min(costs))


def _finished(costs: Sequence[float], settings: Settings) -> bool:
    if len(costs) >= settings.epochs:
        return True
    if settings.patience is None or not costs:
        return False
    return len(costs) - 1 - _best(costs) >= settings.patience


@dataclass(frozen=True)
class _Run:
    """What does not change from epoch to epoch."""

    learner: Learner
    network: nn.Module
    examples: ExampleSet
    optimizer: torch.optim.Optimizer
    settings: Settings
    context: TrainingContext
    device: torch.device

    def epoch(self, costs: Sequence[float]) -> EpochRow:
        """Train for one epoch, given the costs of those before; return a row without value."""
        number, size = len(costs) + 1, self.settings.batch
        steps = len(self.examples) // size
        self.examples.begin_epoch(self.context.seed, number)
        rng = _seeded(self.context.seed, number)
        moment = Moment((number - 1) * steps, self.settings.epochs * steps, costs)
        total = torch.zeros((), device=self.device)
        start = time.perf_counter()
        with progress_bar(f"epoch {number}", "step", steps) as bar:
            for done, batch in enumerate(self._batches(number), start=1):
                loss = self.step(batch, moment, rng)
                if not bool(torch.isfinite(loss)):
                    raise _not_finite(self.context, number, done, batch)
                total += loss
                moment = replace(moment, step=moment.step + 1)
                bar.update()
                if done % 10 == 0:
                    bar.set_postfix(loss=f"{float(total) / done:.4g}")
        seconds = time.perf_counter() - start
        rate = float(self.optimizer.param_groups[0]["lr"])
        return EpochRow(
            number, float(total) / steps, math.nan, rate, seconds, steps * size / seconds
        )

    def step(self, batch: Batch, moment: Moment, rng: torch.Generator) -> Tensor:
        """Take one step; return its loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * self.settings.schedule(moment)
        step = Step(moment.step / moment.steps, rng)
        with mixed(self.device):
            loss = self.learner.loss(self.network, to_device(batch, self.device), step)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch does not type it
        if self.settings.clip is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip)
        self.optimizer.step()
        return loss.detach()

    def _batches(self, epoch: int) -> Iterator[Batch]:
        order = np.random.default_rng([self.context.seed, epoch]).permutation(len(self.examples))
        settings, pin = self.settings, self.device.type == "cuda"
        return batches(self.examples, order, settings.batch, settings.workers, pin=pin)


def _seeded(seed: int, epoch: int) -> torch.Generator:
    # Dropout draws from torch's own stream, which is therefore seeded for every epoch.
    number = int(np.random.default_rng([seed, epoch, 1]).integers(2**62))
    torch.manual_seed(number)
    return torch.Generator().manual_seed(number)


def _copied(network: nn.Module) -> dict[str, Tensor]:
    return {name: each.detach().cpu().clone() for name, each in network.state_dict().items()}


def _not_finite(context: TrainingContext, epoch: int, step: int, batch: Batch) -> CellError:
    scenes = ", ".join(str(int(index)) for index in batch["index"][:8])
    more = ", ..." if len(batch["index"]) > 8 else ""
    path = context.workspace / NAME
    return CellError(
        "the loss became NaN or infinite",
        where=f"epoch {epoch}, step {step}, scenes {scenes}{more}",
        expected="a finite loss",
        hint=f"the last good checkpoint is of epoch {epoch - 1}: {path}"
        if epoch > 1
        else "no epoch was finished",
    )


def _report(history: Sequence[EpochRow], settings: Settings) -> EpochReport:
    row = history[-1]
    left = sum(each.seconds for each in history) / len(history) * (settings.epochs - row.epoch)
    values = {
        **row.extra,
        "loss": row.loss,
        "validation": row.value,
        "learning_rate": row.learning_rate,
        "clips_per_s": row.clips_per_s,
        "seconds_left": left,
    }
    return EpochReport(row.epoch, settings.epochs, values)

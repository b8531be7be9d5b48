"""A cell: one method on one data set. The unit that is planned, run, recorded and resumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from sslbench.specs import Scale, Value

__all__ = ["Cell", "CellOutcome", "Choice", "Status", "Training"]

Status = Literal["ok", "skipped", "failed"]


@dataclass(frozen=True)
class Choice:
    """Something by name, with a value for every one of its parameters.

    Printing one gives the text that selects it again, with the parameters in `changed` only.

    Args:
        name: of a method, data set, metric, tracker, alteration or executor.
        params: values by name.
        changed: names of the parameters that differ from their defaults.
        additions: what follows after `+`: alterations of a data set, trackers of a method.
    """

    name: str
    params: Mapping[str, Value] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    additions: tuple[Choice, ...] = ()

    def __str__(self) -> str:
        shown = ",".join(f"{key}={_text(self.params[key])}" for key in self.changed)
        own = f"{self.name}[{shown}]" if shown else self.name
        return "+".join((own, *map(str, self.additions)))

    @property
    def alone(self) -> Choice:
        """The same without additions."""
        return replace(self, additions=())


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class Training:
    """What was trained, on what, at which scale, with which seed, starting from what.

    It is the identity of a checkpoint.

    Args:
        method: with all its parameters, without trackers.
        data: whose splits `train` and `validation` are used, with its alterations.
        scale: how much of it.
        seed: of everything random.
        start: the training that this one continues from (fine-tuning); None for initial weights.
    """

    method: Choice
    data: Choice
    scale: Scale
    seed: int
    start: Training | None = None

    @property
    def chain(self) -> tuple[Training, ...]:
        """All trainings that led to this one, the first one first."""
        return (*(self.start.chain if self.start else ()), self)

    @property
    def data_text(self) -> str:
        """The training data in words: `feng2025-ad1 (quick), then libri-adhoc40 (quick)`."""
        return ", then ".join(f"{each.data} ({each.scale})" for each in self.chain)

    def __str__(self) -> str:
        return f"{self.method} trained on {self.data_text}, seed {self.seed}"


@dataclass(frozen=True)
class Cell:
    """One method on one split of one data set at one scale.

    Args:
        method: with all its parameters and trackers.
        dataset: with all its parameters and alterations.
        split: name of the split that is scored.
        scale: size of the run.
        protocol: name of the rules by which it is scored.
        training: what the method was trained on; None for methods that do not learn.
    """

    method: Choice
    dataset: Choice
    split: str
    scale: Scale
    protocol: str = "sslbench"
    training: Training | None = None

    @property
    def seed(self) -> int:
        """Seed of the training; 0 for methods that do not learn."""
        return self.training.seed if self.training else 0

    def __str__(self) -> str:
        elsewhere = self.trained_elsewhere
        trained = f", trained on {elsewhere.data_text}" if elsewhere else ""
        size = f"{self.scale}, seed {self.seed}"
        return f"{self.method} on {self.dataset}:{self.split} ({size}){trained}"

    @property
    def trained_elsewhere(self) -> Training | None:
        """The training, if its data are not those of the data set that is scored."""
        training = self.training
        if training is None or (training.start is None and training.data == self.dataset):
            return None
        return training

    @property
    def command(self) -> str:
        """The command line that repeats this cell."""
        words = [f"sslbench run --method '{self.method}' --dataset '{self.dataset}:{self.split}'"]
        if self.trained_elsewhere:
            first, *later = self.trained_elsewhere.chain
            words.append(f"--train-on '{first.data}'")
            words += [f"--then-on '{each.data}'" for each in later]
        words.append(f"--scale {self.scale} --seed {self.seed}")
        if self.protocol != "sslbench":
            words.append(f"--protocol {self.protocol}")
        return " ".join(words)


@dataclass(frozen=True)
class CellOutcome:
    """The outcome of a cell.

    Args:
        cell: which one.
        status: `ok`, `skipped` (the pair is not compatible) or `failed`.
        run_id: name of its record in the store; empty unless `ok`.
        reason: why it was skipped or failed.
        exit_code: of the error that made it fail; 0 otherwise.
        reused: whether all of it was in the store already.
    """

    cell: Cell
    status: Status
    run_id: str = ""
    reason: str = ""
    exit_code: int = 0
    reused: bool = False

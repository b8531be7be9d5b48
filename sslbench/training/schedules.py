"""Learning rates as pure functions of the progress of training.

A schedule is a frozen dataclass, so that two of them can be compared and named in a checkpoint.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Constant", "Cosine", "Moment", "Plateau", "Schedule", "epochs_for"]


@dataclass(frozen=True)
class Moment:
    """The progress of training.

    Args:
        step: number of optimizer steps so far.
        steps: largest number of optimizer steps.
        values: validation value of each finished epoch, with the sign that makes less better.
    """

    step: int
    steps: int
    values: Sequence[float] = ()


class Schedule(ABC):
    """Factor of the learning rate during training."""

    @abstractmethod
    def __call__(self, moment: Moment) -> float:
        """Return the factor at a moment."""


@dataclass(frozen=True)
class Constant(Schedule):
    """The same rate in all steps."""

    def __call__(self, moment: Moment) -> float:
        """Return 1."""
        del moment
        return 1.0


@dataclass(frozen=True)
class Cosine(Schedule):
    """A rate that rises linearly, then falls along half a cosine.

    Args:
        warm_up: share of the steps in which it rises.
        floor: factor at the end.

    >>> rise = Cosine(warm_up=0.1, floor=0.0)
    >>> [round(rise(Moment(step, 100)), 2) for step in (0, 9, 55, 100)]
    [0.1, 1.0, 0.5, 0.0]
    """

    warm_up: float = 0.05
    floor: float = 0.01

    def __call__(self, moment: Moment) -> float:
        """Return the factor at a moment."""
        rising = self.warm_up * moment.steps
        if moment.step < rising:
            return min(1.0, (moment.step + 1) / rising)
        done = (moment.step - rising) / max(moment.steps - rising, 1)
        return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * min(done, 1.0))) / 2


@dataclass(frozen=True)
class Plateau(Schedule):
    """A rate that falls when the validation value has not improved for some epochs.

    Feng et al. 2025: from 1e-3 to 1e-4 after 3 epochs without improvement.

    Args:
        factor: by which the rate is multiplied each time.
        patience: epochs without improvement after which it is multiplied.
        floor: smallest factor in total.

    >>> fall = Plateau(patience=2)
    >>> [fall(Moment(0, 1, values)) for values in ([3, 2], [3, 2, 2], [3, 2, 2, 2])]
    [1.0, 1.0, 0.1]
    """

    factor: float = 0.1
    patience: int = 3
    floor: float = 0.1

    def __call__(self, moment: Moment) -> float:
        """Return the factor at a moment."""
        best, waited, rate = math.inf, 0, 1.0
        for value in moment.values:
            best, waited = (value, 0) if value < best else (best, waited + 1)
            if waited >= self.patience:
                rate, waited = max(rate * self.factor, self.floor), 0
        return rate


def epochs_for(steps: int, examples: int, batch: int) -> int:
    """Return the number of epochs, at least one, that comes nearest to a number of steps.

    Args:
        steps: wanted.
        examples: per epoch.
        batch: examples per step.

    >>> epochs_for(450, 300, 16)
    25
    """
    return max(1, round(steps / max(1, examples // batch)))

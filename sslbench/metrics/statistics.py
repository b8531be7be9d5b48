"""The two shapes that metrics of single frames have: a ratio of sums, and a quantile.

Both are triples: pairs -> rows of statistics, one a frame; rows -> value; and the value that the
rows would have if each were repeated so and so often, which is what a bootstrap asks for.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sslbench.contracts import Metric
from sslbench.errors import FormatError
from sslbench.metrics.association import Matches, match
from sslbench.scene import Kind, Tracks

__all__ = [
    "MatchMetric",
    "Quantile",
    "Ratio",
    "Statistic",
    "WeightedValue",
    "each_answered",
    "each_sounding",
]

Floats = NDArray[np.float64]

Statistic = Callable[[Matches], Floats]
"""Turns pairs into a number for each source, shape (frames, sources), or frame, (frames,)."""

WeightedValue = Callable[[NDArray[np.int64]], float]
"""Turns weights, shape (rows,), into the value of the rows repeated that often."""


class MatchMetric(Metric):
    """A metric of the pairs of `match`; its rows are frames, each of which stands alone.

    The rows of a corpus can therefore be computed from the stacked frames of all recordings, from
    pairs that are shared with other metrics.

    Args:
        kind: what it compares; None if any.
    """

    kind: Kind | None = None

    def __call__(self, prediction: Tracks, truth: Tracks) -> float:
        """Return the value of one recording."""
        return self.value(self.components(prediction, truth))

    def components(self, prediction: Tracks, truth: Tracks) -> Floats:
        """Return the statistics of one recording, shape (frames, columns).

        Raises:
            FormatError: if answer and truth cannot be compared, or not by this metric.
        """
        return self.rows(match(prediction, truth))

    def rows(self, matches: Matches) -> Floats:
        """Return the statistics of pairs, shape (frames, columns).

        Raises:
            FormatError: if the pairs are of a kind that this metric cannot compare.
        """
        if self.kind not in {None, matches.kind}:
            raise FormatError(
                f"a metric of {self.kind}s was given {matches.kind}s",
                expected=f"tracks of kind {self.kind}",
            )
        return self._rows(matches)

    @abstractmethod
    def _rows(self, matches: Matches) -> Floats: ...

    @abstractmethod
    def count(self, rows: Floats) -> int:
        """Return how many sources or frames the value is over."""

    @abstractmethod
    def weighted(self, rows: Floats) -> WeightedValue:
        """Return a function that gives the value of `rows` repeated by weights."""


@dataclass(frozen=True)
class Ratio(MatchMetric):
    """Sum of one statistic over the sum of another, then finished: 100 r, sqrt(r), ...

    It is additive: the value follows from summed rows alone.

    Args:
        numerator: what is added up; 0 where it does not count.
        denominator: over what it is averaged.
        finish: applied to the ratio.
        kind: what it compares; None if any.
    """

    numerator: Statistic
    denominator: Statistic
    finish: Callable[[float], float] = float
    kind: Kind | None = None

    def _rows(self, matches: Matches) -> Floats:
        return np.column_stack(
            [_each_frame(self.numerator(matches)), _each_frame(self.denominator(matches))]
        )

    def value(self, rows: Floats) -> float:
        """Return the finished ratio of the summed columns; NaN if the second sums to 0."""
        above, below = rows.sum(axis=0)
        return self.finish(float(above / below)) if below else float("nan")

    def count(self, rows: Floats) -> int:
        """Return the sum of the denominator."""
        return int(rows[:, 1].sum())

    def weighted(self, rows: Floats) -> WeightedValue:
        """Return a function from weights to the ratio, by one product a call."""
        return lambda weights: self.value((weights @ rows)[None])


@dataclass(frozen=True)
class Quantile(MatchMetric):
    """A quantile of a statistic of pairs, by linear interpolation as in `numpy.quantile`.

    Args:
        statistic: shape (frames, sources), NaN where there is none.
        fraction: 0.5 for the median.
        kind: what it compares; None if any.
    """

    statistic: Statistic
    fraction: float
    kind: Kind | None = None

    def _rows(self, matches: Matches) -> Floats:
        return self.statistic(matches)

    def value(self, rows: Floats) -> float:
        """Return the quantile of all finite entries; NaN if there is none."""
        finite = rows[np.isfinite(rows)]
        return float(np.quantile(finite, self.fraction)) if len(finite) else float("nan")

    def count(self, rows: Floats) -> int:
        """Return the number of finite entries."""
        return int(np.isfinite(rows).sum())

    def weighted(self, rows: Floats) -> WeightedValue:
        """Return a function from weights to the quantile, which sorts only once."""
        row, column = np.nonzero(np.isfinite(rows))
        entries = rows[row, column]
        order = np.argsort(entries, kind="stable")
        entries, row = entries[order], row[order]

        def value(weights: NDArray[np.int64]) -> float:
            ends = np.cumsum(weights[row])
            total = int(ends[-1]) if len(ends) else 0
            if not total:
                return float("nan")
            place = self.fraction * (total - 1)
            below = int(place)
            ranks = [below, min(below + 1, total - 1)]
            low, high = entries[np.searchsorted(ends, ranks, side="right")]
            return float(low + (place - below) * (high - low))

        return value


def _each_frame(statistic: Floats) -> Floats:
    return statistic if statistic.ndim == 1 else statistic.sum(axis=1)


def each_answered(matches: Matches) -> Floats:
    """Count 1 for every source that has an answer, shape (frames, sources)."""
    return matches.answered.astype(float)


def each_sounding(matches: Matches) -> Floats:
    """Count 1 for every source that sounds, answered or not, shape (frames, sources)."""
    return matches.sounding.astype(float)

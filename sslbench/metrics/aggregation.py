"""From per-frame statistics to a value: functions of sums, and quantiles.

Both kinds of metrics compute rows of statistics from a whole `Corpus`, one row per frame, and turn
rows into a value. For the bootstrap they keep a `ResampleSummary` instead of the rows: frames are
summed to the blocks that are resampled, so that a resample of millions of frames costs one product
of small matrices.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sslbench.array_types import Floats, Integers
from sslbench.contracts import Metric
from sslbench.errors import FormatError
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.uncertainty import Blocks, Influence
from sslbench.scene import Kind, Tracks

__all__ = [
    "Additive",
    "CorpusMetric",
    "Finish",
    "Quantile",
    "RepeatedRows",
    "ResampleSummary",
    "Statistic",
    "percent",
    "ratio",
    "ratio_of",
]


Statistic = Callable[[Corpus], Floats]
"""Turns a corpus into numbers: (frames,), (frames, sources) or (frames, columns)."""

Finish = Callable[[Floats], Floats]
"""Turns summed columns, shape (..., columns), into values, shape (...)."""

STEP = 1e-6
"""Relative step of numerical derivatives."""

WINDOW = 0.1
"""Share of the entries around a quantile that a resample examines first."""


class ResampleSummary(ABC):
    """What the bootstrap needs from the rows of a metric.

    Args:
        value: of the corpus.
        n: number of sources or frames that the value is computed from.
        blocks: the blocks that are resampled.
        influence: effect of each row on the value, shape (rows,); None if unknown.
    """

    def __init__(
        self, value: float, n: int, blocks: Blocks, influence: Floats | None = None
    ) -> None:
        self.value = value
        self.n = n
        self.blocks = blocks
        self.influence = None if influence is None else Influence.of(influence, blocks)

    @abstractmethod
    def resample(self, weights: Floats) -> Floats:
        """Return the value of each resample, shape (resamples,).

        Args:
            weights: how often each block occurs, shape (resamples, blocks).
        """


class CorpusMetric(Metric):
    """A metric that is computed from a whole corpus; its rows are frames.

    Args:
        kind: the kind of tracks that it compares; None if both.
    """

    kind: Kind | None = None

    def __call__(self, prediction: Tracks, truth: Tracks) -> float:
        """Return the value of one recording."""
        return self.value(self.components(prediction, truth))

    def components(self, prediction: Tracks, truth: Tracks) -> Floats:
        """Return the statistics of one recording, shape (frames, columns).

        Raises:
            FormatError: if prediction and ground truth cannot be compared, or not by this metric.
        """
        return self.rows(Corpus.of([(prediction, truth)]))

    def rows(self, corpus: Corpus) -> Floats:
        """Return the statistics of a corpus, shape (frames, columns).

        Raises:
            FormatError: if this metric cannot compare tracks of the kind of the corpus.
        """
        if self.kind not in {None, corpus.kind}:
            raise FormatError(
                f"a metric of {self.kind}s was applied to {corpus.kind}s",
                expected=f"tracks of kind {self.kind}",
            )
        return self._rows(corpus)

    @abstractmethod
    def _rows(self, corpus: Corpus) -> Floats: ...

    @abstractmethod
    def summarize(self, rows: Floats, blocks: Blocks) -> ResampleSummary:
        """Reduce rows to what a bootstrap over blocks of them needs."""


def ratio(sums: Floats) -> Floats:
    """Divide the first column by the second; NaN where the second is 0.

    >>> ratio(np.array([[1.0, 2.0], [1.0, 0.0]])).tolist()
    [0.5, nan]
    """
    numerator, denominator = sums[..., 0], sums[..., 1]
    defined = denominator != 0
    return np.where(defined, numerator / np.where(defined, denominator, 1.0), np.nan)


def percent(sums: Floats) -> Floats:
    """Return `ratio` in %."""
    return 100 * ratio(sums)


@dataclass(frozen=True)
class Additive(CorpusMetric):
    """A function of statistics that are summed over the frames of all recordings.

    Args:
        statistics: columns of each frame, shape (frames, columns).
        finish: turns the summed columns into the value; NaN where it is undefined.
        count: the column whose sum is the number of sources or frames behind the value.
        kind: the kind of tracks that it compares; None if both.
    """

    statistics: Statistic
    finish: Finish
    count: int = -1
    kind: Kind | None = None

    def _rows(self, corpus: Corpus) -> Floats:
        return self.statistics(corpus)

    def value(self, rows: Floats) -> float:
        """Return the value of the summed rows."""
        return float(self.finish(rows.sum(axis=0)))

    def summarize(self, rows: Floats, blocks: Blocks) -> ResampleSummary:
        """Sum up the rows of each block."""
        return _BlockSums(self, rows, blocks)


class _BlockSums(ResampleSummary):
    def __init__(self, metric: Additive, rows: Floats, blocks: Blocks) -> None:
        total = rows.sum(axis=0)
        value = float(metric.finish(total))
        super().__init__(
            value, round(float(total[metric.count])), blocks, _influence(metric, rows, total)
        )
        self.finish = metric.finish
        self.sums = blocks.sum(rows)

    def resample(self, weights: Floats) -> Floats:
        return np.asarray(self.finish(weights @ self.sums))


def _influence(metric: Additive, rows: Floats, total: Floats) -> Floats | None:
    steps = STEP * np.maximum(np.abs(total), 1.0)
    slope = (metric.finish(total + np.diag(steps)) - metric.finish(total)) / steps
    return np.asarray(rows @ slope) if np.isfinite(slope).all() else None


def ratio_of(
    numerator: Statistic,
    denominator: Statistic,
    finish: Finish = ratio,
    kind: Kind | None = None,
) -> Additive:
    """Return the metric that divides the sum of one statistic by the sum of another.

    Args:
        numerator: shape (frames,) or (frames, sources); 0 where nothing counts.
        denominator: same shapes.
        finish: turns the two sums into the value: `ratio`, `percent` or a function of your own.
        kind: the kind of tracks that the metric compares; None if both.
    """

    def statistics(corpus: Corpus) -> Floats:
        return np.column_stack([_per_frame(numerator(corpus)), _per_frame(denominator(corpus))])

    return Additive(statistics, finish, kind=kind)


def _per_frame(statistic: Floats) -> Floats:
    # A product: `sum` over an axis of two or three is ten times slower.
    return statistic if statistic.ndim == 1 else statistic @ np.ones(statistic.shape[1])


@dataclass(frozen=True)
class Quantile(CorpusMetric):
    """A quantile of a statistic of sources, with linear interpolation as in `numpy.quantile`.

    Args:
        statistic: shape (frames, sources), NaN where it is undefined.
        fraction: 0.5 for the median.
        kind: the kind of tracks that it compares; None if both.
    """

    statistic: Statistic
    fraction: float
    kind: Kind | None = None

    def _rows(self, corpus: Corpus) -> Floats:
        return self.statistic(corpus)

    def value(self, rows: Floats) -> float:
        """Return the quantile of all finite entries; NaN if there are none."""
        finite = rows[np.isfinite(rows)]
        return float(np.quantile(finite, self.fraction)) if len(finite) else float("nan")

    def summarize(self, rows: Floats, blocks: Blocks) -> ResampleSummary:
        """Sort the entries, each with the index of its block."""
        return _SortedEntries(self, rows, blocks)


class _SortedEntries(ResampleSummary):
    """Entries in ascending order.

    A resample only counts the many entries far below the quantile, and looks for the quantile among
    the few entries around it.
    """

    def __init__(self, metric: Quantile, rows: Floats, blocks: Blocks) -> None:
        row, column = np.nonzero(np.isfinite(rows))
        entries = rows[row, column]
        order = np.argsort(entries, kind="stable")
        value = metric.value(rows)
        # The influence on the share of entries up to the quantile, which is as uncertain as the
        # quantile itself.
        below = np.isfinite(rows) * ((rows <= value) - metric.fraction)
        super().__init__(value, len(entries), blocks, below.sum(axis=1))
        self.fraction = metric.fraction
        self.entries = entries[order]
        self.block = blocks.of_row[row[order]]
        begin = max(0, int((self.fraction - WINDOW / 2) * self.n))
        self.window = slice(begin, int((self.fraction + WINDOW / 2) * self.n) + 2)
        self.below = np.bincount(self.block[:begin], minlength=blocks.count)
        self.sizes = np.bincount(self.block, minlength=blocks.count)

    def resample(self, weights: Floats) -> Floats:
        return np.array([self._quantile(row) for row in weights])

    def _quantile(self, weights: Floats) -> float:
        total = int(weights @ self.sizes)
        if not total:
            return float("nan")
        position = self.fraction * (total - 1)
        ranks = np.minimum([int(position), int(position) + 1], total - 1)
        skipped = int(weights @ self.below)
        found = self._entries_at(ranks - skipped, weights, self.window)
        if found is None:
            found = self._entries_at(ranks, weights, slice(None))
        assert found is not None
        low, high = found
        return float(low + (position - int(position)) * (high - low))

    def _entries_at(self, ranks: Integers, weights: Floats, window: slice) -> Floats | None:
        """Return the resampled entries of a window by rank; None if a rank is outside of it."""
        ends = np.cumsum(weights[self.block[window]])
        if ranks[0] < 0 or not len(ends) or ranks[-1] >= ends[-1]:
            return None
        found: Floats = self.entries[window][np.searchsorted(ends, ranks, side="right")]
        return found


class RepeatedRows(ResampleSummary):
    """The summary of any `Metric`: a resample repeats its rows.

    Args:
        metric: any metric.
        rows: its statistics, shape (rows, columns).
        blocks: the blocks that are resampled.
    """

    def __init__(self, metric: Metric, rows: Floats, blocks: Blocks) -> None:
        super().__init__(float(metric.value(rows)) if len(rows) else np.nan, len(rows), blocks)
        self.metric = metric
        self.rows = rows

    def resample(self, weights: Floats) -> Floats:
        """Return the value of each resample, shape (resamples,)."""
        if not self.n:
            return np.full(len(weights), np.nan)
        repeated = weights.astype(np.int64)[:, self.blocks.of_row]
        return np.array([self.metric.value(np.repeat(self.rows, w, axis=0)) for w in repeated])

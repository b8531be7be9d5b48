"""The shapes that metrics have: a function of summed statistics, and a quantile.

Both read a whole `Corpus` into rows, one a frame, and turn rows into a value. For a bootstrap they
leave a `Tally`, in which frames are summed to the blocks that are drawn, so that a resample of
millions of frames costs a product of small matrices.
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
from sslbench.metrics.uncertainty import Blocks, Effects
from sslbench.scene import Kind, Tracks

__all__ = [
    "Additive",
    "CorpusMetric",
    "Finish",
    "Quantile",
    "Repeated",
    "Statistic",
    "Tally",
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
"""Share of the entries round a quantile that is looked at first in a resample."""


class Tally(ABC):
    """What a bootstrap needs to know of a corpus under one metric; the rows themselves are let go.

    Args:
        value: of the corpus.
        n: how many sources or frames the value is over.
        blocks: what is drawn.
        influence: by how much each row moves the value, shape (rows,); None if unknown.
    """

    def __init__(
        self, value: float, n: int, blocks: Blocks, influence: Floats | None = None
    ) -> None:
        self.value = value
        self.n = n
        self.blocks = blocks
        self.effects = None if influence is None else Effects.of(influence, blocks)

    @abstractmethod
    def drawn(self, weights: Floats) -> Floats:
        """Return the value of each resample, shape (resamples,).

        Args:
            weights: how often each block was drawn, shape (resamples, blocks).
        """


class CorpusMetric(Metric):
    """A metric of a whole corpus; its rows are frames.

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
        return self.rows(Corpus.of([(prediction, truth)]))

    def rows(self, corpus: Corpus) -> Floats:
        """Return the statistics of a corpus, shape (frames, columns).

        Raises:
            FormatError: if it is of a kind that this metric cannot compare.
        """
        if self.kind not in {None, corpus.kind}:
            raise FormatError(
                f"a metric of {self.kind}s was given {corpus.kind}s",
                expected=f"tracks of kind {self.kind}",
            )
        return self._rows(corpus)

    @abstractmethod
    def _rows(self, corpus: Corpus) -> Floats: ...

    @abstractmethod
    def tally(self, rows: Floats, blocks: Blocks) -> Tally:
        """Return what is left of rows for a bootstrap over blocks of them."""


def ratio(sums: Floats) -> Floats:
    """Divide the first column by the second; NaN where the second is 0.

    >>> ratio(np.array([[1.0, 2.0], [1.0, 0.0]])).tolist()
    [0.5, nan]
    """
    above, below = sums[..., 0], sums[..., 1]
    known = below != 0
    return np.where(known, above / np.where(known, below, 1.0), np.nan)


def percent(sums: Floats) -> Floats:
    """Return `ratio` in %."""
    return 100 * ratio(sums)


@dataclass(frozen=True)
class Additive(CorpusMetric):
    """A function of statistics that are summed over the frames of all recordings.

    Args:
        statistics: columns of each frame, shape (frames, columns).
        finish: summed columns to value; NaN where undefined.
        count: the column whose sum says how many sources or frames the value is over.
        kind: what it compares; None if any.
    """

    statistics: Statistic
    finish: Finish
    count: int = -1
    kind: Kind | None = None

    def _rows(self, corpus: Corpus) -> Floats:
        return self.statistics(corpus)

    def value(self, rows: Floats) -> float:
        """Return the value of summed rows."""
        return float(self.finish(rows.sum(axis=0)))

    def tally(self, rows: Floats, blocks: Blocks) -> Tally:
        """Return the sums of the blocks."""
        return _Sums(self, rows, blocks)


class _Sums(Tally):
    def __init__(self, metric: Additive, rows: Floats, blocks: Blocks) -> None:
        total = rows.sum(axis=0)
        value = float(metric.finish(total))
        super().__init__(
            value, round(float(total[metric.count])), blocks, _influence(metric, rows, total)
        )
        self.finish = metric.finish
        self.sums = blocks.sum(rows)

    def drawn(self, weights: Floats) -> Floats:
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
        numerator: what is added up, shape (frames,) or (frames, sources); 0 where it counts not.
        denominator: over what it is averaged.
        finish: the two sums to the value; `ratio`, `percent`, or one's own.
        kind: what it compares; None if any.
    """

    def statistics(corpus: Corpus) -> Floats:
        return np.column_stack([_each_frame(numerator(corpus)), _each_frame(denominator(corpus))])

    return Additive(statistics, finish, kind=kind)


def _each_frame(statistic: Floats) -> Floats:
    # A product: `sum` over an axis of two or three is ten times slower.
    return statistic if statistic.ndim == 1 else statistic @ np.ones(statistic.shape[1])


@dataclass(frozen=True)
class Quantile(CorpusMetric):
    """A quantile of a statistic of sources, by linear interpolation as in `numpy.quantile`.

    Args:
        statistic: shape (frames, sources), NaN where there is none.
        fraction: 0.5 for the median.
        kind: what it compares; None if any.
    """

    statistic: Statistic
    fraction: float
    kind: Kind | None = None

    def _rows(self, corpus: Corpus) -> Floats:
        return self.statistic(corpus)

    def value(self, rows: Floats) -> float:
        """Return the quantile of all finite entries; NaN if there is none."""
        finite = rows[np.isfinite(rows)]
        return float(np.quantile(finite, self.fraction)) if len(finite) else float("nan")

    def tally(self, rows: Floats, blocks: Blocks) -> Tally:
        """Return the entries in order, each with its block."""
        return _Entries(self, rows, blocks)


class _Entries(Tally):
    """Entries in ascending order. A resample sums up the many far below and sorts out the few."""

    def __init__(self, metric: Quantile, rows: Floats, blocks: Blocks) -> None:
        row, column = np.nonzero(np.isfinite(rows))
        entries = rows[row, column]
        order = np.argsort(entries, kind="stable")
        value = metric.value(rows)
        # Of the share of entries up to the quantile, which is as uncertain as the quantile.
        below = np.isfinite(rows) * ((rows <= value) - metric.fraction)
        super().__init__(value, len(entries), blocks, below.sum(axis=1))
        self.fraction = metric.fraction
        self.entries = entries[order]
        self.block = blocks.of_row[row[order]]
        begin = max(0, int((self.fraction - WINDOW / 2) * self.n))
        self.window = slice(begin, int((self.fraction + WINDOW / 2) * self.n) + 2)
        self.below = np.bincount(self.block[:begin], minlength=blocks.count)
        self.sizes = np.bincount(self.block, minlength=blocks.count)

    def drawn(self, weights: Floats) -> Floats:
        return np.array([self._quantile(row) for row in weights])

    def _quantile(self, weights: Floats) -> float:
        total = int(weights @ self.sizes)
        if not total:
            return float("nan")
        place = self.fraction * (total - 1)
        ranks = np.minimum([int(place), int(place) + 1], total - 1)
        skipped = int(weights @ self.below)
        found = self._ranked(weights, self.window, ranks - skipped)
        if found is None:
            found = self._ranked(weights, slice(None), ranks)
        assert found is not None
        low, high = found
        return float(low + (place - int(place)) * (high - low))

    def _ranked(self, weights: Floats, window: slice, ranks: Integers) -> Floats | None:
        ends = np.cumsum(weights[self.block[window]])
        if ranks[0] < 0 or not len(ends) or ranks[-1] >= ends[-1]:
            return None
        found: Floats = self.entries[window][np.searchsorted(ends, ranks, side="right")]
        return found


class Repeated(Tally):
    """The tally of any `Metric`: a resample repeats its rows.

    Args:
        metric: any.
        rows: its statistics, shape (rows, columns).
        blocks: what is drawn.
    """

    def __init__(self, metric: Metric, rows: Floats, blocks: Blocks) -> None:
        super().__init__(float(metric.value(rows)) if len(rows) else np.nan, len(rows), blocks)
        self.metric = metric
        self.rows = rows

    def drawn(self, weights: Floats) -> Floats:
        """Return the value of each resample, shape (resamples,)."""
        if not self.n:
            return np.full(len(weights), np.nan)
        repeated = weights.astype(np.int64)[:, self.blocks.of_row]
        return np.array([self.metric.value(np.repeat(self.rows, w, axis=0)) for w in repeated])

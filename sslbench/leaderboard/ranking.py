"""Ranks that claim no more than the data allow: paired tests, corrected for their number.

Methods of a board answered the same scenes, so they are compared on the same resamples: a scene
that is hard for both does not hide that one of them is better. Every pair is tested
(`uncertainty.p_value`), the p-values are corrected together by Holm's method, and the rank of a
method is 1 plus the number of methods that are better with an adjusted p below 0.05. No rank is
less than that of a row with a better value. Equal ranks mean that the data cannot tell.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sslbench.metrics.uncertainty import Interval, holm, p_value, percentile_interval
from sslbench.results.record import RunRecord

__all__ = ["SIGNIFICANCE", "Comparison", "compare", "ranks"]

SIGNIFICANCE = 0.05
"""Holm-adjusted p-value below which one method is better than another."""


@dataclass(frozen=True)
class Comparison:
    """What two methods, first minus second, differ by in the primary metric.

    Args:
        difference: of the values.
        ci95: 95 % interval on the same resamples; None where none is defined.
        p: Holm-adjusted; NaN if the data allow no test.
    """

    difference: float
    ci95: Interval | None
    p: float

    @property
    def significant(self) -> bool:
        """Whether the data tell the two apart."""
        return self.p < SIGNIFICANCE


def compare(rows: Sequence[Sequence[RunRecord]]) -> dict[tuple[int, int], Comparison]:
    """Compare every pair of methods of a board.

    Args:
        rows: the records of each method, one a seed.

    Returns:
        By the indices of the two rows, first below second.
    """
    values = [_value(records) for records in rows]
    drawn = [_drawn(records) for records in rows]
    units = min((r.resampled.units for row in rows for r in row if r.resampled), default=0)
    pairs = list(itertools.combinations(range(len(rows)), 2))
    found = [_difference(values, drawn, units, pair) for pair in pairs]
    adjusted = holm([p for _, _, p in found])
    return {
        pair: Comparison(difference, interval, p)
        for pair, (difference, interval, _), p in zip(pairs, found, adjusted, strict=True)
    }


def _difference(
    values: Sequence[float],
    drawn: Sequence[NDArray[np.float64] | None],
    units: int,
    pair: tuple[int, int],
) -> tuple[float, Interval | None, float]:
    difference = values[pair[0]] - values[pair[1]]
    first, second = (drawn[index] for index in pair)
    if first is None or second is None or len(first) != len(second):
        return difference, None, float("nan")
    resampled = first - second
    interval = percentile_interval(difference, resampled, units)
    return difference, interval, p_value(difference, resampled, units)


def _value(records: Sequence[RunRecord]) -> float:
    entries = [record.metric(record.dataset.primary_metric) for record in records]
    values = [entry.value if entry and entry.value is not None else np.nan for entry in entries]
    return float(np.mean(values))


def _drawn(records: Sequence[RunRecord]) -> NDArray[np.float64] | None:
    """Return the mean over seeds of the values on each resample; None if a record has none."""
    kept = [record.resampled.values for record in records if record.resampled]
    if len(kept) < len(records) or len({len(values) for values in kept}) != 1:
        return None
    return np.asarray(np.array(kept, dtype=float).mean(axis=0))


def ranks(
    rows: Sequence[Sequence[RunRecord]],
    comparisons: Mapping[tuple[int, int], Comparison],
    *,
    higher_is_better: bool,
) -> list[int | None]:
    """Return the rank of each method; None where its value is undefined.

    Args:
        rows: the records of each method, best value first.
        comparisons: of every pair.
        higher_is_better: direction of the primary metric.
    """
    found: list[int | None] = []
    last = 1
    for index, records in enumerate(rows):
        if np.isnan(_value(records)):
            found.append(None)
            continue
        better = sum(
            comparisons[other, index].significant
            and (comparisons[other, index].difference > 0) == higher_is_better
            for other in range(index)
        )
        last = max(last, better + 1)
        found.append(last)
    return found

"""Ranks of methods: paired tests on the same resamples, corrected for multiple comparisons.

The methods of a board were run on the same scenes, so they are compared on the same resamples: a
scene that is difficult for both methods does not hide a difference between them. Every pair of
methods is tested (`uncertainty.p_value`), and the p-values are adjusted together by Holm's method.
The rank of a method is 1 plus the number of methods that are better with an adjusted p below 0.05,
but at least the rank of any method with a better value. If that is the rank of a method that is
significantly better, it is 1 plus the number of all methods with a better value, so that methods of
equal rank never differ significantly.
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
    """Difference of two methods, first minus second, in the primary metric.

    Args:
        difference: of the values.
        ci95: 95 % confidence interval of the difference on the same resamples; None if undefined.
        p: Holm-adjusted p-value; NaN if the data allow no test.
    """

    difference: float
    ci95: Interval | None
    p: float

    @property
    def significant(self) -> bool:
        """Whether the two methods differ significantly."""
        return self.p < SIGNIFICANCE


def compare(rows: Sequence[Sequence[RunRecord]]) -> dict[tuple[int, int], Comparison]:
    """Compare every pair of methods of a board.

    Args:
        rows: the records of each method, one per seed.

    Returns:
        Comparisons by the indices of the two rows, the smaller index first.
    """
    values = [_value(records) for records in rows]
    resampled = [_resampled_values(records) for records in rows]
    units = min((r.resampled.units for row in rows for r in row if r.resampled), default=0)
    pairs = list(itertools.combinations(range(len(rows)), 2))
    found = [_difference(values, resampled, units, pair) for pair in pairs]
    adjusted = holm([p for _, _, p in found])
    return {
        pair: Comparison(difference, interval, p)
        for pair, (difference, interval, _), p in zip(pairs, found, adjusted, strict=True)
    }


def _difference(
    values: Sequence[float],
    resampled: Sequence[NDArray[np.float64] | None],
    units: int,
    pair: tuple[int, int],
) -> tuple[float, Interval | None, float]:
    difference = values[pair[0]] - values[pair[1]]
    first, second = (resampled[index] for index in pair)
    if first is None or second is None or len(first) != len(second):
        return difference, None, float("nan")
    differences = first - second
    interval = percentile_interval(difference, differences, units)
    return difference, interval, p_value(difference, differences, units)


def _value(records: Sequence[RunRecord]) -> float:
    entries = [record.metric(record.dataset.primary_metric) for record in records]
    values = [entry.value if entry and entry.value is not None else np.nan for entry in entries]
    return float(np.mean(values))


def _resampled_values(records: Sequence[RunRecord]) -> NDArray[np.float64] | None:
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
        worse = [
            comparisons[other, index].significant
            and (comparisons[other, index].difference > 0) == higher_is_better
            for other in range(index)
        ]
        last = max(last, sum(worse) + 1)
        if any(found[other] == last and worse[other] for other in range(index)):
            last = index + 1
        found.append(last)
    return found

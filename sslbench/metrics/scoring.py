"""Scoring: the answers of a run become numbers with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sslbench.contracts import Metric, MetricSpec
from sslbench.errors import BrokenPluginError, FormatError
from sslbench.metrics.association import check_comparable, match, stack_tracks
from sslbench.metrics.statistics import MatchMetric, WeightedValue
from sslbench.metrics.strata import stratify
from sslbench.metrics.uncertainty import Interval, bootstrap_intervals
from sslbench.scene import Condition, Tracks

__all__ = ["Pair", "Score", "Strata", "score", "score_strata"]

Pair = tuple[Tracks, Tracks]
"""The answer to one recording, and its truth."""


@dataclass(frozen=True)
class Score:
    """One number under one protocol.

    Args:
        name: of the metric.
        version: of the metric.
        protocol: rules by which it was computed.
        value: in `unit`; NaN if undefined.
        unit: `m`, `deg`, `%`, ...
        ci95: 95 % interval; None where none is defined.
        n: how many sources or frames it is over.
        higher_is_better: direction; None where there is no better.
    """

    name: str
    version: int
    protocol: str
    value: float
    unit: str
    ci95: Interval | None
    n: int
    higher_is_better: bool | None


Strata = dict[str, dict[str, list[Score]]]
"""Scores by condition and by bin of that condition."""


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows of a corpus under one metric, and how many each recording has."""

    spec: MetricSpec
    metric: Metric
    rows: NDArray[np.float64]
    lengths: NDArray[np.int64]


def score(
    pairs: Sequence[Pair],
    metrics: Sequence[tuple[MetricSpec, Metric]],
    protocol: str,
    seed: int,
) -> list[Score]:
    """Score the answers to a corpus under every metric, with 95 % intervals.

    Values come from the pooled rows of all recordings; intervals from resampled recordings and
    blocks of frames, the same resamples for every metric.

    Args:
        pairs: answer and truth of each recording.
        metrics: those to compute; each must be able to compare the kind of the truth.
        protocol: name that is written beside each number.
        seed: of the resampling.

    Returns:
        One score a metric, in their order; NaN with n = 0 if there are no pairs.

    Raises:
        FormatError: if an answer cannot be held against its truth.
        BrokenPluginError: if a metric breaks its contract.
    """
    for index, (prediction, truth) in enumerate(pairs):
        check_comparable(prediction, truth, f"recording {index + 1} of {len(pairs)}")
    _check_one_kind(pairs)
    corpora = _corpora(pairs, metrics)
    intervals = _intervals(corpora, seed)
    return [
        _score(corpus, protocol, interval)
        for corpus, interval in zip(corpora, intervals, strict=True)
    ]


def score_strata(
    pairs: Mapping[str, Pair],
    conditions: Mapping[str, Mapping[str, Condition]],
    metrics: Sequence[tuple[MetricSpec, Metric]],
    protocol: str,
    seed: int,
) -> Strata:
    """Score each stratum of a corpus as `score` does the whole.

    Args:
        pairs: answer and truth by recording id.
        conditions: of each recording, by id; split as by `strata.stratify`.
        metrics: those to compute.
        protocol: name that is written beside each number.
        seed: of the resampling.
    """
    known = {name: conditions.get(name, {}) for name in pairs}
    return {
        condition: {
            label: score([pairs[name] for name in names], metrics, protocol, seed)
            for label, names in bins.items()
        }
        for condition, bins in stratify(known).items()
    }


def _check_one_kind(pairs: Sequence[Pair]) -> None:
    kinds = sorted({truth.kind for _, truth in pairs})
    if len(kinds) > 1:
        raise FormatError("recordings of different kinds", expected=f"all {kinds[0]}")


def _corpora(pairs: Sequence[Pair], metrics: Sequence[tuple[MetricSpec, Metric]]) -> list[_Rows]:
    lengths = np.array([len(truth.times) for _, truth in pairs], dtype=np.int64)
    matches = match(stack_tracks([p for p, _ in pairs]), stack_tracks([t for _, t in pairs]))
    return [
        _Rows(spec, metric, metric.rows(matches), lengths)
        if isinstance(metric, MatchMetric) and pairs
        else _each_recording(spec, metric, pairs)
        for spec, metric in metrics
    ]


def _each_recording(spec: MetricSpec, metric: Metric, pairs: Sequence[Pair]) -> _Rows:
    parts = [np.asarray(metric.components(*pair), dtype=float) for pair in pairs]
    shapes = {part.shape[1:] for part in parts}
    if any(part.ndim != 2 for part in parts) or len(shapes) > 1:
        raise BrokenPluginError(
            f"rows of shapes {sorted({part.shape for part in parts})}",
            where=f"metric {spec.name}",
            expected="(rows, columns) with as many columns for every recording",
        )
    lengths = np.array([len(part) for part in parts], dtype=np.int64)
    rows = np.concatenate(parts) if parts else np.zeros((0, 1))
    return _Rows(spec, metric, rows, lengths)


def _intervals(corpora: Sequence[_Rows], seed: int) -> list[Interval | None]:
    layouts: dict[bytes, list[int]] = {}
    for index, corpus in enumerate(corpora):
        layouts.setdefault(corpus.lengths.tobytes(), []).append(index)
    found: list[Interval | None] = [None] * len(corpora)
    for indices in layouts.values():
        values = [_weighted(corpora[index]) for index in indices]
        shared = bootstrap_intervals(values, corpora[indices[0]].lengths, seed)
        for index, interval in zip(indices, shared, strict=True):
            found[index] = interval
    return found


def _weighted(corpus: _Rows) -> WeightedValue:
    metric, rows = corpus.metric, corpus.rows
    if isinstance(metric, MatchMetric):
        return metric.weighted(rows)
    return lambda weights: float(metric.value(np.repeat(rows, weights, axis=0)))


def _score(corpus: _Rows, protocol: str, interval: Interval | None) -> Score:
    spec, metric, rows = corpus.spec, corpus.metric, corpus.rows
    value = float(metric.value(rows)) if len(rows) else float("nan")
    return Score(
        name=spec.name,
        version=spec.version,
        protocol=protocol,
        value=value,
        unit=spec.unit,
        ci95=interval if np.isfinite(value) else None,
        n=metric.count(rows) if isinstance(metric, MatchMetric) and len(rows) else len(rows),
        higher_is_better=spec.higher_is_better,
    )

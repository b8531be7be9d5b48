"""The one scoring path: predictions and ground truth become scores under a protocol.

`sslbench run`, `score`, `leaderboard verify` and `leaderboard rescore` all call `evaluate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sslbench.array_types import Floats, Integers
from sslbench.errors import BrokenPluginError, FormatError
from sslbench.metrics.aggregation import CorpusMetric, RepeatedRows, ResampleSummary
from sslbench.metrics.corpus import Corpus, Pair
from sslbench.metrics.uncertainty import (
    Blocks,
    Interval,
    draw,
    effective_size,
    percentile_interval,
    single_frames,
)
from sslbench.scene import Condition, Kind, Prediction, Tracks
from sslbench.scoring.ground_truth import GroundTruth
from sslbench.scoring.prediction_checks import check_predictions
from sslbench.scoring.protocols import ConfiguredMetric, Rules
from sslbench.scoring.strata import stratify
from sslbench.specs import ProtocolSpec

__all__ = [
    "SEED",
    "Evaluation",
    "Pair",
    "Score",
    "Strata",
    "evaluate",
    "microphone_pairs",
    "score",
    "score_run",
    "score_strata",
    "source_pairs",
]


SEED = 0
"""Seed of the resampling: one for all, so that methods are compared on the same resamples."""


@dataclass(frozen=True)
class Score:
    """The value of one metric under one protocol.

    Args:
        name: name of the metric, with its parameters.
        version: version of the metric.
        protocol: name of the protocol.
        value: in `unit`; NaN if undefined.
        unit: `m`, `deg`, `%`, ...
        ci95: 95 % confidence interval; None if undefined.
        n: number of sources or frames that the value is computed from.
        n_eff: effective sample size; None if unknown.
        higher_is_better: direction; None if neither is better.
        resampled: value of each resample, shape (resamples,). All metrics and methods with
            recordings of the same lengths share the same resamples.
        units: number of resampling units: recordings, or blocks if there is one recording.
    """

    name: str
    version: int
    protocol: str
    value: float
    unit: str
    ci95: Interval | None
    n: int
    n_eff: float | None
    higher_is_better: bool | None
    resampled: Floats = field(repr=False, compare=False, default_factory=lambda: np.zeros(0))
    units: int = 0


Strata = dict[str, dict[str, list[Score]]]
"""Scores by condition and by bin of that condition."""


@dataclass(frozen=True)
class Evaluation:
    """The scores of a run.

    Args:
        primary: label of the metric that ranks.
        scores: one per metric.
        by_condition: scores of the primary metric by condition and bin.
    """

    primary: str
    scores: list[Score]
    by_condition: Strata

    @property
    def primary_score(self) -> Score:
        """The score of the metric that ranks."""
        return next(score for score in self.scores if score.name == self.primary)


def evaluate(
    applied: Rules, predictions: Mapping[str, Prediction], ground_truth: GroundTruth, where: str
) -> Evaluation:
    """Score predictions under the rules of a protocol.

    Args:
        applied: protocol and metrics.
        predictions: by recording id.
        ground_truth: of the same recordings.
        where: the predictions, for error messages.

    Raises:
        FormatError: if the predictions are not what was requested.
        BrokenPluginError: if a metric breaks its contract.
    """
    check_predictions(predictions, ground_truth.requests, where)
    sources = source_pairs(predictions, ground_truth)
    microphones = microphone_pairs(predictions, ground_truth)
    protocol, ranking = applied.protocol, [m for m in applied.metrics if m.label == applied.primary]
    return Evaluation(
        applied.primary,
        score_run(list(sources.values()), microphones, applied.metrics, protocol, SEED),
        score_strata(sources, ground_truth.conditions, ranking, protocol, SEED),
    )


def source_pairs(
    predictions: Mapping[str, Prediction], ground_truth: GroundTruth
) -> dict[str, Pair]:
    """Return estimated and true sources of each recording, in the order of the data set."""
    return {
        name: (predictions[name].tracks, truth.tracks) for name, truth in ground_truth.truth.items()
    }


def microphone_pairs(
    predictions: Mapping[str, Prediction], ground_truth: GroundTruth
) -> list[Pair]:
    """Return estimated and true microphones of the recordings that have both, as tracks.

    Raises:
        FormatError: if there are not as many estimates as microphones.
    """
    found = []
    for name, truth in ground_truth.truth.items():
        estimated, true = predictions[name].microphones, truth.microphones
        if estimated is None or true is None:
            continue
        if estimated.shape != true.shape:
            raise FormatError(
                f"{len(estimated)} microphones are estimated, there are {len(true)}",
                where=name,
                expected="one estimate per channel, NaN where there is none",
            )
        found.append((_as_tracks(estimated), _as_tracks(true)))
    return found


def _as_tracks(microphones: Floats) -> Tracks:
    return Tracks.of([0.0], microphones[None], "position")


def score(
    pairs: Sequence[Pair], metrics: Sequence[ConfiguredMetric], protocol: ProtocolSpec, seed: int
) -> list[Score]:
    """Compute metrics of a corpus, with 95 % confidence intervals.

    Values are computed from the pooled rows of all recordings. Intervals are computed from
    resampled recordings and blocks of frames, with the same resamples for every metric.

    Args:
        pairs: estimate and ground truth of each recording.
        metrics: the metrics; each must be able to compare the kind of the ground truth.
        protocol: its name is stored with each score, and it determines what is resampled.
        seed: of the resampling.

    Returns:
        One score per metric, in the same order; NaN with n = 0 if there are no pairs.

    Raises:
        FormatError: if an estimate cannot be compared with its ground truth.
        BrokenPluginError: if a metric returns invalid rows.
    """
    corpus = Corpus.of(pairs)
    layouts = _Layouts(protocol)
    summaries = [_summarize(metric, corpus, pairs, layouts) for metric in metrics]
    corpus.clear_cache()
    resampled: dict[int, _Resampled] = {}
    for blocks in layouts.known.values():
        resampled |= _resample(blocks, summaries, seed)
    return [
        _score(metric, protocol, corpus.kind, summaries[index], resampled[index])
        for index, metric in enumerate(metrics)
    ]


def score_run(
    sources: Sequence[Pair],
    microphones: Sequence[Pair],
    metrics: Sequence[ConfiguredMetric],
    protocol: ProtocolSpec,
    seed: int,
) -> list[Score]:
    """Score the estimates of a run: sources and, if it has any, microphones.

    Args:
        sources: estimate and ground truth of each recording.
        microphones: estimated and true positions, one column per channel, of each recording with
            estimated microphones. If it is empty, metrics of microphones are left out.
        metrics: metrics of sources and of microphones.
        protocol: the protocol.
        seed: of the resampling.
    """
    subjects = {"sources": sources, "microphones": microphones}
    return [
        result
        for subject, pairs in subjects.items()
        if pairs or subject == "sources"
        for result in score(
            pairs, [m for m in metrics if m.spec.subject == subject], protocol, seed
        )
    ]


def score_strata(
    pairs: Mapping[str, Pair],
    conditions: Mapping[str, Mapping[str, Condition]],
    metrics: Sequence[ConfiguredMetric],
    protocol: ProtocolSpec,
    seed: int,
) -> Strata:
    """Score each stratum of a corpus, as `score` does for the whole corpus.

    Args:
        pairs: estimate and ground truth by recording id.
        conditions: of each recording, by id; `strata.stratify` bins them.
        metrics: the metrics to compute.
        protocol: the protocol.
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


class _Layouts:
    """Blocks of rows, shared by all metrics with the same number of rows per recording."""

    def __init__(self, protocol: ProtocolSpec) -> None:
        self.cut = single_frames if protocol.single_frames else Blocks.of
        self.known: dict[bytes, Blocks] = {}

    def of(self, lengths: Integers) -> Blocks:
        return self.known.setdefault(lengths.tobytes(), self.cut(lengths))


def _summarize(
    configured: ConfiguredMetric, corpus: Corpus, pairs: Sequence[Pair], layouts: _Layouts
) -> ResampleSummary:
    metric = configured.metric
    if isinstance(metric, CorpusMetric):
        return metric.summarize(metric.rows(corpus), layouts.of(corpus.lengths))
    parts = [np.asarray(metric.components(*pair), dtype=float) for pair in pairs]
    shapes = {part.shape[1:] for part in parts}
    if any(part.ndim != 2 for part in parts) or len(shapes) > 1:
        raise BrokenPluginError(
            f"the rows of the recordings have shapes {sorted({part.shape for part in parts})}",
            where=f"metric {configured.label}",
            expected="(rows, columns) with the same number of columns for every recording",
        )
    lengths = np.array([len(part) for part in parts], dtype=np.int64)
    rows = np.concatenate(parts) if parts else np.zeros((0, 1))
    return RepeatedRows(metric, rows, layouts.of(lengths))


@dataclass(frozen=True, eq=False)
class _Resampled:
    """Values of a metric on all resamples, and its summed influence, each of shape (resamples,)."""

    values: Floats
    influence: Floats


def _resample(
    blocks: Blocks, summaries: Sequence[ResampleSummary], seed: int
) -> dict[int, _Resampled]:
    own = [index for index, summary in enumerate(summaries) if summary.blocks is blocks]
    parts: dict[int, list[tuple[Floats, Floats]]] = {index: [] for index in own}
    for weights in draw(blocks, seed):
        for index in own:
            summary = summaries[index]
            influence = np.zeros(len(weights))
            if summary.influence is not None:
                influence = weights @ summary.influence.by_block
            parts[index].append((summary.resample(weights), influence))
    return {
        index: _Resampled(*(np.concatenate(column) for column in zip(*part, strict=True)))
        for index, part in parts.items()
    }


def _score(
    configured: ConfiguredMetric,
    protocol: ProtocolSpec,
    kind: Kind,
    summary: ResampleSummary,
    resampled: _Resampled,
) -> Score:
    spec, units = configured.spec, summary.blocks.units
    effective = None
    if np.isfinite(summary.value) and units > 1 and summary.influence is not None:
        effective = effective_size(summary.influence, resampled.influence, summary.n)
    return Score(
        name=configured.label,
        version=spec.version,
        protocol=protocol.name,
        value=summary.value,
        unit=spec.unit_for(kind),
        ci95=_interval(summary.value, resampled.values, units, spec.unit),
        n=summary.n,
        n_eff=effective,
        higher_is_better=spec.higher_is_better,
        resampled=resampled.values,
        units=units,
    )


def _interval(value: float, resampled: Floats, units: int, unit: str) -> Interval | None:
    found = percentile_interval(value, resampled, units)
    # No share exceeds 100 %, however few recordings there are.
    return (found[0], min(found[1], 100.0)) if found and unit == "%" else found

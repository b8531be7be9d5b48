"""Scoring: the answers of a run become numbers with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sslbench.array_types import Floats, Integers
from sslbench.errors import BrokenPluginError
from sslbench.metrics.aggregation import CorpusMetric, Repeated, Tally
from sslbench.metrics.corpus import Corpus, Pair
from sslbench.metrics.uncertainty import (
    Blocks,
    Interval,
    draw,
    effective_size,
    percentile_interval,
    single_frames,
)
from sslbench.scene import Condition, Kind
from sslbench.scoring.protocols import ChosenMetric
from sslbench.scoring.strata import stratify
from sslbench.specs import ProtocolSpec

__all__ = ["Pair", "Score", "Strata", "score", "score_run", "score_strata"]


@dataclass(frozen=True)
class Score:
    """One number under one protocol.

    Args:
        name: of the metric, with its parameters.
        version: of the metric.
        protocol: rules by which it was computed.
        value: in `unit`; NaN if undefined.
        unit: `m`, `deg`, `%`, ...
        ci95: 95 % interval; None where none is defined.
        n: how many sources or frames it is over.
        n_eff: how many independent ones would be as certain; None where unknown.
        higher_is_better: direction; None where there is no better.
        drawn: value of each resample, shape (resamples,); the same resamples for every metric and
            method with recordings of the same lengths.
        units: recordings that were resampled, or blocks if there is one recording.
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
    drawn: Floats = field(repr=False, compare=False, default_factory=lambda: np.zeros(0))
    units: int = 0


Strata = dict[str, dict[str, list[Score]]]
"""Scores by condition and by bin of that condition."""


def score(
    pairs: Sequence[Pair], metrics: Sequence[ChosenMetric], protocol: ProtocolSpec, seed: int
) -> list[Score]:
    """Score the answers to a corpus under every metric, with 95 % intervals.

    Values come from the pooled rows of all recordings; intervals from resampled recordings and
    blocks of frames, the same resamples for every metric.

    Args:
        pairs: answer and truth of each recording.
        metrics: those to compute; each must be able to compare the kind of the truth.
        protocol: whose name is written beside each number, and whose rule of resampling holds.
        seed: of the resampling.

    Returns:
        One score a metric, in their order; NaN with n = 0 if there are no pairs.

    Raises:
        FormatError: if an answer cannot be held against its truth.
        BrokenPluginError: if a metric breaks its contract.
    """
    corpus = Corpus.of(pairs)
    layouts = _Layouts(protocol)
    tallies = [_tally(chosen, corpus, pairs, layouts) for chosen in metrics]
    corpus.forget()
    drawn: dict[int, _Drawn] = {}
    for blocks in layouts.known.values():
        drawn |= _resample(blocks, tallies, seed)
    return [
        _score(chosen, protocol, corpus.kind, tallies[index], drawn[index])
        for index, chosen in enumerate(metrics)
    ]


def score_run(
    sources: Sequence[Pair],
    microphones: Sequence[Pair],
    metrics: Sequence[ChosenMetric],
    protocol: ProtocolSpec,
    seed: int,
) -> list[Score]:
    """Score what a run answered: where the sources are and, if it did, where the microphones are.

    Args:
        sources: answer and truth of each recording.
        microphones: estimated and true places, one column a channel, of each recording for which
            there are any; metrics of microphones are left out if there are none.
        metrics: of both subjects.
        protocol: whose rules hold.
        seed: of the resampling.
    """
    subjects = {"sources": sources, "microphones": microphones}
    return [
        found
        for subject, pairs in subjects.items()
        if pairs or subject == "sources"
        for found in score(pairs, [m for m in metrics if m.spec.subject == subject], protocol, seed)
    ]


def score_strata(
    pairs: Mapping[str, Pair],
    conditions: Mapping[str, Mapping[str, Condition]],
    metrics: Sequence[ChosenMetric],
    protocol: ProtocolSpec,
    seed: int,
) -> Strata:
    """Score each stratum of a corpus as `score` does the whole.

    Args:
        pairs: answer and truth by recording id.
        conditions: of each recording, by id; split as by `strata.stratify`.
        metrics: those to compute.
        protocol: whose rules hold.
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
    """How rows are cut into blocks, once for all metrics that have as many rows a recording."""

    def __init__(self, protocol: ProtocolSpec) -> None:
        self.cut = single_frames if protocol.single_frames else Blocks.of
        self.known: dict[bytes, Blocks] = {}

    def of(self, lengths: Integers) -> Blocks:
        return self.known.setdefault(lengths.tobytes(), self.cut(lengths))


def _tally(chosen: ChosenMetric, corpus: Corpus, pairs: Sequence[Pair], layouts: _Layouts) -> Tally:
    metric = chosen.metric
    if isinstance(metric, CorpusMetric):
        return metric.tally(metric.rows(corpus), layouts.of(corpus.lengths))
    parts = [np.asarray(metric.components(*pair), dtype=float) for pair in pairs]
    shapes = {part.shape[1:] for part in parts}
    if any(part.ndim != 2 for part in parts) or len(shapes) > 1:
        raise BrokenPluginError(
            f"rows of shapes {sorted({part.shape for part in parts})}",
            where=f"metric {chosen.label}",
            expected="(rows, columns) with as many columns for every recording",
        )
    lengths = np.array([len(part) for part in parts], dtype=np.int64)
    rows = np.concatenate(parts) if parts else np.zeros((0, 1))
    return Repeated(metric, rows, layouts.of(lengths))


@dataclass(frozen=True, eq=False)
class _Drawn:
    """What a metric came to on each resample, and by how much its effects add up there."""

    values: Floats
    moved: Floats


def _resample(blocks: Blocks, tallies: Sequence[Tally], seed: int) -> dict[int, _Drawn]:
    own = [index for index, tally in enumerate(tallies) if tally.blocks is blocks]
    parts: dict[int, list[tuple[Floats, Floats]]] = {index: [] for index in own}
    for weights in draw(blocks, seed):
        for index in own:
            effects = tallies[index].effects
            moved = np.zeros(len(weights)) if effects is None else weights @ effects.by_block
            parts[index].append((tallies[index].drawn(weights), moved))
    return {
        index: _Drawn(*(np.concatenate(column) for column in zip(*part, strict=True)))
        for index, part in parts.items()
    }


def _score(
    chosen: ChosenMetric, protocol: ProtocolSpec, kind: Kind, tally: Tally, drawn: _Drawn
) -> Score:
    defined = bool(np.isfinite(tally.value))
    units = tally.blocks.units
    effective = None
    if defined and units > 1 and tally.effects is not None:
        effective = effective_size(tally.effects, drawn.moved, tally.n)
    return Score(
        name=chosen.label,
        version=chosen.spec.version,
        protocol=protocol.name,
        value=tally.value,
        unit=chosen.spec.unit_for(kind),
        ci95=_interval(tally.value, drawn.values, units, chosen.spec.unit),
        n=tally.n,
        n_eff=effective,
        higher_is_better=chosen.spec.higher_is_better,
        drawn=drawn.values,
        units=units,
    )


def _interval(value: float, drawn: Floats, units: int, unit: str) -> Interval | None:
    found = percentile_interval(value, drawn, units)
    # No share exceeds 100 %, however few recordings there are.
    return (found[0], min(found[1], 100.0)) if found and unit == "%" else found

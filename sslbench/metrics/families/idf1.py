"""Metrics of identity: how much of a recording the same answer follows the same source.

Each source is given one answer for its whole recording, so that the number of true positives is
largest (`association.identity`). IDTP counts the frames in which the two are within the gate, IDFN
the other frames of sources, IDFP the other frames of answers (Ristani et al. 2016).
"""

from __future__ import annotations

import numpy as np

from sslbench.array_types import Booleans, Floats
from sslbench.metrics.aggregation import Additive, Statistic, percent, ratio_of
from sslbench.metrics.association.identity import match_identity
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.distances import Limit
from sslbench.metrics.statistics import sounding
from sslbench.scene import Tracks  # noqa: F401  # the examples use it
from sslbench.specs import MetricSpec, Parameter

__all__ = ["GATE_DEGREES", "GATE_METRES", "SPECS", "id_precision", "id_recall", "idf1"]


GATE_METRES = 0.5
GATE_DEGREES = 20.0
"""The default gates."""


def _spec(name: str, summary: str, symbol: str) -> MetricSpec:
    return MetricSpec(
        name=name,
        target=f"sslbench.metrics.families.idf1:{name.replace('-', '_')}",
        summary=summary,
        unit="%",
        higher_is_better=True,
        reference="Ristani et al. 2016, Performance Measures and a Data Set for Multi-Target,"
        f" Multi-Camera Tracking: {symbol}",
        parameters=(Parameter("gate", "", "largest distance, as in 0.5m or 20deg (the defaults)"),),
    )


SPECS = (
    _spec("idf1", "Share of frames in which the same answer follows the same source", "IDF1"),
    _spec("id-precision", "Share of answers that are of the source they belong to", "IDP"),
    _spec("id-recall", "Share of sources answered by the answer they belong to", "IDR"),
)


def idf1(gate: str = "") -> Additive:
    """Return IDF1 = 2 IDTP / (2 IDTP + IDFP + IDFN), in %.

    Counts are summed over recordings. NaN if there is neither a source nor an answer, 0 if there is
    one of the two only. A pair at the gate counts. Intervals hold the answer of each source fixed.

    Args:
        gate: largest distance of a pair; 20deg for directions and 0.5m for positions if empty.

    Raises:
        ParameterError: if the gate is no distance.

    >>> truth = Tracks.of([0, 1, 2, 3], [[[0, 0, 0]]] * 4, "position")
    >>> answer = Tracks.of([0, 1, 2, 3], [[[0, 0, x]] for x in (0, 0, 0, 2)], "position")
    >>> idf1()(answer, truth), idf1("2m")(answer, truth)
    (75.0, 100.0)
    """
    limit = _limit(gate)
    true = _true(limit)

    def statistics(corpus: Corpus) -> Floats:
        hits, sources, answers = true(corpus), _sources(corpus), _answers(corpus)
        return np.column_stack([hits, answers - hits, sources - hits, sources])

    return Additive(statistics, _f1, kind=limit.kind)


def id_precision(gate: str = "") -> Additive:
    """Return IDP = IDTP / (IDTP + IDFP), in %; NaN if nothing is answered.

    Args:
        gate: largest distance of a pair; 20deg for directions and 0.5m for positions if empty.

    Raises:
        ParameterError: if the gate is no distance.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> answer = Tracks.of([0, 1], [[[0, 0, 0]], [[np.nan] * 3]], "position")
    >>> id_precision()(answer, truth)
    100.0
    """
    limit = _limit(gate)
    return ratio_of(_true(limit), _answers, percent, kind=limit.kind)


def id_recall(gate: str = "") -> Additive:
    """Return IDR = IDTP / (IDTP + IDFN), in %; NaN if no source sounds.

    Args:
        gate: largest distance of a pair; 20deg for directions and 0.5m for positions if empty.

    Raises:
        ParameterError: if the gate is no distance.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> answer = Tracks.of([0, 1], [[[0, 0, 0]], [[np.nan] * 3]], "position")
    >>> id_recall()(answer, truth)
    50.0
    """
    limit = _limit(gate)
    return ratio_of(_true(limit), sounding, percent, kind=limit.kind)


def _limit(gate: str) -> Limit:
    return Limit.read(gate, GATE_METRES, GATE_DEGREES)


def _true(gate: Limit) -> Statistic:
    def statistic(corpus: Corpus) -> Floats:
        return _number(corpus.once(match_identity, gate.of(corpus.kind)).answered)

    return statistic


def _sources(corpus: Corpus) -> Floats:
    return _number(corpus.sounding)


def _answers(corpus: Corpus) -> Floats:
    return _number(corpus.claimed)


def _number(there: Booleans) -> Floats:
    return np.asarray(there.sum(axis=1), dtype=float)


def _f1(sums: Floats) -> Floats:
    hits, false, missed = sums[..., 0], sums[..., 1], sums[..., 2]
    return percent(np.stack([2 * hits, 2 * hits + false + missed], axis=-1))

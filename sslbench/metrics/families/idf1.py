"""Identity metrics: for how much of a recording the same estimate follows the same source.

Each source is matched to one estimate for its whole recording, such that the number of true
positives is largest (`association.identity`). IDTP is the number of frames in which the two are
within the gate, IDFN the number of other frames of sources, IDFP the number of other frames of
estimates (Ristani et al. 2016).
"""

from __future__ import annotations

from functools import partial

import numpy as np

from sslbench.array_types import Floats
from sslbench.metrics.aggregation import Additive, Statistic, percent, ratio_of
from sslbench.metrics.association.identity import match_identity
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.declaration import metric
from sslbench.metrics.distances import Limit
from sslbench.metrics.per_frame import active_sources, count, estimate_count, source_count
from sslbench.scene import Tracks  # noqa: F401  # the examples use it
from sslbench.specs import Parameter

__all__ = ["GATE_DEGREES", "GATE_METRES", "id_precision", "id_recall", "idf1"]


GATE_METRES = 0.5
GATE_DEGREES = 20.0
"""Default gates."""

RISTANI = (
    "Ristani et al. 2016, Performance Measures and a Data Set for Multi-Target,"
    " Multi-Camera Tracking"
)

GATE = Parameter(
    "gate", "", "largest distance of a pair, as in 0.5m or 20deg, which are the defaults"
)

declare = partial(
    metric,
    unit="%",
    higher_is_better=True,
    parameters=(GATE,),
)


@declare(
    name="idf1",
    summary="Share of frames in which the same estimate follows the same source",
    reference=f"{RISTANI}: IDF1",
)
def idf1(gate: str = "") -> Additive:
    """Return IDF1 = 2 IDTP / (2 IDTP + IDFP + IDFN), in %.

    Counts are summed over recordings. 0 if there are sources but no estimates, or estimates but no
    sources; NaN if there are neither. A distance equal to the gate counts as within. Confidence
    intervals do not account for the choice of the estimate of each source.

    Args:
        gate: largest distance of a pair; by default 20deg for directions, 0.5m for positions.

    Raises:
        ParameterError: if the gate is not a distance.

    >>> truth = Tracks.of([0, 1, 2, 3], [[[0, 0, 0]]] * 4, "position")
    >>> estimate = Tracks.of([0, 1, 2, 3], [[[0, 0, x]] for x in (0, 0, 0, 2)], "position")
    >>> idf1()(estimate, truth), idf1("2m")(estimate, truth)
    (75.0, 100.0)
    """
    limit = _limit(gate)
    true_positives = _true_positives(limit)

    def statistics(corpus: Corpus) -> Floats:
        hits = true_positives(corpus)
        sources, estimates = source_count(corpus), estimate_count(corpus)
        return np.column_stack([hits, estimates - hits, sources - hits, sources])

    return Additive(statistics, _f1, kind=limit.kind)


@declare(
    name="id-precision",
    summary="Share of the estimates that follow the source they are matched to",
    reference=f"{RISTANI}: IDP",
)
def id_precision(gate: str = "") -> Additive:
    """Return IDP = IDTP / (IDTP + IDFP), in %; NaN if there is no estimate.

    Args:
        gate: largest distance of a pair; by default 20deg for directions, 0.5m for positions.

    Raises:
        ParameterError: if the gate is not a distance.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> estimate = Tracks.of([0, 1], [[[0, 0, 0]], [[np.nan] * 3]], "position")
    >>> id_precision()(estimate, truth)
    100.0
    """
    limit = _limit(gate)
    return ratio_of(_true_positives(limit), estimate_count, percent, kind=limit.kind)


@declare(
    name="id-recall",
    summary="Share of the active sources that are followed by the estimate they are matched to",
    reference=f"{RISTANI}: IDR",
)
def id_recall(gate: str = "") -> Additive:
    """Return IDR = IDTP / (IDTP + IDFN), in %; NaN if no source is active.

    Args:
        gate: largest distance of a pair; by default 20deg for directions, 0.5m for positions.

    Raises:
        ParameterError: if the gate is not a distance.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> estimate = Tracks.of([0, 1], [[[0, 0, 0]], [[np.nan] * 3]], "position")
    >>> id_recall()(estimate, truth)
    50.0
    """
    limit = _limit(gate)
    return ratio_of(_true_positives(limit), active_sources, percent, kind=limit.kind)


def _limit(gate: str) -> Limit:
    return Limit.parse(gate, GATE_METRES, GATE_DEGREES)


def _true_positives(gate: Limit) -> Statistic:
    def statistic(corpus: Corpus) -> Floats:
        return count(corpus.cached(match_identity, gate.value_for(corpus.kind)).matched)

    return statistic


def _f1(sums: Floats) -> Floats:
    hits, false, missed = sums[..., 0], sums[..., 1], sums[..., 2]
    return percent(np.stack([2 * hits, 2 * hits + false + missed], axis=-1))

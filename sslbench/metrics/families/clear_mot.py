"""CLEAR-MOT: misses, false positives and identity switches (Bernardin and Stiefelhagen 2008).

Estimates and sources are matched within a gate, and pairs of the previous frame are kept
(`association.continuity`). With m_t misses (sources without an estimate), fp_t false positives
(estimates without a source), mme_t switches (a source has another estimate than when it was last
matched), c_t pairs at distances d, and g_t active sources in frame t,

    ``MOTA = 1 - sum_t (m_t + fp_t + mme_t) / sum_t g_t`` and ``MOTP = sum_t,i d_t^i / sum_t c_t``.

The rule of continuity is a parameter of every metric: `keep` gives the numbers of motmetrics,
`jointly` those of TrackEval with the similarity 1 - d / (2 gate). A pair at exactly the gate is a
pair. Recordings are counted separately and then summed: an estimate is not followed from one to the
next.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from sslbench.array_types import Floats
from sslbench.metrics.aggregation import Additive, percent, ratio_of
from sslbench.metrics.association.continuity import RULE, ContinuityMatches, match_continuous
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.declaration import metric
from sslbench.metrics.distances import Limit
from sslbench.metrics.families.idf1 import GATE, GATE_DEGREES, GATE_METRES
from sslbench.metrics.per_frame import count, estimate_count, source_count
from sslbench.scene import Kind, Tracks  # noqa: F401  # the examples use it

__all__ = [
    "Matching",
    "clear_false_positives",
    "clear_misses",
    "fragmentations",
    "id_switches",
    "mota",
    "motp",
]


BERNARDIN = "Bernardin and Stiefelhagen 2008, Evaluating Multiple Object Tracking Performance"

declare = partial(
    metric,
    parameters=(GATE, RULE),
)


@declare(
    name="mota",
    summary="1 minus misses, false positives and identity switches, per source",
    unit="%",
    higher_is_better=True,
    reference=f"{BERNARDIN}: MOTA",
)
def mota(gate: str = "", rule: str = "keep") -> Additive:
    """Return MOTA = 100 (1 - (misses + false positives + switches) / sources), in %.

    It has no lower bound, because the number of false positives has no upper bound. Without any
    estimate it is 0. A recording of one frame has no switches. Of equally good pairs the first is
    taken, in the order of sources and estimates. NaN if no source is active.

    Args:
        gate: largest distance of a pair; by default 20deg for directions, 0.5m for positions.
        rule: `keep` (motmetrics) or `jointly` (TrackEval).

    Raises:
        ParameterError: if the gate is not a distance or the rule is unknown.

    >>> truth = Tracks.of([0, 1, 2, 3], [[[0, 0, 0]]] * 4, "position")
    >>> estimate = Tracks.of([0, 1, 2, 3], [[[x, 0, 0]] for x in (0, 0, 0, 2)], "position")
    >>> mota()(estimate, truth), mota("2m")(estimate, truth)
    (50.0, 100.0)
    """
    matching = Matching.parse(gate, rule)

    def errors(corpus: Corpus) -> Floats:
        found = matching(corpus)
        unpaired = source_count(corpus) + estimate_count(corpus) - 2 * count(found.matches.matched)
        return unpaired + count(found.switched)

    return ratio_of(errors, source_count, _complement, matching.kind)


@declare(
    name="motp",
    summary="Mean distance of pairs within the gate",
    unit="distance",
    higher_is_better=False,
    reference=f"{BERNARDIN}: MOTP",
)
def motp(gate: str = "", rule: str = "keep") -> Additive:
    """Return MOTP = sum of distances over the number of pairs, in metres or degrees.

    Only pairs within the gate count, so it never exceeds the gate. Lower is better, unlike the mean
    similarity that TrackEval calls MOTP. NaN if there is no pair.

    Args:
        gate: largest distance of a pair; by default 20deg for directions, 0.5m for positions.
        rule: `keep` (motmetrics) or `jointly` (TrackEval).

    Raises:
        ParameterError: if the gate is not a distance or the rule is unknown.

    >>> truth = Tracks.of([0, 1, 2, 3], [[[0, 0, 0]]] * 4, "position")
    >>> estimate = Tracks.of([0, 1, 2, 3], [[[x, 0, 0]] for x in (0, 0, 0, 2)], "position")
    >>> motp()(estimate, truth), motp("2m")(estimate, truth)
    (0.0, 0.5)
    """
    matching = Matching.parse(gate, rule)

    def distances(corpus: Corpus) -> Floats:
        return np.nan_to_num(matching(corpus).matches.distance)

    return ratio_of(distances, matching.pairs, kind=matching.kind)


@declare(
    name="id-switches",
    summary="How often a source has another estimate than when it was last matched",
    unit="",
    higher_is_better=False,
    reference=f"{BERNARDIN}: mme",
)
def id_switches(gate: str = "", rule: str = "keep") -> Additive:
    """Return the number of switches mme, summed over all frames and recordings.

    A source that is matched to another estimate than at its last match, however long ago in the
    recording, counts 1. The sum grows with the amount of data: compare methods on the same
    recordings only. 0 if there are no pairs.

    Args:
        gate: largest distance of a pair; by default 20deg for directions, 0.5m for positions.
        rule: `keep` (motmetrics) or `jointly` (TrackEval).

    Raises:
        ParameterError: if the gate is not a distance or the rule is unknown.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> estimate = [[[0, 0, 0], [2, 0, 0]], [[2, 0, 0], [0, 0, 0]]]
    >>> id_switches()(Tracks.of([0, 1], estimate, "position"), truth)
    1.0
    """
    matching = Matching.parse(gate, rule)

    def switches(corpus: Corpus) -> Floats:
        return count(matching(corpus).switched)

    return ratio_of(switches, source_count, _total, matching.kind)


@declare(
    name="clear-misses",
    summary="Share of the active sources without an estimate within the gate",
    unit="%",
    higher_is_better=False,
    reference=f"{BERNARDIN}: m",
)
def clear_misses(gate: str = "", rule: str = "keep") -> Additive:
    """Return the ratio of misses, sum m_t / sum g_t, in %; NaN if no source is active.

    Args:
        gate: largest distance of a pair; by default 20deg for directions, 0.5m for positions.
        rule: `keep` (motmetrics) or `jointly` (TrackEval).

    Raises:
        ParameterError: if the gate is not a distance or the rule is unknown.

    >>> truth = Tracks.of([0, 1, 2, 3], [[[0, 0, 0]]] * 4, "position")
    >>> estimate = Tracks.of([0, 1, 2, 3], [[[x, 0, 0]] for x in (0, 0, 0, 2)], "position")
    >>> clear_misses()(estimate, truth)
    25.0
    """
    matching = Matching.parse(gate, rule)

    def misses(corpus: Corpus) -> Floats:
        return source_count(corpus) - matching.pairs(corpus)

    return ratio_of(misses, source_count, percent, matching.kind)


@declare(
    name="clear-false-positives",
    summary="Estimates without a source within the gate, per source",
    unit="%",
    higher_is_better=False,
    reference=f"{BERNARDIN}: fp",
)
def clear_false_positives(gate: str = "", rule: str = "keep") -> Additive:
    """Return the ratio of false positives, sum fp_t / sum g_t, in %; NaN if no source is active.

    As in MOTA, the denominator is the number of sources, not of estimates, so it may exceed 100 %.

    Args:
        gate: largest distance of a pair; by default 20deg for directions, 0.5m for positions.
        rule: `keep` (motmetrics) or `jointly` (TrackEval).

    Raises:
        ParameterError: if the gate is not a distance or the rule is unknown.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> estimate = [[[0, 0, 0], [2, 0, 0], [3, 0, 0]], [[0, 0, 0], [2, 0, 0], [3, 0, 0]]]
    >>> clear_false_positives()(Tracks.of([0, 1], estimate, "position"), truth)
    200.0
    """
    matching = Matching.parse(gate, rule)

    def false_positives(corpus: Corpus) -> Floats:
        return estimate_count(corpus) - matching.pairs(corpus)

    return ratio_of(false_positives, source_count, percent, matching.kind)


@declare(
    name="fragmentations",
    summary="How often a source is matched again after it was not",
    unit="",
    higher_is_better=False,
    reference=f"{BERNARDIN}: not there, but in its implementations motmetrics and TrackEval",
)
def fragmentations(gate: str = "", rule: str = "keep") -> Additive:
    """Return how often a source is matched again after it was not, summed over the corpus.

    Under `keep` the source must have been active without an estimate in between (motmetrics). Under
    `jointly` a pause of the source itself also interrupts it, if another source and an estimate
    were active (TrackEval). Like the number of switches, the sum grows with the amount of data. 0
    if there are no pairs.

    Args:
        gate: largest distance of a pair; by default 20deg for directions, 0.5m for positions.
        rule: `keep` (motmetrics) or `jointly` (TrackEval).

    Raises:
        ParameterError: if the gate is not a distance or the rule is unknown.

    >>> truth = Tracks.of([0, 1, 2, 3], [[[0, 0, 0]]] * 4, "position")
    >>> estimate = Tracks.of([0, 1, 2, 3], [[[x, 0, 0]] for x in (0, 9, 0, 9)], "position")
    >>> fragmentations()(estimate, truth)
    1.0
    """
    matching = Matching.parse(gate, rule)

    def resumed(corpus: Corpus) -> Floats:
        return count(matching(corpus).resumed)

    return ratio_of(resumed, source_count, _total, matching.kind)


@dataclass(frozen=True)
class Matching:
    """Matches a corpus, once for all metrics with the same gate and rule."""

    gate: Limit
    rule: str

    @classmethod
    def parse(cls, gate: str, rule: str) -> Matching:
        """Return the matching of the parameters of a metric.

        Raises:
            ParameterError: if the gate is not a distance or the rule is unknown.
        """
        RULE.check(rule)
        return cls(Limit.parse(gate, GATE_METRES, GATE_DEGREES), rule)

    @property
    def kind(self) -> Kind | None:
        """The kind of tracks that it applies to; None if both."""
        return self.gate.kind

    def __call__(self, corpus: Corpus) -> ContinuityMatches:
        """Return the pairs of a corpus."""
        return corpus.cached(match_continuous, self.gate.value_for(corpus.kind), self.rule)

    def pairs(self, corpus: Corpus) -> Floats:
        """Return the number of pairs, shape (frames,)."""
        return count(self(corpus).matches.matched)


def _complement(sums: Floats) -> Floats:
    return 100 - percent(sums)


def _total(sums: Floats) -> Floats:
    return sums[..., 0]

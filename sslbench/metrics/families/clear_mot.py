"""CLEAR-MOT: misses, false positives and switches of identity (Bernardin and Stiefelhagen 2008).

Sources and answers are paired in favour of the pairs that there were (`association.continuity`),
within a gate. With m_t misses (sources without an answer), fp_t false positives (answers without a
source), mme_t switches (a source has another answer than its last one), c_t pairs at distances d
and g_t sources in frame t,

    ``MOTA = 1 - sum_t (m_t + fp_t + mme_t) / sum_t g_t`` and ``MOTP = sum_t,i d_t^i / sum_t c_t``.

Every metric has the rule of continuity as a parameter: `keep` gives the numbers of motmetrics,
`jointly` those of TrackEval, whose similarity is 1 - d / (2 gate). A pair at the gate is a pair.
Recordings are counted each on its own and summed; an answer is not followed from one to the next.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sslbench.array_types import Booleans, Floats
from sslbench.metrics.aggregation import Additive, percent, ratio_of
from sslbench.metrics.association.continuity import RULES, Followed, check_rule, follow
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.distances import Limit
from sslbench.metrics.families.idf1 import GATE_DEGREES, GATE_METRES
from sslbench.scene import Kind, Tracks  # noqa: F401  # the examples use it
from sslbench.specs import MetricSpec, Parameter

__all__ = [
    "SPECS",
    "clear_false_positives",
    "clear_misses",
    "fragmentations",
    "id_switches",
    "mota",
    "motp",
]


_PARAMETERS = (
    Parameter("gate", "", "largest distance of a pair, as in 0.5m or 20deg (the defaults)"),
    Parameter(
        "rule",
        "keep",
        "which pairs go on: as in motmetrics (keep) or TrackEval (jointly)",
        choices=RULES,
    ),
)


def _spec(name: str, summary: str, unit: str, symbol: str) -> MetricSpec:
    return MetricSpec(
        name=name,
        target=f"sslbench.metrics.families.clear_mot:{name.replace('-', '_')}",
        summary=summary,
        unit=unit,
        higher_is_better=name == "mota",
        reference="Bernardin and Stiefelhagen 2008, Evaluating Multiple Object Tracking"
        f" Performance: {symbol}",
        parameters=_PARAMETERS,
    )


SPECS = (
    _spec("mota", "1 less misses, false positives and switches, over the sources", "%", "MOTA"),
    _spec("motp", "Mean distance of pairs within the gate", "distance", "MOTP"),
    _spec("id-switches", "How often a source has another answer than its last one", "", "mme"),
    _spec("clear-misses", "Share of sources without an answer within the gate", "%", "m"),
    _spec(
        "clear-false-positives",
        "Answers without a source within the gate, over the sources",
        "%",
        "fp",
    ),
    _spec(
        "fragmentations",
        "How often a source has an answer again after it had none",
        "",
        "not there, but in its codes motmetrics and TrackEval",
    ),
)


def mota(gate: str = "", rule: str = "keep") -> Additive:
    """Return MOTA = 100 (1 - (misses + false positives + switches) / sources), in %.

    It has no lower bound: answers without end make it as negative as one likes. NaN if no source
    sounds. Without answers it is 0. One frame has no switches. Ties: of equally good pairs the
    first, by the order of sources and answers.

    Args:
        gate: largest distance of a pair; 20deg for directions and 0.5m for positions if empty.
        rule: `keep` (motmetrics) or `jointly` (TrackEval).

    Raises:
        ParameterError: if the gate is no distance or there is no such rule.

    >>> truth = Tracks.of([0, 1, 2, 3], [[[0, 0, 0]]] * 4, "position")
    >>> answer = Tracks.of([0, 1, 2, 3], [[[x, 0, 0]] for x in (0, 0, 0, 2)], "position")
    >>> mota()(answer, truth), mota("2m")(answer, truth)
    (50.0, 100.0)
    """
    following = _following(gate, rule)

    def errors(corpus: Corpus) -> Floats:
        followed = following(corpus)
        unpaired = _sources(corpus) + _answers(corpus) - 2 * _count(followed.matches.answered)
        return unpaired + _count(followed.switched)

    return ratio_of(errors, _sources, _complement, following.kind)


def motp(gate: str = "", rule: str = "keep") -> Additive:
    """Return MOTP = sum of distances over the number of pairs, in metres or degrees.

    Only pairs within the gate count, so that it never exceeds the gate; lower is better, unlike
    the mean similarity that TrackEval calls MOTP. NaN if there is no pair.

    Args:
        gate: largest distance of a pair; 20deg for directions and 0.5m for positions if empty.
        rule: `keep` (motmetrics) or `jointly` (TrackEval).

    Raises:
        ParameterError: if the gate is no distance or there is no such rule.

    >>> truth = Tracks.of([0, 1, 2, 3], [[[0, 0, 0]]] * 4, "position")
    >>> answer = Tracks.of([0, 1, 2, 3], [[[x, 0, 0]] for x in (0, 0, 0, 2)], "position")
    >>> motp()(answer, truth), motp("2m")(answer, truth)
    (0.0, 0.5)
    """
    following = _following(gate, rule)

    def distances(corpus: Corpus) -> Floats:
        return np.nan_to_num(following(corpus).matches.distance)

    def pairs(corpus: Corpus) -> Floats:
        return _count(following(corpus).matches.answered)

    return ratio_of(distances, pairs, kind=following.kind)


def id_switches(gate: str = "", rule: str = "keep") -> Additive:
    """Return the number of switches mme, summed over all frames and recordings.

    A source that is paired with another answer than its last one, however long ago in the
    recording, counts 1. The sum grows with the data: compare it between methods on the same
    recordings only. 0 if there is nothing.

    Args:
        gate: largest distance of a pair; 20deg for directions and 0.5m for positions if empty.
        rule: `keep` (motmetrics) or `jointly` (TrackEval).

    Raises:
        ParameterError: if the gate is no distance or there is no such rule.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> answer = [[[0, 0, 0], [2, 0, 0]], [[2, 0, 0], [0, 0, 0]]]
    >>> id_switches()(Tracks.of([0, 1], answer, "position"), truth)
    1.0
    """
    following = _following(gate, rule)

    def switched(corpus: Corpus) -> Floats:
        return _count(following(corpus).switched)

    return ratio_of(switched, _sources, _sum, following.kind)


def clear_misses(gate: str = "", rule: str = "keep") -> Additive:
    """Return the ratio of misses, sum m_t / sum g_t, in %; NaN if no source sounds.

    Args:
        gate: largest distance of a pair; 20deg for directions and 0.5m for positions if empty.
        rule: `keep` (motmetrics) or `jointly` (TrackEval).

    Raises:
        ParameterError: if the gate is no distance or there is no such rule.

    >>> truth = Tracks.of([0, 1, 2, 3], [[[0, 0, 0]]] * 4, "position")
    >>> answer = Tracks.of([0, 1, 2, 3], [[[x, 0, 0]] for x in (0, 0, 0, 2)], "position")
    >>> clear_misses()(answer, truth)
    25.0
    """
    following = _following(gate, rule)

    def missed(corpus: Corpus) -> Floats:
        return _sources(corpus) - _count(following(corpus).matches.answered)

    return ratio_of(missed, _sources, percent, following.kind)


def clear_false_positives(gate: str = "", rule: str = "keep") -> Additive:
    """Return the ratio of false positives, sum fp_t / sum g_t, in %; NaN if no source sounds.

    It is over the sources, not over the answers, as in MOTA, and may exceed 100 %.

    Args:
        gate: largest distance of a pair; 20deg for directions and 0.5m for positions if empty.
        rule: `keep` (motmetrics) or `jointly` (TrackEval).

    Raises:
        ParameterError: if the gate is no distance or there is no such rule.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> answer = [[[0, 0, 0], [2, 0, 0], [3, 0, 0]], [[0, 0, 0], [2, 0, 0], [3, 0, 0]]]
    >>> clear_false_positives()(Tracks.of([0, 1], answer, "position"), truth)
    200.0
    """
    following = _following(gate, rule)

    def false(corpus: Corpus) -> Floats:
        return _answers(corpus) - _count(following(corpus).matches.answered)

    return ratio_of(false, _sources, percent, following.kind)


def fragmentations(gate: str = "", rule: str = "keep") -> Additive:
    """Return how often a source has an answer again after it had none, in all.

    Under `keep` the source must have sounded without an answer in between (motmetrics); under
    `jointly` its own silence interrupts it too if there were another source and an answer
    (TrackEval). The sum grows with the data, as that of the switches. 0 if there is nothing.

    Args:
        gate: largest distance of a pair; 20deg for directions and 0.5m for positions if empty.
        rule: `keep` (motmetrics) or `jointly` (TrackEval).

    Raises:
        ParameterError: if the gate is no distance or there is no such rule.

    >>> truth = Tracks.of([0, 1, 2, 3], [[[0, 0, 0]]] * 4, "position")
    >>> answer = Tracks.of([0, 1, 2, 3], [[[x, 0, 0]] for x in (0, 9, 0, 9)], "position")
    >>> fragmentations()(answer, truth)
    1.0
    """
    following = _following(gate, rule)

    def resumed(corpus: Corpus) -> Floats:
        return _count(following(corpus).resumed)

    return ratio_of(resumed, _sources, _sum, following.kind)


@dataclass(frozen=True)
class _Following:
    """Pairs a corpus once for all metrics that agree on gate and rule."""

    gate: Limit
    rule: str

    @property
    def kind(self) -> Kind | None:
        """What it can be used on; None if anything."""
        return self.gate.kind

    def __call__(self, corpus: Corpus) -> Followed:
        return corpus.once(follow, self.gate.of(corpus.kind), self.rule)


def _following(gate: str, rule: str) -> _Following:
    check_rule(rule)
    return _Following(Limit.read(gate, GATE_METRES, GATE_DEGREES), rule)


def _sources(corpus: Corpus) -> Floats:
    return _count(corpus.sounding)


def _answers(corpus: Corpus) -> Floats:
    return _count(corpus.claimed)


def _count(flags: Booleans) -> Floats:
    """Count what holds in each frame, (frames, columns) to (frames,)."""
    # A product takes a tenth of the time of a sum over few columns.
    return flags @ np.ones(flags.shape[1])


def _complement(sums: Floats) -> Floats:
    return 100 - percent(sums)


def _sum(sums: Floats) -> Floats:
    return sums[..., 0]

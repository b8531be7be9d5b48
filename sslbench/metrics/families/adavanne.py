"""Localization and tracking as Adavanne et al. 2021 count them, and as their code does.

Answers and sources are paired frame by frame, least summed distance, without a gate
(`association.framewise`): in a frame of N sources and M answers there are K = min(M, N) hits,
max(0, M - N) false positives and max(0, N - M) misses. An answer on the far side is a hit, so that
recall, precision and F1 speak of numbers alone; read `localization-error` beside them.

The MOTp of equation (2) is the localization error of equation (1) over all frames, as the paper
says, and has no name of its own here. What the published code calls identity switches are onsets
of activity; they are here as `track-onsets` and `mota-onsets`, to be held against its Table I.
"""

from __future__ import annotations

import numpy as np

from sslbench.array_types import Floats
from sslbench.errors import ParameterError
from sslbench.metrics.aggregation import Additive, Statistic, percent, ratio, ratio_of
from sslbench.metrics.association import match
from sslbench.metrics.association.history import last_before, switched
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.statistics import answered, frame, sounding, summed_distance
from sslbench.scene import Tracks  # noqa: F401  # the examples use it
from sslbench.specs import MetricSpec, Parameter

__all__ = [
    "SPECS",
    "id_switches_framewise",
    "localization_error",
    "localization_f1",
    "localization_precision",
    "localization_recall",
    "mota_framewise",
    "mota_onsets",
    "track_onsets",
]


PAPER = "Adavanne et al. 2021, Differentiable tracking-based training"
CODE = "the code of Adavanne et al. 2021 (doa-net), against its equation (3)"

LAST = ("match", "frame")
"""What an answer is compared with: the source's last matched frame, or the frame before."""

_LAST = Parameter(
    "last",
    "match",
    "compare with the last frame in which the source had an answer, or with the frame before only",
    choices=LAST,
)


def _spec(name: str, summary: str, unit: str, reference: str, *parameters: Parameter) -> MetricSpec:
    return MetricSpec(
        name=name,
        target=f"sslbench.metrics.families.adavanne:{name.replace('-', '_')}",
        summary=summary,
        unit=unit,
        higher_is_better=unit == "%",
        reference=reference,
        parameters=parameters,
    )


SPECS = (
    _spec(
        "localization-error",
        "Mean distance of answers from their sources, however far; also MOTp",
        "distance",
        f"{PAPER}, eq. (1) and (2)",
    ),
    _spec(
        "localization-recall",
        "Share of the sources that have an answer, right or wrong",
        "%",
        f"{PAPER}, section II",
    ),
    _spec(
        "localization-precision",
        "Share of the answers that have a source, near or far",
        "%",
        f"{PAPER}, section II",
    ),
    _spec(
        "localization-f1",
        "Harmonic mean of localization recall and precision",
        "%",
        f"{PAPER}, section II",
    ),
    _spec(
        "id-switches-framewise",
        "Times that a source's answer is another than its last one, without a gate",
        "",
        f"{PAPER}, eq. (3)",
        _LAST,
    ),
    _spec(
        "mota-framewise",
        "1 less misses, false positives and identity switches per source, without a gate",
        "%",
        f"{PAPER}, eq. (3)",
        _LAST,
    ),
    _spec("track-onsets", "Times that an answer's track becomes active", "", CODE),
    _spec("mota-onsets", "MOTa with track onsets in place of identity switches", "%", CODE),
)


def localization_error() -> Additive:
    """Return LE, the mean distance of the pairs: sum of a d over sum of K, metres or degrees.

    Equation (1) of Adavanne et al. 2021, pooled over frames, which makes it MOTp of equation (2).
    It is also `angular-error-mean` and `position-error-mean`. NaN if nothing is answered; an
    antipodal answer counts 180 deg.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> answer = Tracks.of([0, 1], [[[0, 0, 1]], [[0, 1, 0]]], "direction")
    >>> localization_error()(answer, truth)
    45.0
    """
    return ratio_of(summed_distance, answered)


def localization_recall() -> Additive:
    """Return LR, the share of sounding sources with an answer: sum of K over sum of N, in %.

    Adavanne et al. 2021, section II: TP / (TP + FN). There is no gate, so it counts and does not
    locate; it is `coverage` under its name in the paper. NaN if no source sounds.

    >>> truth = Tracks.of([0], [[[1, 0, 0], [0, 1, 0]]], "direction")
    >>> answer = Tracks.of([0], [[[-1, 0, 0]]], "direction")
    >>> localization_recall()(answer, truth)
    50.0
    """
    return ratio_of(answered, sounding, percent)


def localization_precision() -> Additive:
    """Return LP, the share of answers that have a source: sum of K over sum of M, in %.

    Adavanne et al. 2021, section II: TP / (TP + FP). NaN if nothing is answered at all.

    >>> truth = Tracks.of([0], [[[1, 0, 0]]], "direction")
    >>> answer = Tracks.of([0], [[[-1, 0, 0], [0, 1, 0]]], "direction")
    >>> localization_precision()(answer, truth)
    50.0
    """
    return ratio_of(answered, _claimed, percent)


def localization_f1() -> Additive:
    """Return LF1, 2 sum of K over (sum of M + sum of N), in %.

    Adavanne et al. 2021, section II: the harmonic mean of LR and LP. 0 if there are sources and no
    answers or the reverse, NaN if there are neither.

    >>> truth = Tracks.of([0], [[[1, 0, 0]]], "direction")
    >>> answer = Tracks.of([0], [[[-1, 0, 0], [0, 1, 0]]], "direction")
    >>> round(localization_f1()(answer, truth), 2)
    66.67
    """
    return Additive(_detections, _harmonic)


def id_switches_framewise(last: str = "match") -> Additive:
    """Return IDS, how often a source's answer is another than its last one, in the whole corpus.

    Equation (3) of Adavanne et al. 2021 needs IDS, and the text compares "current and previous
    frame association matrices" with "knowledge of the source ID". Taken by the letter that is
    ``last=frame``: a source counts when it is answered at t - 1 and at t by different tracks. The
    default ``last=match`` looks back to the last frame in which the source was answered, through
    misses and silence, as Bernardin and Stiefelhagen 2008 do, so that no switch hides in a gap.
    Neither looks across recordings. NaN if no source sounds.

    Since pairs are made in each frame anew, a gross error can switch both sources and back. Where
    several ways of pairing cost the same, as on one circle, either may be taken and be a switch.

    Args:
        last: `match` or `frame`.

    Raises:
        ParameterError: if `last` is neither.

    >>> a, b, none = [1, 0, 0], [0, 1, 0], [np.nan] * 3
    >>> truth = Tracks.of([0, 1, 2], [[a], [a], [a]], "direction")
    >>> answer = Tracks.of([0, 1, 2], [[a, none], [none, none], [none, a]], "direction")
    >>> id_switches_framewise()(answer, truth), id_switches_framewise("frame")(answer, truth)
    (1.0, 0.0)
    """
    return ratio_of(_switches(last), sounding, _count)


def mota_framewise(last: str = "match") -> Additive:
    """Return MOTa, 1 - sum of (FP + FN + IDS) over sum of N, in %; at most 100, no lower bound.

    Equation (3) of Adavanne et al. 2021 with identity switches as in `id-switches-framewise`; FP +
    FN of a frame is abs(M - N). NaN if no source sounds, whatever was answered.

    Args:
        last: `match` or `frame`; see `id-switches-framewise`.

    Raises:
        ParameterError: if `last` is neither.

    >>> a, b, none = [1, 0, 0], [0, 1, 0], [np.nan] * 3
    >>> truth = Tracks.of([0, 1], [[a, b], [a, b]], "direction")
    >>> answer = Tracks.of([0, 1], [[a, b], [none, a]], "direction")
    >>> mota_framewise()(answer, truth)
    50.0
    """
    switches = _switches(last)

    def errors(corpus: Corpus) -> Floats:
        return np.asarray(_cardinality(corpus) + switches(corpus).sum(axis=1))

    return ratio_of(errors, sounding, _complement)


def track_onsets() -> Additive:
    """Return how often a track of the answer becomes active, in the whole corpus.

    This is what the code of Adavanne et al. 2021 prints as IDS: the sum over frames t and tracks of
    ``active[t] * (1 - active[t - 1])``. It knows neither sources nor pairs. Recordings follow one
    another as they do in the code's batches, in the order of the corpus: a track that is active at
    the end of one recording and the start of the next has no onset there, and one that is active in
    the first frame of all has none either. NaN if there are no frames.

    >>> a, none = [1, 0, 0], [np.nan] * 3
    >>> truth = Tracks.of([0, 1, 2], [[a], [a], [a]], "direction")
    >>> answer = Tracks.of([0, 1, 2], [[a], [none], [a]], "direction")
    >>> track_onsets()(answer, truth)
    1.0
    """
    return ratio_of(_onsets, frame, _count)


def mota_onsets() -> Additive:
    """Return 1 - sum of (FP + FN + onsets) over sum of N, in %; the MOTa of the published code.

    Table I of Adavanne et al. 2021 was computed so: onsets of activity (`track-onsets`) stand for
    the identity switches of equation (3). NaN if no source sounds.

    >>> a, none = [1, 0, 0], [np.nan] * 3
    >>> truth = Tracks.of([0, 1, 2, 3], [[a], [a], [a], [a]], "direction")
    >>> answer = Tracks.of([0, 1, 2, 3], [[a], [none], [a], [a]], "direction")
    >>> mota_onsets()(answer, truth), mota_framewise()(answer, truth)
    (50.0, 75.0)
    """

    def errors(corpus: Corpus) -> Floats:
        return _cardinality(corpus) + _onsets(corpus)

    return ratio_of(errors, sounding, _complement)


def _switches(last: str) -> Statistic:
    if last not in LAST:
        raise ParameterError(f"last={last!r} is not known", expected=" or ".join(LAST))

    def statistic(corpus: Corpus) -> Floats:
        matches = corpus.once(match)
        found = switched(matches)
        if last == "frame":
            before = last_before(corpus, matches.answered)
            found &= before == np.arange(corpus.frames)[:, None] - 1
        return found.astype(float)

    return statistic


def _onsets(corpus: Corpus) -> Floats:
    active = corpus.claimed
    onset = np.zeros_like(active)
    onset[1:] = active[1:] & ~active[:-1]
    return np.asarray(onset.sum(axis=1), dtype=float)


def _cardinality(corpus: Corpus) -> Floats:
    """Count false positives and misses of each frame, of which there is one kind only."""
    surplus = corpus.claimed.sum(axis=1) - corpus.sounding.sum(axis=1)
    return np.asarray(np.abs(surplus), dtype=float)


def _claimed(corpus: Corpus) -> Floats:
    return corpus.claimed.astype(float)


def _detections(corpus: Corpus) -> Floats:
    columns = (answered(corpus), _claimed(corpus), sounding(corpus))
    return np.column_stack([column.sum(axis=1) for column in columns])


def _harmonic(sums: Floats) -> Floats:
    pairs, answers, sources = sums[..., 0], sums[..., 1], sums[..., 2]
    return percent(np.stack([2 * pairs, answers + sources], axis=-1))


def _count(sums: Floats) -> Floats:
    return np.where(sums[..., 1] > 0, sums[..., 0], np.nan)


def _complement(sums: Floats) -> Floats:
    return np.asarray(100 * (1 - ratio(sums)))

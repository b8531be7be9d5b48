"""Localization and tracking by Adavanne et al. 2021, following the paper and its published code.

Estimates and sources are matched frame by frame by least summed distance, without a gate
(`association.framewise`). A frame with N active sources and M estimates has K = min(M, N) hits,
max(0, M - N) false positives and max(0, N - M) misses. An estimate on the far side of the room is a
hit, so recall, precision and F1 depend on numbers alone; read `localization-error` as well.

MOTp of equation (2) equals the localization error of equation (1) over all frames, as the paper
says, and is not a separate metric here. What the published code counts as identity switches are
onsets of activity. They are available as `track-onsets` and `mota-onsets`, for comparison with
Table I of the paper.
"""

from __future__ import annotations

import numpy as np

from sslbench.array_types import Floats
from sslbench.metrics.aggregation import Additive, Statistic, percent, ratio, ratio_of
from sslbench.metrics.association import match
from sslbench.metrics.association.history import identity_switches, last_before
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.declaration import metric
from sslbench.metrics.per_frame import (
    active_estimates,
    active_sources,
    estimate_count,
    frame,
    matched,
    source_count,
    summed_distance,
)
from sslbench.scene import Tracks  # noqa: F401  # the examples use it
from sslbench.specs import Parameter

__all__ = [
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

LAST = Parameter(
    "last",
    "match",
    "compare with the last frame in which the source had an estimate (match), or only with the"
    " previous frame (frame)",
    choices=("match", "frame"),
)


@metric(
    name="localization-error",
    summary="Mean distance between sources and their estimates, without a gate; also MOTp",
    unit="distance",
    higher_is_better=False,
    reference=f"{PAPER}, eq. (1) and (2)",
)
def localization_error() -> Additive:
    """Return LE, the mean distance of the pairs: sum of d over sum of K, metres or degrees.

    Equation (1) of Adavanne et al. 2021, pooled over frames, which makes it MOTp of equation (2).
    It equals `angular-error-mean` and `position-error-mean`. NaN if there is no pair. An antipodal
    estimate counts 180 deg.

    >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[0, 1, 0]]], "direction")
    >>> estimate = Tracks.of([0, 1], [[[0, 0, 1]], [[0, 1, 0]]], "direction")
    >>> localization_error()(estimate, truth)
    45.0
    """
    return ratio_of(summed_distance, matched)


@metric(
    name="localization-recall",
    summary="Share of the active sources with an estimate, at any distance",
    unit="%",
    higher_is_better=True,
    reference=f"{PAPER}, section II",
)
def localization_recall() -> Additive:
    """Return LR, the share of active sources with an estimate: sum of K over sum of N, in %.

    Adavanne et al. 2021, section II: TP / (TP + FN). There is no gate, so it depends only on the
    number of estimates and not on where they are. It equals `coverage`. NaN if no source is active.

    >>> truth = Tracks.of([0], [[[1, 0, 0], [0, 1, 0]]], "direction")
    >>> estimate = Tracks.of([0], [[[-1, 0, 0]]], "direction")
    >>> localization_recall()(estimate, truth)
    50.0
    """
    return ratio_of(matched, active_sources, percent)


@metric(
    name="localization-precision",
    summary="Share of the estimates that are matched to a source, at any distance",
    unit="%",
    higher_is_better=True,
    reference=f"{PAPER}, section II",
)
def localization_precision() -> Additive:
    """Return LP, the share of estimates that have a source: sum of K over sum of M, in %.

    Adavanne et al. 2021, section II: TP / (TP + FP). NaN if there is no estimate.

    >>> truth = Tracks.of([0], [[[1, 0, 0]]], "direction")
    >>> estimate = Tracks.of([0], [[[-1, 0, 0], [0, 1, 0]]], "direction")
    >>> localization_precision()(estimate, truth)
    50.0
    """
    return ratio_of(matched, active_estimates, percent)


@metric(
    name="localization-f1",
    summary="Harmonic mean of localization recall and precision",
    unit="%",
    higher_is_better=True,
    reference=f"{PAPER}, section II",
)
def localization_f1() -> Additive:
    """Return LF1, 2 sum of K over (sum of M + sum of N), in %.

    Adavanne et al. 2021, section II: the harmonic mean of LR and LP. 0 if there are sources but no
    estimates, or estimates but no sources; NaN if there are neither.

    >>> truth = Tracks.of([0], [[[1, 0, 0]]], "direction")
    >>> estimate = Tracks.of([0], [[[-1, 0, 0], [0, 1, 0]]], "direction")
    >>> round(localization_f1()(estimate, truth), 2)
    66.67
    """
    return Additive(_detections, _harmonic_mean)


@metric(
    name="id-switches-framewise",
    summary="How often a source has another estimate than when it was last matched, without a gate",
    unit="",
    higher_is_better=False,
    reference=f"{PAPER}, eq. (3)",
    parameters=(LAST,),
)
def id_switches_framewise(last: str = "match") -> Additive:
    """Return IDS, the number of identity switches in the whole corpus.

    Equation (3) of Adavanne et al. 2021 uses IDS, and the text compares "current and previous frame
    association matrices" with "knowledge of the source ID". Taken literally, that is
    ``last=frame``: a switch is counted if a source is matched at t - 1 and at t to different
    tracks. The default ``last=match`` compares with the last frame in which the source was matched,
    across misses and inactivity, as Bernardin and Stiefelhagen 2008 do, so that a switch during a
    gap is counted as well. Neither looks across recordings. NaN if no source is active.

    Matches are made in each frame anew, so a gross error can switch two sources and back. Where
    several assignments have the same cost, as on one circle, any of them may be taken and cause a
    switch.

    Args:
        last: `match` or `frame`.

    Raises:
        ParameterError: if `last` is neither.

    >>> a, b, none = [1, 0, 0], [0, 1, 0], [np.nan] * 3
    >>> truth = Tracks.of([0, 1, 2], [[a], [a], [a]], "direction")
    >>> estimate = Tracks.of([0, 1, 2], [[a, none], [none, none], [none, a]], "direction")
    >>> id_switches_framewise()(estimate, truth), id_switches_framewise("frame")(estimate, truth)
    (1.0, 0.0)
    """
    return ratio_of(_switches(last), active_sources, _total)


@metric(
    name="mota-framewise",
    summary="1 minus misses, false positives and identity switches per source, without a gate",
    unit="%",
    higher_is_better=True,
    reference=f"{PAPER}, eq. (3)",
    parameters=(LAST,),
)
def mota_framewise(last: str = "match") -> Additive:
    """Return MOTa, 1 - sum of (FP + FN + IDS) over sum of N, in %; at most 100, no lower bound.

    Equation (3) of Adavanne et al. 2021 with identity switches as in `id-switches-framewise`. FP +
    FN of a frame is abs(M - N). NaN if no source is active, whether or not there are estimates.

    Args:
        last: `match` or `frame`; see `id-switches-framewise`.

    Raises:
        ParameterError: if `last` is neither.

    >>> a, b, none = [1, 0, 0], [0, 1, 0], [np.nan] * 3
    >>> truth = Tracks.of([0, 1], [[a, b], [a, b]], "direction")
    >>> estimate = Tracks.of([0, 1], [[a, b], [none, a]], "direction")
    >>> mota_framewise()(estimate, truth)
    50.0
    """
    switches = _switches(last)

    def errors(corpus: Corpus) -> Floats:
        return np.asarray(_cardinality_error(corpus) + switches(corpus).sum(axis=1))

    return ratio_of(errors, active_sources, _complement)


@metric(
    name="track-onsets",
    summary="How often an estimated track becomes active",
    unit="",
    higher_is_better=False,
    reference=CODE,
)
def track_onsets() -> Additive:
    """Return how often an estimated track becomes active, in the whole corpus.

    This is what the code of Adavanne et al. 2021 prints as IDS: the sum over frames t and tracks of
    ``active[t] * (1 - active[t - 1])``. It depends neither on sources nor on matches. Recordings
    follow one another as in the batches of that code, in the order of the corpus: a track that is
    active at the end of one recording and the start of the next has no onset there, and a track
    that is active in the very first frame has none either. NaN if there are no frames.

    >>> a, none = [1, 0, 0], [np.nan] * 3
    >>> truth = Tracks.of([0, 1, 2], [[a], [a], [a]], "direction")
    >>> estimate = Tracks.of([0, 1, 2], [[a], [none], [a]], "direction")
    >>> track_onsets()(estimate, truth)
    1.0
    """
    return ratio_of(_onsets, frame, _total)


@metric(
    name="mota-onsets",
    summary="MOTa with track onsets in place of identity switches",
    unit="%",
    higher_is_better=True,
    reference=CODE,
)
def mota_onsets() -> Additive:
    """Return 1 - sum of (FP + FN + onsets) over sum of N, in %: MOTa of the published code.

    Table I of Adavanne et al. 2021 was computed in this way: onsets of activity (`track-onsets`)
    replace the identity switches of equation (3). NaN if no source is active.

    >>> a, none = [1, 0, 0], [np.nan] * 3
    >>> truth = Tracks.of([0, 1, 2, 3], [[a], [a], [a], [a]], "direction")
    >>> estimate = Tracks.of([0, 1, 2, 3], [[a], [none], [a], [a]], "direction")
    >>> mota_onsets()(estimate, truth), mota_framewise()(estimate, truth)
    (50.0, 75.0)
    """

    def errors(corpus: Corpus) -> Floats:
        return _cardinality_error(corpus) + _onsets(corpus)

    return ratio_of(errors, active_sources, _complement)


def _switches(last: str) -> Statistic:
    LAST.check(last)

    def statistic(corpus: Corpus) -> Floats:
        matches = corpus.cached(match)
        switched = identity_switches(matches)
        if last == "frame":
            before = last_before(corpus, matches.matched)
            switched &= before == np.arange(corpus.frames)[:, None] - 1
        return switched.astype(float)

    return statistic


def _onsets(corpus: Corpus) -> Floats:
    active = corpus.active_estimates
    onset = np.zeros_like(active)
    onset[1:] = active[1:] & ~active[:-1]
    return np.asarray(onset.sum(axis=1), dtype=float)


def _cardinality_error(corpus: Corpus) -> Floats:
    """Return false positives plus misses of each frame; at most one of the two is not 0."""
    return np.abs(estimate_count(corpus) - source_count(corpus))


def _detections(corpus: Corpus) -> Floats:
    pairs = matched(corpus).sum(axis=1)
    return np.column_stack([pairs, estimate_count(corpus), source_count(corpus)])


def _harmonic_mean(sums: Floats) -> Floats:
    pairs, estimates, sources = sums[..., 0], sums[..., 1], sums[..., 2]
    return percent(np.stack([2 * pairs, estimates + sources], axis=-1))


def _total(sums: Floats) -> Floats:
    return np.where(sums[..., 1] > 0, sums[..., 0], np.nan)


def _complement(sums: Floats) -> Floats:
    return np.asarray(100 * (1 - ratio(sums)))

"""Joint detection and localization in one-second segments, as in DCASE 2020, for one class.

Mesaros et al. 2019 and Politis et al. 2020, without classes: all sounds belong to one class. Each
recording is cut into segments that start at whole seconds of `Tracks.times`; the last one may be
shorter. Within a segment

- estimates and sources are matched frame by frame by least summed distance, without a gate;
- a source is *matched* if it has an estimate in some frame of the segment; its distance is the mean
  over the frames in which it has one; K sources are matched;
- N sources are active in some frame of the segment, so FN = N - K sources are missed;
- M is the largest number of simultaneous estimates, but at least K, so FP = M - K estimates are in
  excess.

Of the K matched sources, TP are within a distance (20 degrees by default, inclusive), and the
others are far: FP_spatial = K - TP. A far pair is a miss and a false positive at once. The
identities of estimates do not matter.

The released evaluators of 2020 and 2021 differ from these definitions, and from each other, where a
far pair and a wrong number of estimates occur in one segment. They count a far pair only as a miss
(2020) or only as a false positive (2021), and let it cancel against the other error in the error
rate. They also count as many misses as there are estimates if no frame of a segment has both
sources and estimates. Neither is reproduced here.
"""

from __future__ import annotations

import numpy as np

from sslbench.array_types import Floats, Integers
from sslbench.metrics.aggregation import Additive, Finish, percent, ratio
from sslbench.metrics.association import match
from sslbench.metrics.corpus import Corpus, starts_segment
from sslbench.metrics.declaration import metric
from sslbench.metrics.distances import Limit, parse_distance
from sslbench.scene import Kind, Tracks  # noqa: F401  # the examples use it
from sslbench.specs import Parameter

__all__ = [
    "error_rate_within",
    "f_score_within",
    "localization_error_segments",
    "localization_recall_segments",
    "seld_score",
]


SEGMENT = 1.0
"""Duration of a segment in seconds."""

METRES, DEGREES = 0.5, 20.0
"""Default distances within which a pair is a hit; DCASE has no rule for metres."""

WORST = 180.0
"""Error in degrees if no source is matched, as in DCASE: the largest possible angle."""

REFERENCE = (
    "Mesaros et al. 2019; Politis et al. 2020, Overview and evaluation of SELD in DCASE 2019;"
    " DCASE 2020 task 3"
)

WITHIN = Parameter("within", "", "largest distance of a hit; 20deg or 0.5m if empty")


@metric(
    name="f-score-within",
    summary="F-score of one-second segments; a hit is within a distance",
    unit="%",
    higher_is_better=True,
    reference=REFERENCE,
    parameters=(WITHIN,),
)
def f_score_within(within: str = "") -> Additive:
    """Return F = TP / (TP + FP_spatial + (FP + FN) / 2) over all segments, in %.

    It is the harmonic mean of the precision TP / (TP + FP_spatial + FP) and the recall TP / (TP +
    FP_spatial + FN). A far pair is both a false positive and a miss, so it has twice the weight of
    either. F20 of DCASE 2020 task 3 for one class; the counts are defined in the module
    `sslbench.metrics.families.dcase`. 0 if there are only sources or only estimates, NaN if there
    are neither.

    Args:
        within: largest distance of a hit, by default `20deg` or `0.5m`.

    Raises:
        ParameterError: if `within` is not a distance.

    >>> front, left, back = [1, 0, 0], [0, 1, 0], [-1, 0, 0]
    >>> truth = Tracks.of([0, 0.5], [[front, left], [front, left]], "direction")
    >>> estimate = Tracks.of([0, 0.5], [[front, back], [front, back]], "direction")
    >>> f_score_within()(estimate, truth), f_score_within("90deg")(estimate, truth)
    (50.0, 100.0)
    """
    return _metric(_f_score, within)


@metric(
    name="error-rate-within",
    summary="Substitutions, deletions and insertions per source, in one-second segments",
    unit="",
    higher_is_better=False,
    reference=REFERENCE,
    parameters=(WITHIN,),
)
def error_rate_within(within: str = "") -> Additive:
    """Return ER = sum of (S + D + I) over sum of N, over all segments; 0 at best, no upper bound.

    With a = FN + FP_spatial misses and b = FP + FP_spatial false positives in a segment, S = min(a,
    b), D = max(0, a - b) and I = max(0, b - a), as in Mesaros et al. 2016, so S + D + I = max(a,
    b). ER20 of DCASE 2020 task 3 for one class. NaN if no source is active.

    Args:
        within: largest distance of a hit, by default `20deg` or `0.5m`.

    Raises:
        ParameterError: if `within` is not a distance.

    >>> front, left, back = [1, 0, 0], [0, 1, 0], [-1, 0, 0]
    >>> truth = Tracks.of([0, 0.5], [[front, left], [front, left]], "direction")
    >>> estimate = Tracks.of([0, 0.5], [[front, back], [front, back]], "direction")
    >>> error_rate_within()(estimate, truth)
    0.5
    """
    return _metric(_error_rate, within)


@metric(
    name="localization-error-segments",
    summary="Mean angle of the matched sources of one-second segments; 180 if none is matched",
    unit="deg",
    higher_is_better=False,
    kinds=("direction",),
    reference=REFERENCE,
)
def localization_error_segments() -> Additive:
    """Return LE, the mean over matched sources of all segments of their mean angle, in degrees.

    There is no threshold. Each matched source of a segment counts once, whatever the number of
    frames in which it has an estimate. LE_CD of DCASE 2020 task 3 for one class, including its rule
    for a class that is never found: 180 if there are sources and none is ever matched. NaN if no
    source is active.

    >>> front, left, none = [1, 0, 0], [0, 1, 0], [np.nan] * 3
    >>> truth = Tracks.of([0, 0.5, 1], [[front], [front], [front]], "direction")
    >>> estimate = Tracks.of([0, 0.5, 1], [[left], [front], [front]], "direction")
    >>> localization_error_segments()(estimate, truth)
    22.5
    """
    return _metric(_error, kind="direction")


@metric(
    name="localization-recall-segments",
    summary="Share of the sources of one-second segments with an estimate, at any distance",
    unit="%",
    higher_is_better=True,
    reference=REFERENCE,
)
def localization_recall_segments() -> Additive:
    """Return LR, the share of sources that are matched: sum of K over sum of N, in %.

    LR_CD of DCASE 2020 task 3 for one class: TP / (TP + FN), where TP is any match, however far.
    NaN if no source is active.

    >>> front, none = [1, 0, 0], [np.nan] * 3
    >>> truth = Tracks.of([0, 0.5, 1], [[front], [front], [front]], "direction")
    >>> estimate = Tracks.of([0, 0.5, 1], [[none], [front], [none]], "direction")
    >>> localization_recall_segments()(estimate, truth)
    50.0
    """
    return _metric(_recall)


@metric(
    name="seld-score",
    summary="Mean of error rate, 1 - F, error / 180 and 1 - recall of one-second segments",
    unit="",
    higher_is_better=False,
    kinds=("direction",),
    reference=REFERENCE,
    parameters=(Parameter("within", "20deg", "largest angle of a hit"),),
)
def seld_score(within: str = "20deg") -> Additive:
    """Return (ER + (1 - F) + LE / 180 + (1 - LR)) / 4; 0 at best.

    DCASE ranked by this number until 2023. It combines `error-rate-within`, `f-score-within`,
    `localization-error-segments` and `localization-recall-segments`. NaN if no source is active.

    Args:
        within: largest angle of a hit.

    Raises:
        ParameterError: if `within` is not an angle.

    >>> front, left, back = [1, 0, 0], [0, 1, 0], [-1, 0, 0]
    >>> truth = Tracks.of([0, 0.5], [[front, left], [front, left]], "direction")
    >>> estimate = Tracks.of([0, 0.5], [[front, back], [front, back]], "direction")
    >>> seld_score()(estimate, truth)
    0.3125
    """
    parse_distance(within, "direction")
    return _metric(_seld_score, within, kind="direction")


def _metric(finish: Finish, within: str = "", kind: Kind | None = None) -> Additive:
    limit = Limit.parse(within, METRES, DEGREES)

    def statistics(corpus: Corpus) -> Floats:
        return _rows(corpus, limit.value_for(corpus.kind))

    return Additive(statistics, finish, count=SOURCES, kind=kind or limit.kind)


HITS, FAR, MISSED, EXCESS, ERRORS, DISTANCE, SOURCES = range(7)
"""Columns: TP, FP_spatial, FN, FP, S + D + I, sum of mean distances, N."""


def _rows(corpus: Corpus, limit: float) -> Floats:
    """Return the counts of every segment, in the row of its first frame, shape (frames, 7)."""
    starts, distance, sources, estimates = corpus.cached(_segments)
    matched = ~np.isnan(distance)
    hit = matched & (distance <= limit)
    near, pairs = hit.sum(axis=1), matched.sum(axis=1)
    missed, excess = sources - pairs, np.maximum(estimates - pairs, 0)
    errors = pairs - near + np.maximum(missed, excess)
    summed = np.where(matched, distance, 0.0).sum(axis=1)
    rows = np.zeros((corpus.frames, 7))
    rows[starts] = np.column_stack([near, pairs - near, missed, excess, errors, summed, sources])
    return rows


def _segments(corpus: Corpus) -> tuple[Integers, Floats, Integers, Integers]:
    """Cut recordings at whole seconds.

    Returns:
        First frame of each segment, shape (segments,); mean distance of each source, NaN where it
        is not matched, shape (segments, sources); number of active sources, and largest number of
        simultaneous estimates, each of shape (segments,).
    """
    starts = np.flatnonzero(starts_segment(corpus, corpus.truth.times, SEGMENT))
    matches = corpus.cached(match)
    frames = np.add.reduceat(matches.matched.astype(float), starts, axis=0)
    summed = np.add.reduceat(np.nan_to_num(matches.distance), starts, axis=0)
    mean = np.where(frames > 0, summed / np.maximum(frames, 1), np.nan)
    sources = np.logical_or.reduceat(corpus.active_sources, starts, axis=0).sum(axis=1)
    estimates = np.maximum.reduceat(corpus.active_estimates.sum(axis=1), starts)
    return starts, mean, sources, estimates


def _f_score(sums: Floats) -> Floats:
    """Return F in %."""
    errors = sums[..., FAR] + (sums[..., EXCESS] + sums[..., MISSED]) / 2
    return percent(np.stack([sums[..., HITS], sums[..., HITS] + errors], axis=-1))


def _error_rate(sums: Floats) -> Floats:
    return ratio(sums[..., [ERRORS, SOURCES]])


def _error(sums: Floats) -> Floats:
    pairs = sums[..., HITS] + sums[..., FAR]
    mean = np.where(pairs > 0, sums[..., DISTANCE] / np.where(pairs > 0, pairs, 1.0), WORST)
    return np.where(sums[..., SOURCES] > 0, mean, np.nan)


def _recall(sums: Floats) -> Floats:
    pairs = sums[..., HITS] + sums[..., FAR]
    return percent(np.stack([pairs, sums[..., SOURCES]], axis=-1))


def _seld_score(sums: Floats) -> Floats:
    wrong = [1 - _f_score(sums) / 100, 1 - _recall(sums) / 100]
    return np.asarray(np.mean([_error_rate(sums), _error(sums) / WORST, *wrong], axis=0))

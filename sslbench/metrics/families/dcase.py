"""Joint detection and localization in one-second segments, as in DCASE 2020, for one class.

Mesaros et al. 2019 and Politis et al. 2020, without classes: every sound is of one class. Each
recording is cut into segments that begin at whole seconds of `Tracks.times`; a recording may end
in a shorter one. Within a segment

- answers and sources are paired frame by frame, least summed distance, without a gate;
- a source is *matched* if it has an answer in some frame of the segment; its distance is the mean
  over the frames in which it has one; K sources are matched;
- N sources sound in some frame of the segment, so FN = N - K are missed;
- M answers are claimed at once at most, or K if that is more, so FP = M - K are too many.

TP of the K matched sources are within a distance (20 degrees; at that distance counts), the others
are far: FP_spatial = K - TP. A far pair is a miss and a false positive at once. Identities of
answers count nowhere.

The released evaluators of 2020 and 2021 differ from these definitions and from each other where a
far pair and an error of number meet in one segment: they book a far pair as a miss (2020) or as a
false positive (2021) alone, and let the other error cancel it in the error rate. They also count as
many misses as there are answers when no frame of a segment has both. Neither is reproduced.
"""

from __future__ import annotations

import numpy as np

from sslbench.array_types import Floats, Integers
from sslbench.metrics.aggregation import Additive, Finish, percent, ratio
from sslbench.metrics.association import match
from sslbench.metrics.corpus import TIME_TOLERANCE, Corpus
from sslbench.metrics.distances import Limit, quantity
from sslbench.scene import Kind, Tracks  # noqa: F401  # the examples use the tracks
from sslbench.specs import MetricSpec, Parameter

__all__ = [
    "SEGMENT",
    "SPECS",
    "WORST",
    "error_rate_within",
    "f_score_within",
    "localization_error_segments",
    "localization_recall_segments",
    "seld_score",
]


SEGMENT = 1.0
"""Seconds."""

POSITION, DIRECTION = 0.5, 20.0
"""Metres and degrees within which a pair is a hit by default; DCASE has no rule for metres."""

WORST = 180.0
"""Degrees that DCASE charges where nothing is matched: the largest angle there is."""

POLITIS = "Politis et al. 2020, Overview and evaluation of SELD in DCASE 2019"

WITHIN = Parameter("within", "", "largest distance of a hit; 20deg or 0.5m if empty")


def _spec(
    name: str, summary: str, unit: str, kinds: tuple[Kind, ...], *parameters: Parameter
) -> MetricSpec:
    return MetricSpec(
        name=name,
        target=f"sslbench.metrics.families.dcase:{name.replace('-', '_')}",
        summary=summary,
        unit=unit,
        higher_is_better=unit == "%",
        kinds=kinds,
        reference=f"Mesaros et al. 2019; {POLITIS}; DCASE 2020 task 3",
        parameters=parameters,
    )


BOTH: tuple[Kind, ...] = ("position", "direction")

SPECS = (
    _spec(
        "f-score-within",
        "F-score of one-second segments; a hit is within a distance",
        "%",
        BOTH,
        WITHIN,
    ),
    _spec(
        "error-rate-within",
        "Substitutions, deletions and insertions a source, of one-second segments",
        "",
        BOTH,
        WITHIN,
    ),
    _spec(
        "localization-error-segments",
        "Mean angle of matched sources, of one-second segments; 180 if none is matched",
        "deg",
        ("direction",),
    ),
    _spec(
        "localization-recall-segments",
        "Share of sources with an answer, right or wrong, of one-second segments",
        "%",
        BOTH,
    ),
    _spec(
        "seld-score",
        "Mean of error rate, 1 - F, error / 180 and 1 - recall of one-second segments",
        "",
        ("direction",),
        Parameter("within", "20deg", "largest angle of a hit"),
    ),
)


def f_score_within(within: str = "") -> Additive:
    """Return F = TP / (TP + FP_spatial + (FP + FN) / 2) over all segments, in %.

    It is the harmonic mean of the precision TP / (TP + FP_spatial + FP) and the recall TP / (TP +
    FP_spatial + FN): a far pair, being a false positive and a miss at once, weighs twice what
    either does alone. F20 of DCASE 2020 task 3 for one class. The module says what is counted. 0
    if there are only sources or only answers, NaN if neither.

    Args:
        within: largest distance of a hit, as in `20deg` or `0.5m`, which are the defaults.

    Raises:
        ParameterError: if `within` is no distance.

    >>> front, left, back = [1, 0, 0], [0, 1, 0], [-1, 0, 0]
    >>> truth = Tracks.of([0, 0.5], [[front, left], [front, left]], "direction")
    >>> answer = Tracks.of([0, 0.5], [[front, back], [front, back]], "direction")
    >>> f_score_within()(answer, truth), f_score_within("90deg")(answer, truth)
    (50.0, 100.0)
    """
    return _metric(_f_score, within)


def error_rate_within(within: str = "") -> Additive:
    """Return ER = sum of (S + D + I) over sum of N, over all segments; 0 at best, no upper bound.

    With a = FN + FP_spatial misses and b = FP + FP_spatial false positives in a segment, S = min(a,
    b), D = max(0, a - b) and I = max(0, b - a), as of Mesaros et al. 2016; so S + D + I = max(a,
    b). ER20 of DCASE 2020 task 3 for one class. NaN if no source sounds.

    Args:
        within: largest distance of a hit, as in `20deg` or `0.5m`, which are the defaults.

    Raises:
        ParameterError: if `within` is no distance.

    >>> front, left, back = [1, 0, 0], [0, 1, 0], [-1, 0, 0]
    >>> truth = Tracks.of([0, 0.5], [[front, left], [front, left]], "direction")
    >>> answer = Tracks.of([0, 0.5], [[front, back], [front, back]], "direction")
    >>> error_rate_within()(answer, truth)
    0.5
    """
    return _metric(_error_rate, within)


def localization_error_segments() -> Additive:
    """Return LE, the mean over matched sources of all segments of their mean angle, in degrees.

    There is no threshold; each matched source of a segment counts once, however many frames it is
    answered in. LE_CD of DCASE 2020 task 3 for one class, with its rule for a class that is never
    found: 180 if sources sound and none is ever matched. NaN if no source sounds.

    >>> front, left, none = [1, 0, 0], [0, 1, 0], [np.nan] * 3
    >>> truth = Tracks.of([0, 0.5, 1], [[front], [front], [front]], "direction")
    >>> answer = Tracks.of([0, 0.5, 1], [[left], [front], [front]], "direction")
    >>> localization_error_segments()(answer, truth)
    22.5
    """
    return _metric(_error, kind="direction")


def localization_recall_segments() -> Additive:
    """Return LR, the share of sources that are matched: sum of K over sum of N, in %.

    LR_CD of DCASE 2020 task 3 for one class: TP / (TP + FN) where TP is any match, however far.
    NaN if no source sounds.

    >>> front, none = [1, 0, 0], [np.nan] * 3
    >>> truth = Tracks.of([0, 0.5, 1], [[front], [front], [front]], "direction")
    >>> answer = Tracks.of([0, 0.5, 1], [[none], [front], [none]], "direction")
    >>> localization_recall_segments()(answer, truth)
    50.0
    """
    return _metric(_recall)


def seld_score(within: str = "20deg") -> Additive:
    """Return (ER + (1 - F) + LE / 180 + (1 - LR)) / 4; 0 at best.

    The number by which DCASE ranked until 2023, of `error-rate-within`, `f-score-within`,
    `localization-error-segments` and `localization-recall-segments`. NaN if no source sounds.

    Args:
        within: largest angle of a hit.

    Raises:
        ParameterError: if `within` is no angle.

    >>> front, left, back = [1, 0, 0], [0, 1, 0], [-1, 0, 0]
    >>> truth = Tracks.of([0, 0.5], [[front, left], [front, left]], "direction")
    >>> answer = Tracks.of([0, 0.5], [[front, back], [front, back]], "direction")
    >>> seld_score()(answer, truth)
    0.3125
    """
    quantity(within, "direction")
    return _metric(_score, within, kind="direction")


def _metric(finish: Finish, within: str = "", kind: Kind | None = None) -> Additive:
    limit = Limit.read(within, POSITION, DIRECTION)

    def statistics(corpus: Corpus) -> Floats:
        return _rows(corpus, limit.of(corpus.kind))

    return Additive(statistics, finish, count=SOURCES, kind=kind or limit.kind)


HITS, FAR, MISSED, SURPLUS, ERRORS, DISTANCE, SOURCES = range(7)
"""Columns: TP, FP_spatial, FN, FP, S + D + I, sum of mean distances, N."""


def _rows(corpus: Corpus, limit: float) -> Floats:
    """Count every segment, in the row of its first frame, shape (frames, 7)."""
    starts, distance, sources, answers = corpus.once(_segments)
    matched = ~np.isnan(distance)
    hit = matched & (distance <= limit)
    near, pairs = hit.sum(axis=1), matched.sum(axis=1)
    missed, surplus = sources - pairs, np.maximum(answers - pairs, 0)
    errors = pairs - near + np.maximum(missed, surplus)
    summed = np.where(matched, distance, 0.0).sum(axis=1)
    rows = np.zeros((corpus.frames, 7))
    rows[starts] = np.column_stack([near, pairs - near, missed, surplus, errors, summed, sources])
    return rows


def _segments(corpus: Corpus) -> tuple[Integers, Floats, Integers, Integers]:
    """Cut recordings at whole seconds.

    Returns:
        First frame of each segment, shape (segments,); mean distance of each source, NaN where it
        is not matched, shape (segments, sources); number of sources that sound, and most answers
        at once, shape (segments,).
    """
    # Times that were stored in single precision can lie just below a whole second.
    second = np.floor((corpus.truth.times + TIME_TOLERANCE) / SEGMENT)
    starts = np.flatnonzero(corpus.first | (np.diff(second, prepend=np.nan) != 0))
    matches = corpus.once(match)
    frames = np.add.reduceat(matches.answered.astype(float), starts, axis=0)
    summed = np.add.reduceat(np.nan_to_num(matches.distance), starts, axis=0)
    mean = np.where(frames > 0, summed / np.maximum(frames, 1), np.nan)
    sources = np.logical_or.reduceat(corpus.sounding, starts, axis=0).sum(axis=1)
    answers = np.maximum.reduceat(corpus.claimed.sum(axis=1), starts)
    return starts, mean, sources, answers


def _f_score(sums: Floats) -> Floats:
    """Return F in %."""
    errors = sums[..., FAR] + (sums[..., SURPLUS] + sums[..., MISSED]) / 2
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


def _score(sums: Floats) -> Floats:
    wrong = [1 - _f_score(sums) / 100, 1 - _recall(sums) / 100]
    return np.asarray(np.mean([_error_rate(sums), _error(sums) / WORST, *wrong], axis=0))

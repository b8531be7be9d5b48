"""How much of its life each source is tracked: mostly, partly, or hardly (Wu and Nevatia 2006).

A source is one identity in one recording. It is matched in the frames in which it has an estimate
under CLEAR-MOT (`clear_mot`); the share of these in the frames in which it is active decides.
Values are those of TrackEval (MTR, PTR and MLR), times 100.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from sslbench.array_types import Booleans, Floats
from sslbench.metrics.aggregation import Additive, percent, ratio_of
from sslbench.metrics.association.continuity import RULE
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.declaration import metric
from sslbench.metrics.families.clear_mot import Matching
from sslbench.metrics.families.idf1 import GATE
from sslbench.metrics.per_frame import count
from sslbench.scene import Tracks  # noqa: F401  # the examples use it

__all__ = ["MOSTLY", "SELDOM", "mostly_lost", "mostly_tracked", "partly_tracked"]

MOSTLY = 0.8
SELDOM = 0.2
"""A source is mostly tracked if it is matched in more than 80 % of its frames, and mostly lost if
in less than 20 %."""

declare = partial(
    metric,
    unit="%",
    parameters=(GATE, RULE),
    reference="Wu and Nevatia 2006, as computed by TrackEval",
)


@declare(
    name="mostly-tracked",
    summary="Share of the sources that have an estimate within the gate most of the time",
    higher_is_better=True,
)
def mostly_tracked(gate: str = "", rule: str = "keep") -> Additive:
    """Return the share of sources that are matched in more than 80 % of their frames, in %.

    NaN if no source is active.

    Args:
        gate: largest distance of a pair; by default 20deg for directions, 0.5m for positions.
        rule: `keep` (motmetrics) or `jointly` (TrackEval).

    Raises:
        ParameterError: if the gate is not a distance or the rule is unknown.

    >>> truth = Tracks.of(range(10), [[[0, 0, 0], [5, 0, 0]]] * 10, "position")
    >>> estimate = Tracks.of(range(10), [[[0, 0, 0]]] * 9 + [[[9, 0, 0]]], "position")
    >>> mostly_tracked()(estimate, truth)
    50.0
    """
    return _share(gate, rule, lambda tracked: tracked > MOSTLY)


@declare(
    name="partly-tracked",
    summary="Share of the sources that have an estimate within the gate some of the time",
    higher_is_better=False,
)
def partly_tracked(gate: str = "", rule: str = "keep") -> Additive:
    """Return the share of sources that are neither mostly tracked nor mostly lost, in %.

    NaN if no source is active.

    Args:
        gate: largest distance of a pair; by default 20deg for directions, 0.5m for positions.
        rule: `keep` (motmetrics) or `jointly` (TrackEval).

    Raises:
        ParameterError: if the gate is not a distance or the rule is unknown.

    >>> truth = Tracks.of(range(10), [[[0, 0, 0], [5, 0, 0]]] * 10, "position")
    >>> estimate = Tracks.of(range(10), [[[0, 0, 0]]] * 8 + [[[9, 0, 0]]] * 2, "position")
    >>> partly_tracked()(estimate, truth)
    50.0
    """
    return _share(gate, rule, lambda tracked: (tracked >= SELDOM) & (tracked <= MOSTLY))


@declare(
    name="mostly-lost",
    summary="Share of the sources that hardly ever have an estimate within the gate",
    higher_is_better=False,
)
def mostly_lost(gate: str = "", rule: str = "keep") -> Additive:
    """Return the share of sources that are matched in less than 20 % of their frames, in %.

    NaN if no source is active.

    Args:
        gate: largest distance of a pair; by default 20deg for directions, 0.5m for positions.
        rule: `keep` (motmetrics) or `jointly` (TrackEval).

    Raises:
        ParameterError: if the gate is not a distance or the rule is unknown.

    >>> truth = Tracks.of(range(10), [[[0, 0, 0], [5, 0, 0]]] * 10, "position")
    >>> estimate = Tracks.of(range(10), [[[0, 0, 0]]] * 10, "position")
    >>> mostly_lost()(estimate, truth)
    50.0
    """
    return _share(gate, rule, lambda tracked: tracked < SELDOM)


def _share(gate: str, rule: str, chosen: Callable[[Floats], Booleans]) -> Additive:
    matching = Matching.parse(gate, rule)

    def numbers(corpus: Corpus) -> Floats:
        lives = corpus.sum_by_recording(corpus.active_sources)
        matched = corpus.sum_by_recording(matching(corpus).matches.matched)
        wanted = chosen(matched / np.maximum(lives, 1))
        return count(_first(corpus) & wanted[corpus.recording])

    return ratio_of(numbers, lambda corpus: count(_first(corpus)), percent, matching.kind)


def _first(corpus: Corpus) -> Booleans:
    """Return where each source is active for the first time in its recording."""
    lives = corpus.sum_by_recording(corpus.active_sources)
    earlier = (np.cumsum(lives, axis=0) - lives)[corpus.recording]
    so_far = np.cumsum(corpus.active_sources, axis=0) - earlier
    return np.asarray(corpus.active_sources & (so_far == 1))

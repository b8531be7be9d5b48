"""Distances between the set of estimates and the set of sources of a frame: OSPA and GOSPA.

They measure localization errors, missed sources and false estimates in one number. The cut-off c is
the cost of a missed source or a false estimate relative to a localization error. There is no
accepted value, and results scale with it: the defaults (30 degrees, the gate of LOCATA; 1 m, the
coarser resolution of Le Moing 2019) are arbitrary, and a value must be stated with its cut-off.

Both metrics use one assignment per frame, with costs min(d, c)^p. It may contain as many pairs as
possible, because a pair costs at most c^p, which is what its two members cost separately.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from sslbench.array_types import Booleans, Floats, Integers
from sslbench.metrics.aggregation import Additive, ratio_of
from sslbench.metrics.association import assign
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.declaration import metric
from sslbench.metrics.distances import Limit
from sslbench.metrics.per_frame import estimate_count, frame, source_count
from sslbench.scene import Kind, Tracks  # noqa: F401  # the examples use it
from sslbench.specs import Parameter

__all__ = [
    "CUTOFF_DEGREES",
    "CUTOFF_METRES",
    "PARAMETERS",
    "Cost",
    "gospa",
    "gospa_false",
    "gospa_localization",
    "gospa_missed",
    "ospa",
]

Part = Literal["localization", "missed", "false"]

PARTS: tuple[Part, ...] = ("localization", "missed", "false")

CUTOFF_METRES = 1.0
CUTOFF_DEGREES = 30.0
"""Default cut-offs."""

ORDER = Parameter("p", 1, "order; 2 gives large errors more weight", minimum=1, maximum=2)

PARAMETERS = (
    Parameter("cutoff", "", "cost of a missed source or a false estimate; 30deg or 1m if empty"),
    ORDER,
)

SCHUHMACHER = "Schuhmacher, Vo and Vo 2008"
RAHMATHULLAH = "Rahmathullah, García-Fernández and Svensson 2017, alpha = 2"


@dataclass(frozen=True)
class Cost:
    """The cost of errors: min(d, c)^p for a pair, c^p for a track without a partner.

    Args:
        cutoff: c.
        p: order.
    """

    cutoff: Limit
    p: int

    @classmethod
    def parse(cls, cutoff: str, p: int) -> Cost:
        """Parse the parameters of a metric.

        Raises:
            ParameterError: if the cut-off is not a distance, or p neither 1 nor 2.
        """
        ORDER.check(p)
        return cls(Limit.parse(cutoff, CUTOFF_METRES, CUTOFF_DEGREES), p)

    @property
    def kind(self) -> Kind | None:
        """The kind of tracks that can be compared with this cut-off; None if both."""
        return self.cutoff.kind


declare = partial(
    metric,
    unit="distance",
    higher_is_better=False,
    reference=RAHMATHULLAH,
    parameters=PARAMETERS,
)


@declare(
    name="ospa",
    summary="Distance between the sets of estimates and sources, per source",
    reference=SCHUHMACHER,
)
def ospa(cutoff: str = "", p: int = 1) -> Additive:
    """Return the mean over all frames of OSPA, in metres or degrees.

    A frame with m active sources and n estimates has

        ``((min over assignments of the sum of min(d, c)^p + c^p |m - n|) / max(m, n))^(1/p)``

    with the sum over min(m, n) pairs. It is 0 if both sets are empty, c if one of them is, and
    never more than c. Because of the division by max(m, n) it is an error per source. Identities do
    not matter. NaN if there are no frames. Schuhmacher, Vo and Vo 2008.

    Args:
        cutoff: c, by default 1m or 30deg; an arbitrary choice that scales the value and must be
            stated with it.
        p: order, 1 or 2.

    Raises:
        ParameterError: if the cut-off is not a distance, or p neither 1 nor 2.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0], [4, 0, 0]], [[0, 0, 0], [4, 0, 0]]], "position")
    >>> xyz = [[[4, 3, 0], [0, 1, 0]], [[0, 1, 0], [np.nan] * 3]]
    >>> estimate = Tracks.of([0, 1], xyz, "position")
    >>> ospa("2m").components(estimate, truth)[:, 0].tolist()
    [1.5, 1.5]
    >>> ospa("2m")(estimate, truth), ospa("4m")(estimate, truth)
    (1.5, 2.25)
    """
    cost = Cost.parse(cutoff, p)
    return ratio_of(partial(_ospa, cost=cost), frame, kind=cost.kind)


@declare(
    name="gospa",
    summary="Cost of localization errors, missed sources and false estimates, per frame",
)
def gospa(cutoff: str = "", p: int = 1) -> Additive:
    """Return the mean over all frames of GOSPA with alpha = 2, in metres or degrees.

    A frame has

        ``(min over assignments of the sum of d^p + (missed + false) c^p / 2)^(1/p)``

    with the sum over assigned pairs; `missed` sources and `false` estimates are those without a
    pair. A pair with d >= c is one missed source and one false estimate. It is 0 if both sets are
    empty. It is not divided by the number of sources and grows with it. NaN if there are no frames.
    Rahmathullah, García-Fernández and Svensson 2017, proposition 1.

    Args:
        cutoff: c, by default 1m or 30deg; an arbitrary choice that scales the value and must be
            stated with it.
        p: order, 1 or 2.

    Raises:
        ParameterError: if the cut-off is not a distance, or p neither 1 nor 2.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0], [4, 0, 0]], [[0, 0, 0], [4, 0, 0]]], "position")
    >>> xyz = [[[4, 3, 0], [0, 1, 0]], [[0, 1, 0], [np.nan] * 3]]
    >>> estimate = Tracks.of([0, 1], xyz, "position")
    >>> gospa("2m").components(estimate, truth)[:, 0].tolist()
    [3.0, 2.0]
    >>> gospa("2m")(estimate, truth)
    2.5
    """
    cost = Cost.parse(cutoff, p)
    return ratio_of(partial(_gospa, cost=cost), frame, kind=cost.kind)


@declare(
    name="gospa-localization",
    summary="Part of GOSPA that is due to localization errors",
)
def gospa_localization(cutoff: str = "", p: int = 1) -> Additive:
    """Return the part of `gospa` that is due to pairs nearer than c, in metres or degrees.

    The p-th power of a frame's GOSPA is the sum of three parts: d^p over these pairs, c^p / 2 per
    missed source, and c^p / 2 per false estimate. Each part of the frame's GOSPA is its share of
    that sum: GOSPA (part^p / GOSPA^p). The value is the mean over all frames. The parts therefore
    add up to `gospa` for any p, in the same unit; for p = 1 they are the plain sums of d and of
    c / 2. If several assignments have exactly the same cost, the parts are those of one of them. 0
    where the frame's GOSPA is 0; NaN if there are no frames.

    Args:
        cutoff: c, as in `gospa`.
        p: order, 1 or 2.

    Raises:
        ParameterError: if the cut-off is not a distance, or p neither 1 nor 2.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    >>> estimate = Tracks.of([0], [[[4, 3, 0], [0, 1, 0]]], "position")
    >>> gospa_localization("2m")(estimate, truth), gospa("2m")(estimate, truth)
    (1.0, 3.0)
    """
    return _part("localization", cutoff, p)


@declare(
    name="gospa-missed",
    summary="Part of GOSPA that is due to missed sources",
)
def gospa_missed(cutoff: str = "", p: int = 1) -> Additive:
    """Return the part of `gospa` that is due to sources without a pair nearer than c.

    In metres or degrees. For p = 1 it is c / 2 times the mean number of missed sources per frame;
    for p = 2 their share of each frame's GOSPA, see `gospa-localization`.

    Args:
        cutoff: c, as in `gospa`.
        p: order, 1 or 2.

    Raises:
        ParameterError: if the cut-off is not a distance, or p neither 1 nor 2.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    >>> estimate = Tracks.of([0], [[[np.nan] * 3, [0, 1, 0]]], "position")
    >>> gospa_missed("3m")(estimate, truth)
    1.5
    """
    return _part("missed", cutoff, p)


@declare(
    name="gospa-false",
    summary="Part of GOSPA that is due to false estimates",
)
def gospa_false(cutoff: str = "", p: int = 1) -> Additive:
    """Return the part of `gospa` that is due to estimates without a pair nearer than c.

    In metres or degrees. For p = 1 it is c / 2 times the mean number of false estimates per frame;
    for p = 2 their share of each frame's GOSPA, see `gospa-localization`.

    Args:
        cutoff: c, as in `gospa`.
        p: order, 1 or 2.

    Raises:
        ParameterError: if the cut-off is not a distance, or p neither 1 nor 2.

    >>> truth = Tracks.of([0], [[[np.nan] * 3]], "position")
    >>> estimate = Tracks.of([0], [[[4, 3, 0], [0, 1, 0]]], "position")
    >>> gospa_false("3m")(estimate, truth)
    3.0
    """
    return _part("false", cutoff, p)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Pairs nearer than the cut-off: their summed d^p and their number, each (frames,)."""

    cost: Floats
    count: Integers


def _pairs(corpus: Corpus, cutoff: float, p: int) -> _Pairs:
    allowed = corpus.both_active
    near = allowed & (corpus.distance < cutoff)
    cost = np.where(near, corpus.distance, cutoff) ** p
    chosen = _pair_flags(assign(cost, allowed), allowed.shape[2]) & near
    return _Pairs((cost * chosen).sum(axis=(1, 2)), chosen.sum(axis=(1, 2)))


def _pair_flags(partner: Integers, estimates: int) -> Booleans:
    """Return whether each source and estimate are a pair, (frames, sources, estimates)."""
    return np.asarray(partner[..., None] == np.arange(estimates))


def _ospa(corpus: Corpus, cost: Cost) -> Floats:
    cutoff = cost.cutoff.value_for(corpus.kind)
    pairs = corpus.cached(_pairs, cutoff, cost.p)
    larger = np.maximum(source_count(corpus), estimate_count(corpus))
    total = pairs.cost + cutoff**cost.p * (larger - pairs.count)
    return np.asarray((total / np.maximum(larger, 1)) ** (1 / cost.p))


def _powers(corpus: Corpus, cost: Cost) -> dict[Part, Floats]:
    """Return the p-th power of the cost of each part, each of shape (frames,)."""
    cutoff = cost.cutoff.value_for(corpus.kind)
    pairs = corpus.cached(_pairs, cutoff, cost.p)
    unpaired = cutoff**cost.p / 2
    missed = unpaired * (source_count(corpus) - pairs.count)
    false = unpaired * (estimate_count(corpus) - pairs.count)
    return dict(zip(PARTS, (pairs.cost, missed, false), strict=True))


def _gospa(corpus: Corpus, cost: Cost) -> Floats:
    return np.asarray(sum(_powers(corpus, cost).values()) ** (1 / cost.p))


def _part(part: Part, cutoff: str, p: int) -> Additive:
    cost = Cost.parse(cutoff, p)
    return ratio_of(partial(_share, part=part, cost=cost), frame, kind=cost.kind)


def _share(corpus: Corpus, part: Part, cost: Cost) -> Floats:
    powers = _powers(corpus, cost)
    if cost.p == 1:
        return powers[part]
    total = np.asarray(sum(powers.values()))
    return powers[part] * np.where(total > 0, total, 1.0) ** (1 / cost.p - 1)

"""Metrics that hold the set of answers of a frame against the set of sources: OSPA and GOSPA.

One number for misplaced, missed and invented sources at once. The cut-off c says what a missed or
invented source costs against a misplaced one. Nothing in the field fixes it and every value scales
with it: the defaults (30 degrees, the gate of LOCATA; 1 m, the coarser resolution of Le Moing
2019) are as arbitrary as any, and a value without its cut-off says nothing.

Both metrics rest on one assignment in each frame, of costs min(d, c)^p. It may take as many pairs
as there can be: a pair costs at most c^p, and that is what its two members cost apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from sslbench.array_types import Booleans, Floats, Integers
from sslbench.metrics.aggregation import Additive, ratio_of
from sslbench.metrics.association import assign
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.distances import Quantity, quantity
from sslbench.metrics.statistics import frame
from sslbench.scene import Kind, Tracks  # noqa: F401  # the examples use the tracks
from sslbench.specs import MetricSpec, Parameter

__all__ = [
    "DEFAULT_CUTOFFS",
    "PARAMETERS",
    "SPECS",
    "Price",
    "gospa",
    "gospa_false",
    "gospa_localization",
    "gospa_missed",
    "ospa",
]

Part = Literal["localization", "missed", "false"]

PARTS: tuple[Part, ...] = ("localization", "missed", "false")

DEFAULT_CUTOFFS: Mapping[Kind, float] = {"direction": 30.0, "position": 1.0}
"""Degrees and metres."""

ORDER = Parameter("p", 1, "order: 2 weighs large errors more", minimum=1, maximum=2)

PARAMETERS = (
    Parameter("cutoff", "", "price of a missed or invented source; 30deg or 1m if empty"),
    ORDER,
)


def _spec(name: str, summary: str, reference: str) -> MetricSpec:
    return MetricSpec(
        name=name,
        target=f"sslbench.metrics.families.ospa:{name.replace('-', '_')}",
        summary=summary,
        unit="distance",
        higher_is_better=False,
        reference=reference,
        parameters=PARAMETERS,
    )


SCHUHMACHER = "Schuhmacher, Vo and Vo 2008"
RAHMATHULLAH = "Rahmathullah, García-Fernández and Svensson 2017, alpha = 2"

SPECS = (
    _spec("ospa", "Distance of the answers from the sources as sets, a source", SCHUHMACHER),
    _spec("gospa", "Cost of misplaced, missed and false sources, a frame", RAHMATHULLAH),
    _spec("gospa-localization", "Part of GOSPA that misplaced sources cost", RAHMATHULLAH),
    _spec("gospa-missed", "Part of GOSPA that missed sources cost", RAHMATHULLAH),
    _spec("gospa-false", "Part of GOSPA that false answers cost", RAHMATHULLAH),
)


@dataclass(frozen=True)
class Price:
    """What errors cost: min(d, c)^p for a pair, c^p for what has no partner.

    Args:
        cutoff: c; None for the default of the kind.
        p: order.
    """

    cutoff: Quantity | None
    p: int

    @classmethod
    def of(cls, cutoff: str, p: int) -> Price:
        """Read the parameters of a metric.

        Raises:
            ParameterError: if the cut-off is no distance, or p neither 1 nor 2.
        """
        ORDER.check(p)
        return cls(quantity(cutoff) if cutoff else None, p)

    @property
    def kind(self) -> Kind | None:
        """What can be compared at this cut-off; None if both."""
        return self.cutoff.kind if self.cutoff else None

    def limit(self, kind: Kind) -> float:
        """Return c in metres or degrees."""
        return self.cutoff.value if self.cutoff else DEFAULT_CUTOFFS[kind]


def ospa(cutoff: str = "", p: int = 1) -> Additive:
    """Return the mean over all frames of OSPA, in metres or degrees.

    A frame of m sources and n answers has

        ``((min over assignments of the sum of min(d, c)^p + c^p |m - n|) / max(m, n))^(1/p)``

    with the sum over min(m, n) pairs: 0 if both sets are empty, c if one of them is, and never
    more than c. Being divided by max(m, n) it is an error a source; identities do not count. NaN
    if there is no frame. Schuhmacher, Vo and Vo 2008.

    Args:
        cutoff: c, as in `1m` or `30deg`, which are the defaults; an arbitrary choice that scales
            the value and has to be told with it.
        p: order, 1 or 2.

    Raises:
        ParameterError: if the cut-off is no distance, or p neither 1 nor 2.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0], [4, 0, 0]], [[0, 0, 0], [4, 0, 0]]], "position")
    >>> answer = Tracks.of([0, 1], [[[4, 3, 0], [0, 1, 0]], [[0, 1, 0], [np.nan] * 3]], "position")
    >>> ospa("2m").components(answer, truth)[:, 0].tolist()
    [1.5, 1.5]
    >>> ospa("2m")(answer, truth), ospa("4m")(answer, truth)
    (1.5, 2.25)
    """
    price = Price.of(cutoff, p)
    return ratio_of(partial(_ospa, price=price), frame, kind=price.kind)


def gospa(cutoff: str = "", p: int = 1) -> Additive:
    """Return the mean over all frames of GOSPA with alpha = 2, in metres or degrees.

    A frame has

        ``(min over assignments of the sum of d^p + (missed + false) c^p / 2)^(1/p)``

    with the sum over assigned pairs, `missed` sources and `false` answers those that are in none:
    a pair with d >= c is one missed and one false. 0 if both sets are empty. It is not divided by
    the number of sources and grows with it. NaN if there is no frame. Rahmathullah,
    García-Fernández and Svensson 2017, proposition 1.

    Args:
        cutoff: c, as in `1m` or `30deg`, which are the defaults; an arbitrary choice that scales
            the value and has to be told with it.
        p: order, 1 or 2.

    Raises:
        ParameterError: if the cut-off is no distance, or p neither 1 nor 2.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0], [4, 0, 0]], [[0, 0, 0], [4, 0, 0]]], "position")
    >>> answer = Tracks.of([0, 1], [[[4, 3, 0], [0, 1, 0]], [[0, 1, 0], [np.nan] * 3]], "position")
    >>> gospa("2m").components(answer, truth)[:, 0].tolist()
    [3.0, 2.0]
    >>> gospa("2m")(answer, truth)
    2.5
    """
    price = Price.of(cutoff, p)
    return ratio_of(partial(_gospa, price=price), frame, kind=price.kind)


def gospa_localization(cutoff: str = "", p: int = 1) -> Additive:
    """Return the part of `gospa` that pairs nearer than c cost, in metres or degrees.

    A frame's p-th power of GOSPA is the sum of three: of d^p over these pairs, c^p / 2 a missed
    source, c^p / 2 a false answer. Each part of the frame's GOSPA is its share of that sum:
    GOSPA (part^p / GOSPA^p). The value is the mean over all frames. So parts add up to `gospa`
    whatever p, in its unit; for p = 1 they are the plain sums of d and of c / 2. Where several
    assignments cost the same to the last digit the parts are those of one of them. 0 where the
    frame's GOSPA is; NaN if there is no frame.

    Args:
        cutoff: c, as in `gospa`.
        p: order, 1 or 2.

    Raises:
        ParameterError: if the cut-off is no distance, or p neither 1 nor 2.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    >>> answer = Tracks.of([0], [[[4, 3, 0], [0, 1, 0]]], "position")
    >>> gospa_localization("2m")(answer, truth), gospa("2m")(answer, truth)
    (1.0, 3.0)
    """
    return _part("localization", cutoff, p)


def gospa_missed(cutoff: str = "", p: int = 1) -> Additive:
    """Return the part of `gospa` that sources without a pair nearer than c cost.

    In metres or degrees. For p = 1 it is c / 2 times the mean number of missed sources a frame;
    for p = 2 their share of each frame's GOSPA, see `gospa-localization`.

    Args:
        cutoff: c, as in `gospa`.
        p: order, 1 or 2.

    Raises:
        ParameterError: if the cut-off is no distance, or p neither 1 nor 2.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    >>> answer = Tracks.of([0], [[[np.nan] * 3, [0, 1, 0]]], "position")
    >>> gospa_missed("3m")(answer, truth)
    1.5
    """
    return _part("missed", cutoff, p)


def gospa_false(cutoff: str = "", p: int = 1) -> Additive:
    """Return the part of `gospa` that answers without a pair nearer than c cost.

    In metres or degrees. For p = 1 it is c / 2 times the mean number of false answers a frame;
    for p = 2 their share of each frame's GOSPA, see `gospa-localization`.

    Args:
        cutoff: c, as in `gospa`.
        p: order, 1 or 2.

    Raises:
        ParameterError: if the cut-off is no distance, or p neither 1 nor 2.

    >>> truth = Tracks.of([0], [[[np.nan] * 3]], "position")
    >>> answer = Tracks.of([0], [[[4, 3, 0], [0, 1, 0]]], "position")
    >>> gospa_false("3m")(answer, truth)
    3.0
    """
    return _part("false", cutoff, p)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Pairs nearer than the cut-off: their summed d^p and their number, each (frames,)."""

    cost: Floats
    count: Integers


def _pairs(corpus: Corpus, limit: float, p: int) -> _Pairs:
    possible = corpus.possible
    near = possible & (corpus.distance < limit)
    cost = np.where(near, corpus.distance, limit) ** p
    chosen = _as_members(assign(cost, possible), corpus.claimed.shape[1]) & near
    return _Pairs((cost * chosen).sum(axis=(1, 2)), chosen.sum(axis=(1, 2)))


def _as_members(partner: Integers, answers: int) -> Booleans:
    """Say of each source and answer whether they are a pair, (frames, sources, answers)."""
    return np.asarray(partner[..., None] == np.arange(answers))


def _sizes(corpus: Corpus) -> tuple[Integers, Integers]:
    return corpus.sounding.sum(axis=1), corpus.claimed.sum(axis=1)


def _ospa(corpus: Corpus, price: Price) -> Floats:
    limit = price.limit(corpus.kind)
    pairs = corpus.once(_pairs, limit, price.p)
    larger = np.maximum(*_sizes(corpus))
    cost = pairs.cost + limit**price.p * (larger - pairs.count)
    return np.asarray((cost / np.maximum(larger, 1)) ** (1 / price.p))


def _powers(corpus: Corpus, price: Price) -> dict[Part, Floats]:
    """Return what each part costs, to the p-th power, each of shape (frames,)."""
    limit = price.limit(corpus.kind)
    pairs = corpus.once(_pairs, limit, price.p)
    sources, answers = _sizes(corpus)
    alone = limit**price.p / 2
    costs = (pairs.cost, alone * (sources - pairs.count), alone * (answers - pairs.count))
    return dict(zip(PARTS, costs, strict=True))


def _gospa(corpus: Corpus, price: Price) -> Floats:
    return np.asarray(sum(_powers(corpus, price).values()) ** (1 / price.p))


def _part(part: Part, cutoff: str, p: int) -> Additive:
    price = Price.of(cutoff, p)
    return ratio_of(partial(_share, part=part, price=price), frame, kind=price.kind)


def _share(corpus: Corpus, part: Part, price: Price) -> Floats:
    powers = _powers(corpus, price)
    if price.p == 1:
        return powers[part]
    total = np.asarray(sum(powers.values()))
    return powers[part] * np.where(total > 0, total, 1.0) ** (1 / price.p - 1)

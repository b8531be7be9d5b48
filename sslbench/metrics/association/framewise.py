"""Match estimates to sources in each frame on its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import permutations
from operator import add

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Booleans, Floats, Integers
from sslbench.metrics.corpus import Corpus
from sslbench.scene import Tracks  # noqa: F401  # the example uses it

__all__ = ["ENUMERATED", "Matches", "assign", "match"]

Bytes = NDArray[np.int8]

TIE = 1e-9
"""Weight of squared distances added to distances: enough to break ties, and nothing else."""

ENUMERATED = 3
"""Up to this number of sources all 6 permutations are compared at once, else scipy is used."""

CHUNK = 1 << 14
"""Frames that are compared at a time, so that the working set fits into the processor's cache."""


@dataclass(frozen=True, eq=False)
class Matches:
    """The pairs of sources and estimates in every frame of a corpus.

    Args:
        corpus: what was matched.
        partner: index of the estimate of each source, -1 if it has none, shape (frames, sources).
    """

    corpus: Corpus
    partner: Integers

    @property
    def matched(self) -> Booleans:
        """Whether each source has an estimate, shape (frames, sources)."""
        return self.partner >= 0

    @cached_property
    def distance(self) -> Floats:
        """Metres or degrees from source to estimate, NaN without one, (frames, sources)."""
        padded = np.pad(self.corpus.distance, ((0, 0), (0, 0), (0, 1)), constant_values=np.nan)
        # Index -1 selects the column that was added at the end.
        index = self.partner[..., None] % padded.shape[2]
        return np.take_along_axis(padded, index, axis=2)[..., 0]

    @cached_property
    def estimates(self) -> Floats:
        """Place of the estimate of each source, NaN without one, shape (frames, sources, 3)."""
        xyz = self.corpus.prediction.xyz
        padded = np.concatenate([xyz, np.full((len(xyz), 1, 3), np.nan)], axis=1)
        return np.take_along_axis(padded, self.partner[..., None] % padded.shape[1], axis=1)


def match(corpus: Corpus, gate: float = np.inf) -> Matches:
    """Match estimates and sources frame by frame: most pairs, then least summed distance.

    Without a gate, the only source is matched with the only estimate however far apart they are.
    Sums are tied whenever sources and estimates lie on one line or circle, as azimuths do. Ties go
    to the pairs with the least summed squares, so that rounding does not decide.

    Args:
        corpus: estimates and ground truth.
        gate: metres or degrees; sources and estimates farther apart are not matched.

    >>> truth = Tracks.of([0.0], [[[0, 0, 0], [5, 0, 0]]], "position")
    >>> estimate = Tracks.of([0.0], [[[4, 0, 0], [1, 0, 0]]], "position")
    >>> match(Corpus.of([(estimate, truth)])).partner.tolist()
    [[1, 0]]
    """
    allowed = corpus.both_active
    if np.isfinite(gate):
        allowed = allowed & (corpus.distance <= gate)
    return Matches(corpus, assign(corpus.distance * (1 + TIE * corpus.distance), allowed))


def assign(cost: Floats, allowed: Booleans) -> Integers:
    """Give every source at most one estimate: most pairs first, then the least summed cost.

    Args:
        cost: at least 0, shape (frames, sources, estimates); ignored where not allowed.
        allowed: whether source and estimate may be a pair, same shape.

    Returns:
        Index of the estimate of each source or -1, shape (frames, sources).
    """
    if max(cost.shape[1:]) <= ENUMERATED:
        return _assign_enumerated(cost, allowed)
    return _assign_one_by_one(cost, allowed)


def _assign_enumerated(cost: Floats, allowed: Booleans) -> Integers:
    frames, sources, estimates = cost.shape
    partner = np.full((frames, sources), -1)
    orders = _orders(sources, estimates)
    for begin in range(0, frames if orders else 0, CHUNK):
        chunk = slice(begin, begin + CHUNK)
        # Frames go last, because numpy is only fast on long rows.
        possible = np.ascontiguousarray(allowed[chunk].transpose(1, 2, 0))
        price = np.where(possible, cost[chunk].transpose(1, 2, 0), 0.0)
        best = _cheapest(np.ascontiguousarray(price), possible, orders)
        for source in range(sources):
            chosen = np.array([order[source] for order in orders], dtype=np.int8)[best]
            partner[chunk, source] = _where_possible(chosen, possible[source])
    return partner


def _where_possible(chosen: Bytes, possible: Booleans) -> Bytes:
    """Return the chosen estimates that are allowed, else -1.

    Args:
        chosen: estimate of one source, shape (frames,).
        possible: whether each estimate is allowed, shape (estimates, frames).
    """
    # Sums of bytes: indexing an array by frame takes several times as long.
    above = np.zeros_like(chosen)
    for estimate, allowed in enumerate(possible):
        above += ((chosen == estimate) & allowed) * np.int8(estimate + 1)
    return above - np.int8(1)


def _orders(sources: int, estimates: int) -> list[tuple[int, ...]]:
    """List all ways to give every source or every estimate a partner, -1 for none."""
    if not min(sources, estimates):
        return []
    orders = permutations(range(max(sources, estimates)))
    partners = (tuple(k if k < estimates else -1 for k in order[:sources]) for order in orders)
    return list(dict.fromkeys(partners))


def _cheapest(
    price: Floats, possible: Booleans, orders: list[tuple[int, ...]]
) -> NDArray[np.uint8]:
    """Return the index of the order with the most pairs, and then the least summed price.

    Args:
        price: of each pair, 0 where it is not possible, shape (sources, estimates, frames).
        possible: which pairs are allowed, same shape.
        orders: estimate of each source; of equal orders the first is taken.
    """
    counts, totals = [], []
    for order in orders:
        pairs = [(source, estimate) for source, estimate in enumerate(order) if estimate >= 0]
        counts.append(reduce(add, (possible[pair].view(np.int8) for pair in pairs)))
        totals.append(reduce(add, (price[pair] for pair in pairs)))
    most = np.maximum.reduce(counts)
    best = np.zeros(price.shape[2], dtype=np.uint8)
    least = np.full(price.shape[2], np.inf)
    for index, (count, total) in enumerate(zip(counts, totals, strict=True)):
        total = np.where(count == most, total, np.inf)
        # The index can only rise, and a product is faster than `np.where`.
        np.maximum(best, (total < least) * np.uint8(index), out=best)
        np.minimum(least, total, out=least)
    return best


def _assign_one_by_one(cost: Floats, allowed: Booleans) -> Integers:
    from scipy.optimize import linear_sum_assignment

    partner = np.full(cost.shape[:2], -1)
    # A forbidden pair costs more than all allowed ones together, so that most pairs come first.
    forbidden = 1 + np.where(allowed, cost, 0.0).sum(axis=(1, 2), keepdims=True)
    price = np.where(allowed, cost, forbidden)
    for frame in np.flatnonzero(allowed.any(axis=(1, 2))):
        first, second = linear_sum_assignment(price[frame])
        kept = allowed[frame, first, second]
        partner[frame, first[kept]] = second[kept]
    return partner

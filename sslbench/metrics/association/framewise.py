"""Which answer belongs to which source, decided in each frame on its own."""

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
"""Weight of squared distances beside distances: it settles ties and nothing else."""

ENUMERATED = 3
"""Up to so many sources all 6 orders are compared at once; beyond, one frame after the other."""

AT_ONCE = 1 << 14
"""Frames that are compared at a time: what they take stays near the processor."""


@dataclass(frozen=True, eq=False)
class Matches:
    """The pairs of answers and sources in every frame of a corpus.

    Args:
        corpus: what was paired.
        partner: index of the answer to each source, -1 if it has none, shape (frames, sources).
    """

    corpus: Corpus
    partner: Integers

    @property
    def answered(self) -> Booleans:
        """Whether each source has an answer, shape (frames, sources)."""
        return self.partner >= 0

    @cached_property
    def distance(self) -> Floats:
        """Metres or degrees from each source to its answer, NaN without one, (frames, sources)."""
        padded = np.pad(self.corpus.distance, ((0, 0), (0, 0), (0, 1)), constant_values=np.nan)
        # Index -1 of a frame is the column that was added at its end.
        index = self.partner[..., None] % padded.shape[2]
        return np.take_along_axis(padded, index, axis=2)[..., 0]

    @cached_property
    def answers(self) -> Floats:
        """Place of the answer to each source, NaN without one, shape (frames, sources, 3)."""
        places = self.corpus.prediction.xyz
        nowhere = np.full((len(places), 1, 3), np.nan)
        padded = np.concatenate([places, nowhere], axis=1)
        return np.take_along_axis(padded, self.partner[..., None] % padded.shape[1], axis=1)


def match(corpus: Corpus, gate: float = np.inf) -> Matches:
    """Pair answers and sources frame by frame: most pairs first, then the least summed distance.

    Without a gate an answer on the far side of the room is still the answer to the only source.
    Sums tie wherever sources and answers lie on one line or circle, as azimuths do; the pairs with
    the least summed squares are taken then, so that rounding decides nothing.

    Args:
        corpus: answers and truths.
        gate: metres or degrees; a pair whose distance is larger is no pair.

    >>> truth = Tracks.of([0.0], [[[0, 0, 0], [5, 0, 0]]], "position")
    >>> answer = Tracks.of([0.0], [[[4, 0, 0], [1, 0, 0]]], "position")
    >>> match(Corpus.of([(answer, truth)])).partner.tolist()
    [[1, 0]]
    """
    allowed = corpus.possible
    if np.isfinite(gate):
        allowed = allowed & (corpus.distance <= gate)
    return Matches(corpus, assign(corpus.distance * (1 + TIE * corpus.distance), allowed))


def assign(cost: Floats, allowed: Booleans) -> Integers:
    """Give every source at most one answer: most pairs first, then the smallest summed cost.

    Args:
        cost: at least 0, shape (frames, sources, answers); ignored where not allowed.
        allowed: whether source and answer may be a pair, same shape.

    Returns:
        Index of the answer to each source or -1, shape (frames, sources).
    """
    if max(cost.shape[1:]) <= ENUMERATED:
        return _assign_enumerated(cost, allowed)
    return _assign_one_by_one(cost, allowed)


def _assign_enumerated(cost: Floats, allowed: Booleans) -> Integers:
    frames, sources, answers = cost.shape
    partner = np.full((frames, sources), -1)
    orders = _orders(sources, answers)
    for begin in range(0, frames if orders else 0, AT_ONCE):
        chunk = slice(begin, begin + AT_ONCE)
        # One pair after the other, each for all frames: numpy is quick on long rows only.
        possible = np.ascontiguousarray(allowed[chunk].transpose(1, 2, 0))
        price = np.where(possible, cost[chunk].transpose(1, 2, 0), 0.0)
        best = _cheapest(np.ascontiguousarray(price), possible, orders)
        for source in range(sources):
            chosen = np.array([order[source] for order in orders], dtype=np.int8)[best]
            partner[chunk, source] = _where_possible(chosen, possible[source])
    return partner


def _where_possible(chosen: Bytes, possible: Booleans) -> Bytes:
    """Take back answers that may be none: shapes (frames,) and (answers, frames)."""
    # Sums of bytes, since to index an array by frames takes several times as long.
    above = np.zeros_like(chosen)
    for answer, allowed in enumerate(possible):
        above += ((chosen == answer) & allowed) * np.int8(answer + 1)
    return above - np.int8(1)


def _orders(sources: int, answers: int) -> list[tuple[int, ...]]:
    """List all ways to give every source or every answer a partner, -1 for none."""
    if not min(sources, answers):
        return []
    orders = permutations(range(max(sources, answers)))
    given = (tuple(k if k < answers else -1 for k in order[:sources]) for order in orders)
    return list(dict.fromkeys(given))


def _cheapest(
    price: Floats, possible: Booleans, orders: list[tuple[int, ...]]
) -> NDArray[np.uint8]:
    """Return the number of the order with the most pairs, and of these the least summed price.

    Args:
        price: of each pair, 0 where it is none, shape (sources, answers, frames).
        possible: which may be pairs, same shape.
        orders: answer to each source; of equal ones the first is taken.
    """
    counts, totals = [], []
    for order in orders:
        pairs = [(source, answer) for source, answer in enumerate(order) if answer >= 0]
        counts.append(reduce(add, (possible[pair].view(np.int8) for pair in pairs)))
        totals.append(reduce(add, (price[pair] for pair in pairs)))
    most = np.maximum.reduce(counts)
    best = np.zeros(price.shape[2], dtype=np.uint8)
    least = np.full(price.shape[2], np.inf)
    for number, (count, total) in enumerate(zip(counts, totals, strict=True)):
        total = np.where(count == most, total, np.inf)
        # The number only ever rises, and a product is quicker than a choice.
        np.maximum(best, (total < least) * np.uint8(number), out=best)
        np.minimum(least, total, out=least)
    return best


def _assign_one_by_one(cost: Floats, allowed: Booleans) -> Integers:
    from scipy.optimize import linear_sum_assignment

    partner = np.full(cost.shape[:2], -1)
    # A forbidden pair costs more than any number of allowed ones, so that most pairs come first.
    dear = 1 + np.where(allowed, cost, 0.0).sum(axis=(1, 2), keepdims=True)
    price = np.where(allowed, cost, dear)
    for frame in np.flatnonzero(allowed.any(axis=(1, 2))):
        first, second = linear_sum_assignment(price[frame])
        kept = allowed[frame, first, second]
        partner[frame, first[kept]] = second[kept]
    return partner

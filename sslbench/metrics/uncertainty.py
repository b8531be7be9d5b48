"""Confidence intervals by a hierarchical bootstrap: recordings, then blocks of frames.

Frames of one recording resemble each other, and resampling them one by one gives intervals that
are several times too narrow. A resample therefore draws recordings with replacement, and within
each drawn recording moving blocks of neighbouring frames until it is as long as before. Blocks run
on from the last frame to the first, so that all frames are drawn alike (the circular blocks of
Politis and Romano 1992). A block is a fifth of its recording, but at least 10 rows; shorter
recordings stay whole.

The interval is the percentile one with its levels widened for few units (Hesterberg 2015, *What
Teachers Should Know about the Bootstrap*, section 5.3): the 2.5 % quantile becomes the
``Phi(-sqrt(u / (u - 1)) t(0.975, u - 1))`` quantile, where u is the number of recordings, or of
blocks if there is one recording. With hundreds of recordings nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BLOCKS",
    "RESAMPLES",
    "SHORTEST_BLOCK",
    "Interval",
    "block_lengths",
    "bootstrap_intervals",
    "independent_units",
    "percentile_interval",
    "row_weights",
]

Interval = tuple[float, float]
Integers = NDArray[np.int64]

RESAMPLES = 1000
BLOCKS = 5
"""Blocks that a long recording is made of."""

SHORTEST_BLOCK = 10
"""Fewest rows of a block."""

LEVEL = 0.95


def bootstrap_intervals(
    values: Sequence[Callable[[Integers], float]],
    lengths: Integers,
    seed: int,
    resamples: int = RESAMPLES,
) -> list[Interval | None]:
    """Return the 95 % interval of several values on the same resamples.

    Args:
        values: each turns row weights, shape (rows,), into its value.
        lengths: rows of each recording, shape (recordings,), in the order of the rows.
        seed: the same seed gives the same intervals.
        resamples: how many are drawn.

    Returns:
        For each value its interval; None where none is defined: one recording of fewer than
        two blocks, or a value that is NaN on every resample.
    """
    units = independent_units(lengths)
    if units < 2:
        return [None] * len(values)
    drawn = np.empty((resamples, len(values)))
    for row, weights in zip(drawn, row_weights(lengths, seed, resamples), strict=True):
        row[:] = [value(weights) for value in values]
    return [percentile_interval(column, units) for column in drawn.T]


def block_lengths(lengths: Integers) -> Integers:
    """Return the rows of a block of each recording, shape (recordings,).

    >>> block_lengths(np.array([1000, 50, 4])).tolist()
    [200, 10, 4]
    """
    parts = -(-lengths // BLOCKS)
    return np.minimum(lengths, np.maximum(parts, SHORTEST_BLOCK))


def independent_units(lengths: Integers) -> int:
    """Return how many units are resampled: recordings, or blocks if there is but one."""
    used = lengths[lengths > 0]
    if len(used) != 1:
        return len(used)
    return round(float(used[0] / block_lengths(used)[0]))


def row_weights(lengths: Integers, seed: int, resamples: int = RESAMPLES) -> Iterator[Integers]:
    """Draw resamples, each as the number of times that every row occurs, shape (rows,)."""
    rng = np.random.default_rng(seed)
    firsts = np.cumsum(lengths) - lengths
    blocks = block_lengths(lengths)
    rows = int(lengths.sum())
    for _ in range(resamples):
        drawn = _draw(rng, len(lengths), np.ones(len(lengths)))
        begins, ends = _draw_blocks(rng, lengths[drawn], blocks[drawn], firsts[drawn])
        # Every block adds 1 from its begin to its end: the weights are the running sum.
        steps = np.bincount(begins, minlength=rows + 1) - np.bincount(ends, minlength=rows + 1)
        yield np.cumsum(steps[:rows])


def _draw(rng: np.random.Generator, below: int | Integers, like: NDArray[np.generic]) -> Integers:
    # From uniform numbers, whose stream numpy changes least of all between versions.
    return np.floor(rng.random(like.shape) * below).astype(np.int64)


def _draw_blocks(
    rng: np.random.Generator, lengths: Integers, blocks: Integers, firsts: Integers
) -> tuple[Integers, Integers]:
    counts = -(-lengths // np.maximum(blocks, 1))
    owner = np.repeat(np.arange(len(lengths)), counts)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    size = blocks[owner]
    # The last block is cut so that the recording keeps its length.
    kept = np.minimum(size, lengths[owner] - within * size)
    starts = _draw(rng, lengths[owner], owner)
    over = np.maximum(starts + kept - lengths[owner], 0)
    first = firsts[owner]
    # What runs over the end of a recording goes on at its beginning, as a second block.
    begins = np.concatenate([first + starts, first])
    return begins, np.concatenate([first + starts + kept - over, first + over])


def percentile_interval(drawn: NDArray[np.float64], units: int) -> Interval | None:
    """Return the widened percentile interval of resampled values, NaN left out.

    Args:
        drawn: value of each resample, shape (resamples,).
        units: number of independent units, at least 2.
    """
    finite = drawn[np.isfinite(drawn)]
    if not len(finite):
        return None
    tail = _tail(units)
    low, high = np.quantile(finite, [tail, 1 - tail])
    return float(low), float(high)


def _tail(units: int) -> float:
    from scipy.special import ndtr, stdtrit

    student = stdtrit(units - 1, (1 + LEVEL) / 2)
    return float(ndtr(-np.sqrt(units / (units - 1)) * student))

"""Mixtures of two recordings of one source each, to train on (Adavanne et al. 2021, 3.3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import TypeVar

import numpy as np

from sslbench.errors import ParameterError

__all__ = ["drawn_pairs"]

T = TypeVar("T")


def drawn_pairs(
    groups: Iterable[Sequence[T]], count: int, rng: np.random.Generator
) -> list[tuple[T, T]]:
    """Draw different pairs at random, each of one group.

    Args:
        groups: recordings of one source, by room.
        count: number of pairs, the parameter `augment` of a data set.
        rng: random generator.

    Raises:
        ParameterError: if there are not as many pairs.
    """
    pairs = [pair for group in groups for pair in combinations(group, 2)]
    if len(pairs) < count:
        raise ParameterError(
            f"augment={count}, but there are {len(pairs)} pairs of recordings of one source",
            expected=f"at most {len(pairs)}",
        )
    return [pairs[number] for number in sorted(rng.permutation(len(pairs))[:count])]

"""Strata: recordings split by their conditions.

Texts and Booleans have one bin per value, and so do conditions with at most 6 different numbers.
Other numbers are binned between the fixed `EDGES` of their condition, so that leaderboards use the
same bins, or else into three bins with about the same number of recordings. Conditions with only
one bin are left out, and so are texts with more than 12 values, because they are usually names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from sslbench.scene import Condition

__all__ = ["EDGES", "stratify"]

EDGES: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "snr_db": (0.0, 10.0, 20.0),
        "t60_s": (0.2, 0.4, 0.8),
        # Right, front and left have one bin of 90 degrees each; behind has two, one per side.
        "azimuth_deg": (-135.0, -45.0, 45.0, 135.0),
        "elevation_deg": (-45.0, -15.0, 15.0, 45.0),
        "distance_m": (1.0, 2.0, 4.0),
        "separation_m": (0.5, 1.0, 2.0),
        "separation_deg": (15.0, 45.0, 90.0),
        # Approximately: still, turning in place, walking slowly, walking fast.
        "speed_m_s": (0.05, 0.5, 1.0),
        "speed_deg_s": (1.0, 10.0, 30.0),
        # None, less than a third of the time, more.
        "overlap": (0.001, 0.333),
    }
)
"""Edges of the bins of common conditions; a number at an edge is in the upper bin."""

MOST_NUMBERS = 6
MOST_TEXTS = 12

Bins = dict[str, list[str]]


def stratify(conditions: Mapping[str, Mapping[str, Condition]]) -> dict[str, Bins]:
    """Split recordings by each of their conditions.

    Args:
        conditions: of each recording, by its id.

    Returns:
        Recording ids by condition and by bin. Bins ascend, ids keep their order. If a recording
        does not have a condition, or it is NaN, the recording is in none of its bins.

    >>> stratify({"a": {"snr_db": 5}, "b": {"snr_db": 20}, "c": {"snr_db": 5}})
    {'snr_db': {'5': ['a', 'c'], '20': ['b']}}
    """
    names = sorted({name for given in conditions.values() for name in given})
    found = {}
    for name in names:
        values = {key: given[name] for key, given in conditions.items() if name in given}
        bins = _bins(name, {key: value for key, value in values.items() if value == value})
        if len(bins) > 1:
            found[name] = bins
    return found


def _bins(name: str, values: Mapping[str, Condition]) -> Bins:
    if not all(_is_number(value) for value in values.values()):
        texts = {key: _text(value) for key, value in values.items()}
        return _group(texts, sorted(set(texts.values()))[: MOST_TEXTS + 1], MOST_TEXTS)
    numbers = {key: float(value) for key, value in values.items()}
    different = sorted(set(numbers.values()))
    if len(different) <= MOST_NUMBERS:
        labels = {key: f"{number:g}" for key, number in numbers.items()}
        return _group(labels, [f"{number:g}" for number in different], MOST_NUMBERS)
    edges = EDGES.get(name) or _thirds(list(numbers.values()))
    names = _interval_names(edges)
    places = {key: names[np.searchsorted(edges, n, side="right")] for key, n in numbers.items()}
    return _group(places, names, len(names))


def _is_number(value: Condition) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(value: Condition) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _group(labels: Mapping[str, str], order: Sequence[str], most: int) -> Bins:
    bins = {label: [key for key, own in labels.items() if own == label] for label in order}
    return {label: keys for label, keys in bins.items() if keys} if len(bins) <= most else {}


def _thirds(numbers: Sequence[float]) -> tuple[float, ...]:
    # Three significant digits, so that the edges in the names are those that were used.
    return tuple(sorted({float(f"{edge:.3g}") for edge in np.quantile(numbers, [1 / 3, 2 / 3])}))


def _interval_names(edges: Sequence[float]) -> list[str]:
    between = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    return [f"below {edges[0]:g}", *between, f"from {edges[-1]:g}"]

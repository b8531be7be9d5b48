"""Common labelling mistakes, and the delays that the labels would imply without them.

Each hypothesis is one mistake. Correcting it gives other delays, which are compared with the
measured ones. Simple mistakes come first: if several match equally well, the first is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations, permutations, product

import numpy as np

from sslbench.array_types import Floats
from sslbench.datasets.doctor.delays import Observation, implied_delays, matching_share
from sslbench.geometry import azimuth_elevation, microphone_pairs, unit_vector

__all__ = ["Hypothesis", "all_hypotheses"]

AXES = "xyz"
MAX_PERMUTED = 6
"""Number of channels up to which all orders are tried (720); above, a local search is used."""

UNITS = {
    1e-3: "given in millimetres, not in metres",
    1e-2: "given in centimetres, not in metres",
    1e2: "a hundred times too small",
    1e3: "a thousand times too small",
}
RATES = {
    2.0: "twice",
    0.5: "half",
    3.0: "three times",
    1 / 3: "a third of",
    48 / 44.1: "48/44.1 times",
    44.1 / 48: "44.1/48 times",
    44.1 / 16: "44.1/16 times",
    16 / 44.1: "16/44.1 times",
}


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """One possible labelling mistake.

    Args:
        code: code of the check result.
        message: what is wrong.
        hint: what to change.
        implied: delays in seconds for each observation with corrected labels, each of shape
            (sources, pairs).
    """

    code: str
    message: str
    hint: str
    implied: Sequence[Floats]


def all_hypotheses(observations: Sequence[Observation], within: float) -> Iterator[Hypothesis]:
    """Yield all mistakes that are checked, the simplest first.

    Args:
        observations: measured delays and labels.
        within: largest difference in seconds between two delays that count as equal.
    """
    yield from _axes(observations)
    yield from _other_walls(observations)
    yield from _units(observations)
    yield from _sample_rates(observations)
    if len({len(o.microphones) for o in observations}) == 1:
        yield from _channel_orders(observations, within)
        yield from _clock_offsets(observations, within)


def _changed(
    observations: Sequence[Observation], change: Callable[[Observation], Observation]
) -> list[Floats]:
    return [implied_delays(change(o)) for o in observations]


def _axes(observations: Sequence[Observation]) -> Iterator[Hypothesis]:
    signed = product(permutations(range(3)), product((1, -1), repeat=3))
    # Fewest swaps, then fewest mirrored axes: the simplest of those that a symmetric array cannot
    # distinguish.
    ordered = sorted(signed, key=lambda s: (_displaced(s[0]), -sum(s[1])))
    for order, signs in ordered[1:]:
        swapped = order != (0, 1, 2)
        text = _axes_text(order, signs)
        yield Hypothesis(
            "swapped-axes" if swapped else "mirrored-axes",
            f"the axes of the labels are {'swapped' if swapped else 'mirrored'}: (x, y, z) of the "
            f"labels is {text} in the frame of the microphones",
            f"replace (x, y, z) by {text}" + _azimuth_hint(observations[0], order, signs),
            _changed(observations, partial(_turned, order=order, signs=signs)),
        )


def _axes_text(order: Sequence[int], signs: Sequence[int]) -> str:
    names = (
        AXES[axis] if sign > 0 else f"-{AXES[axis]}"
        for axis, sign in zip(order, signs, strict=True)
    )
    return f"({', '.join(names)})"


def _displaced(order: Sequence[int]) -> int:
    return sum(place != i for i, place in enumerate(order))


def _turned(observation: Observation, order: Sequence[int], signs: Sequence[int]) -> Observation:
    return replace(observation, sources=observation.sources[:, list(order)] * np.array(signs))


def _azimuth_hint(observation: Observation, order: tuple[int, ...], signs: tuple[int, ...]) -> str:
    if observation.kind != "direction" or order[2] != 2:
        return ""
    matrix = np.zeros((2, 2))
    matrix[[0, 1], order[:2]] = signs[:2]
    clockwise = np.linalg.det(matrix) < 0
    start = np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))
    elevation = ", elevation downwards" if signs[2] < 0 else ""
    turn = "clockwise" if clockwise else "counter-clockwise"
    return f" (the azimuth is measured {turn} from {start:.0f} degrees{elevation})"


def _other_walls(observations: Sequence[Observation]) -> Iterator[Hypothesis]:
    if any(o.region is None or o.kind == "direction" for o in observations):
        return
    for count in (1, 2):
        for axes in combinations(range(3), count):
            names = " and ".join(AXES[axis] for axis in axes)
            yield Hypothesis(
                "mirrored-axes",
                f"the axes of the labels are mirrored: {names} of the sources is measured from the "
                "other side of the search region",
                f"replace {names} of the sources (or of the microphones) by min + max - value",
                _changed(observations, partial(_from_other_side, axes=list(axes))),
            )


def _from_other_side(observation: Observation, axes: list[int]) -> Observation:
    assert observation.region is not None
    ends = np.add(observation.region.low, observation.region.high)
    sources = observation.sources.copy()
    sources[:, axes] = ends[axes] - sources[:, axes]
    return replace(observation, sources=sources)


def _units(observations: Sequence[Observation]) -> Iterator[Hypothesis]:
    positions = observations[0].kind == "position"
    things = ("microphones", "sources", "microphones and sources")
    for factor, fault in UNITS.items():
        for thing in things if positions else things[:1]:
            mics = factor if "microphones" in thing else 1.0
            sources = factor if "sources" in thing else 1.0
            yield Hypothesis(
                "wrong-units",
                f"the {thing} are {fault}",
                f"multiply the positions of the {thing} by {factor:g}",
                _changed(observations, partial(_scaled, microphones=mics, sources=sources)),
            )
    if not positions:
        yield Hypothesis(
            "wrong-units",
            "the angles are given in radians, not in degrees",
            "multiply the angles by 180/pi = 57.2958",
            _changed(observations, _from_radians),
        )


def _scaled(observation: Observation, microphones: float, sources: float) -> Observation:
    return replace(
        observation,
        microphones=observation.microphones * microphones,
        sources=observation.sources * sources,
    )


def _from_radians(observation: Observation) -> Observation:
    azimuth, elevation = azimuth_elevation(observation.sources)
    return replace(observation, sources=unit_vector(np.degrees(azimuth), np.degrees(elevation)))


def _sample_rates(observations: Sequence[Observation]) -> Iterator[Hypothesis]:
    given = [implied_delays(o) for o in observations]
    for ratio, text in RATES.items():
        # At `ratio` times the sample rate, a delay has `ratio` times as many samples.
        yield Hypothesis(
            "wrong-sample-rate",
            f"the sample rate is wrong: recordings were made at {text} the rate given in the files",
            f"multiply the sample rate in the files by {ratio:.6g}",
            [delays * ratio for delays in given],
        )


def _channel_orders(observations: Sequence[Observation], within: float) -> Iterator[Hypothesis]:
    channels = len(observations[0].microphones)
    orders = (
        list(permutations(range(channels)))[1:]
        if channels <= MAX_PERMUTED
        else _searched_orders(observations, channels, within)
    )
    # Orders with the most channels in the right place first: they are the simplest mistakes.
    for order in sorted(orders, key=_displaced):
        yield Hypothesis(
            "channel-order",
            f"the channels are in a different order: channels {_listed(range(channels))} are "
            f"microphones {_listed(order)} of the array",
            f"list the microphones in the order {_listed(order)}",
            _reordered(observations, order),
        )


def _listed(numbers: Sequence[int] | range) -> str:
    return " ".join(map(str, numbers))


def _reordered(observations: Sequence[Observation], order: Sequence[int]) -> list[Floats]:
    index = list(order)
    return _changed(observations, lambda o: replace(o, microphones=o.microphones[index]))


def _searched_orders(
    observations: Sequence[Observation], channels: int, within: float
) -> list[tuple[int, ...]]:
    """Search a good order of many channels: common mistakes, then hill climbing by exchanges."""
    given = tuple(range(channels))
    rotations = [given[k:] + given[:k] for k in range(1, channels)]
    starts = [given, given[::-1], *rotations]

    def score(order: tuple[int, ...]) -> float:
        return matching_share(observations, _reordered(observations, order), within)

    best = max(starts, key=score)
    best_score = score(best)
    while True:
        nearby = [_exchanged(best, i, j) for i, j in combinations(range(channels), 2)]
        scores = [score(order) for order in nearby]
        if max(scores) <= best_score:
            return [] if best == given else [best]
        best, best_score = nearby[int(np.argmax(scores))], max(scores)


def _exchanged(order: tuple[int, ...], i: int, j: int) -> tuple[int, ...]:
    changed = list(order)
    changed[i], changed[j] = changed[j], changed[i]
    return tuple(changed)


def _clock_offsets(observations: Sequence[Observation], within: float) -> Iterator[Hypothesis]:
    given = [implied_delays(o) for o in observations]
    first = np.array([delays[0] for delays in given])
    # If labels hardly differ, a constant offset would correct any mistake.
    if np.median(first.std(axis=0)) < within:
        return
    measured = np.array([o.strongest for o in observations])
    offsets = _fit_offsets(measured - first, len(observations[0].microphones))
    i, j = microphone_pairs(len(offsets))
    late = ", ".join(f"{k}: {1e3 * offset:+.3f}" for k, offset in enumerate(offsets))
    yield Hypothesis(
        "clock-offset",
        f"the channels start at different times; in ms relative to the median channel: {late}",
        "shift the channels by these times, or record with a common clock",
        [delays + (offsets[i] - offsets[j]) for delays in given],
    )


def _fit_offsets(residual: Floats, channels: int) -> Floats:
    """Fit a constant per channel, in seconds, to residual delays, shape (observations, pairs)."""
    i, j = microphone_pairs(channels)
    used = np.isfinite(residual).any(axis=0)
    matrix = np.zeros((int(used.sum()), channels))
    rows = np.arange(len(matrix))
    matrix[rows, i[used]], matrix[rows, j[used]] = 1, -1
    offsets = np.linalg.lstsq(matrix, np.nanmedian(residual[:, used], axis=0), rcond=None)[0]
    return np.asarray(offsets - np.median(offsets))

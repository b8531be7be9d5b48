"""Which answer belongs to which source, decided in each frame on its own.

In every frame as many pairs are made as there are active answers or active sources, whichever
are fewer, and among all ways to do so the one with the smallest summed distance is taken. There
is no gate: an answer on the far side of the room is still the answer to the only source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from sslbench.errors import FormatError
from sslbench.geometry import angle_between
from sslbench.scene import Kind, Tracks

__all__ = ["TIME_TOLERANCE", "Matches", "assign", "check_comparable", "match", "stack_tracks"]

Floats = NDArray[np.float64]

TIME_TOLERANCE = 1e-3
"""Seconds by which two times may differ: predictions files keep times in single precision."""

UNIT_TOLERANCE = 1e-3
"""By how much the length of a direction may differ from 1, for the same reason."""

ENUMERATED = 3
"""Up to so many sources all 6 orders are compared at once; beyond, one frame after the other."""


@dataclass(frozen=True, eq=False)
class Matches:
    """The pairs of answers and sources in every frame.

    Args:
        prediction: the answer, (frames, answers).
        truth: the truth, (frames, sources).
        partner: index of the answer to each source, -1 if it has none, shape (frames, sources).
        distance: metres or radians between the two, NaN where there is no pair, same shape.
    """

    prediction: Tracks
    truth: Tracks
    partner: NDArray[np.int64]
    distance: Floats

    @property
    def kind(self) -> Kind:
        """What was compared."""
        return self.truth.kind

    @property
    def sounding(self) -> NDArray[np.bool_]:
        """Whether each source sounds and has a place, shape (frames, sources)."""
        return _present(self.truth)

    @property
    def answered(self) -> NDArray[np.bool_]:
        """Whether each source has an answer, shape (frames, sources)."""
        return self.partner >= 0

    @property
    def claimed(self) -> NDArray[np.int64]:
        """How many sources the answer claims, shape (frames,)."""
        return np.asarray(_present(self.prediction).sum(axis=1))

    @property
    def answers(self) -> Floats:
        """Answer to each source, NaN where there is none, shape (frames, sources, 3)."""
        places = self.prediction.xyz
        nowhere = np.full((len(places), 1, 3), np.nan)
        # Index -1 of a frame is the place that was added at its end.
        padded = np.concatenate([places, nowhere], axis=1)
        return np.take_along_axis(padded, self.partner[..., None] % padded.shape[1], axis=1)


def match(prediction: Tracks, truth: Tracks, where: str = "") -> Matches:
    """Pair answers and sources frame by frame, with the smallest summed distance.

    Args:
        prediction: what was answered.
        truth: what was the case, of the same kind at the same times.
        where: name of the recording, for errors.

    Raises:
        FormatError: if the two cannot be compared.

    >>> truth = Tracks.of([0.0], [[[0, 0, 0], [5, 0, 0]]], "position")
    >>> answer = Tracks.of([0.0], [[[4, 0, 0], [1, 0, 0]]], "position")
    >>> match(answer, truth).partner.tolist(), match(answer, truth).distance.tolist()
    ([[1, 0]], [[1.0, 1.0]])
    """
    check_comparable(prediction, truth, where)
    here, there = truth.xyz[:, :, None], prediction.xyz[:, None]
    if truth.kind == "position":
        cost = np.linalg.norm(here - there, axis=-1)
    else:
        cost = angle_between(here, there)
    allowed = _present(truth)[:, :, None] & _present(prediction)[:, None]
    partner = assign(cost, allowed)
    return Matches(prediction, truth, partner, _distance(cost, partner))


def check_comparable(prediction: Tracks, truth: Tracks, where: str = "") -> None:
    """Check that an answer can be held against the truth.

    Raises:
        FormatError: if kinds or times differ, or a direction is no unit vector.
    """
    if prediction.kind != truth.kind:
        raise FormatError(
            f"the answer is a {prediction.kind}, the truth a {truth.kind}",
            where=where,
            expected=f"an answer of kind {truth.kind}",
        )
    if len(prediction.times) != len(truth.times):
        raise FormatError(
            f"the answer has {len(prediction.times)} times, the truth {len(truth.times)}",
            where=where,
            expected="an answer at each of the recording's times",
        )
    apart = np.abs(prediction.times - truth.times).max(initial=0)
    if not apart <= TIME_TOLERANCE:
        raise FormatError(
            f"times of answer and truth differ by up to {apart:g} s",
            where=where,
            expected="the recording's times",
        )
    for name, tracks in (("answer", prediction), ("truth", truth)):
        _check_unit(tracks, f"{where}: {name}" if where else name)


def _check_unit(tracks: Tracks, where: str) -> None:
    if tracks.kind != "direction":
        return
    length = np.linalg.norm(tracks.xyz[_present(tracks)], axis=-1)
    wrong = np.abs(length - 1) > UNIT_TOLERANCE
    if wrong.any():
        raise FormatError(
            f"a direction of length {length[wrong][0]:g}", where=where, expected="unit vectors"
        )


def _present(tracks: Tracks) -> NDArray[np.bool_]:
    return tracks.active & np.isfinite(tracks.xyz).all(axis=-1)


def assign(cost: Floats, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Give every source at most one answer: most pairs first, then the smallest summed cost.

    Args:
        cost: shape (frames, sources, answers); ignored where not allowed.
        allowed: whether source and answer are both active, same shape.

    Returns:
        Index of the answer to each source or -1, shape (frames, sources).
    """
    if max(cost.shape[1:]) <= ENUMERATED:
        return _assign_enumerated(cost, allowed)
    return _assign_one_by_one(cost, allowed)


def _assign_enumerated(cost: Floats, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    sources, answers = cost.shape[1:]
    size = max(sources, answers, 1)
    margins = ((0, 0), (0, size - sources), (0, size - answers))
    possible = np.pad(allowed, margins)
    price = np.where(possible, np.pad(cost, margins), 0.0)
    orders = np.array(list(permutations(range(size))))
    rows = np.arange(size)
    pairs = possible[:, rows, orders].sum(axis=-1)
    total = price[:, rows, orders].sum(axis=-1)
    total[pairs < pairs.max(axis=1, keepdims=True)] = np.inf
    best = orders[total.argmin(axis=1)]
    kept = np.take_along_axis(possible, best[..., None], axis=2)[..., 0]
    return np.where(kept, best, -1)[:, :sources]


def _assign_one_by_one(cost: Floats, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    from scipy.optimize import linear_sum_assignment

    partner = np.full(cost.shape[:2], -1)
    for frame in np.flatnonzero(allowed.any(axis=(1, 2))):
        sources = np.flatnonzero(allowed[frame].any(axis=1))
        answers = np.flatnonzero(allowed[frame].any(axis=0))
        first, second = linear_sum_assignment(cost[frame][np.ix_(sources, answers)])
        partner[frame, sources[first]] = answers[second]
    return partner


def _distance(cost: Floats, partner: NDArray[np.int64]) -> Floats:
    padded = np.pad(cost, ((0, 0), (0, 0), (0, 1)), constant_values=np.nan)
    index = partner[..., None] % padded.shape[2]
    return np.take_along_axis(padded, index, axis=2)[..., 0]


def stack_tracks(parts: Sequence[Tracks]) -> Tracks:
    """Put the frames of several recordings one after the other, as one `Tracks`.

    What depends on single frames only can then be computed for a whole corpus at once. The
    identities of the tracks are lost. All parts are of one kind.
    """
    width = max((part.xyz.shape[1] for part in parts), default=0)
    places = [_widen(part.xyz, width, np.nan) for part in parts]
    active = [_widen(part.active, width, fill=False) for part in parts]
    return Tracks(
        times=np.concatenate([np.zeros(0), *(part.times for part in parts)]),
        xyz=np.concatenate([np.zeros((0, width, 3)), *places]),
        kind=parts[0].kind if parts else "position",
        active=np.concatenate([np.zeros((0, width), bool), *active]),
        ids=np.arange(width),
    )


def _widen(array: NDArray[np.generic], width: int, fill: float) -> NDArray[np.generic]:
    if array.shape[1] == width:
        return array
    missing = [(0, 0), (0, width - array.shape[1])] + [(0, 0)] * (array.ndim - 2)
    return np.pad(array, missing, constant_values=fill)

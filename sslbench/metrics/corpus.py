"""The corpus: answers and truths of all recordings, one after the other, for metrics to read.

A metric of sslbench is computed from a whole corpus at once. Rows are frames; `Corpus.recording`
says whose, so that nothing need be carried across the border of two recordings. Distances are in
the unit that boards show: metres for positions, degrees for directions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Booleans, Floats, Integers
from sslbench.errors import FormatError
from sslbench.geometry import angle_between
from sslbench.scene import Kind, Tracks

__all__ = ["TIME_TOLERANCE", "Corpus", "Pair", "check_comparable"]

P = ParamSpec("P")
T = TypeVar("T")

Pair = tuple[Tracks, Tracks]
"""The answer to one recording, and its truth."""

TIME_TOLERANCE = 1e-3
"""Seconds by which two times may differ: predictions files keep times in single precision."""

UNIT_TOLERANCE = 1e-3
"""By how much the length of a direction may differ from 1, for the same reason."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """Answers and truths of recordings, stacked. `Corpus.of` makes one.

    A column is one identity throughout a recording; columns of different recordings have nothing
    to do with each other.

    Args:
        prediction: the answers, (frames, answers).
        truth: the truth, (frames, sources).
        lengths: frames of each recording, shape (recordings,).
    """

    prediction: Tracks
    truth: Tracks
    lengths: Integers
    _known: dict[Any, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> Corpus:
        """Stack recordings.

        Raises:
            FormatError: if an answer cannot be held against its truth, or kinds differ.

        >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[2, 0, 0]]], "position")
        >>> answer = Tracks.of([0, 1], [[[1, 0, 0]], [[2, 0, 1]]], "position")
        >>> corpus = Corpus.of([(answer, truth), (answer, truth)])
        >>> corpus.recording.tolist(), corpus.distance[:, 0, 0].tolist()
        ([0, 0, 1, 1], [0.0, 1.0, 0.0, 1.0])
        """
        for index, (prediction, truth) in enumerate(pairs):
            check_comparable(prediction, truth, f"recording {index + 1} of {len(pairs)}")
        kinds = sorted({truth.kind for _, truth in pairs})
        if len(kinds) > 1:
            raise FormatError("recordings of different kinds", expected=f"all {kinds[0]}")
        return cls(
            prediction=_stack([_one_column_an_id(prediction) for prediction, _ in pairs]),
            truth=_stack([_one_column_an_id(truth) for _, truth in pairs]),
            lengths=np.array([len(truth.times) for _, truth in pairs], dtype=np.int64),
        )

    @property
    def kind(self) -> Kind:
        """What is compared."""
        return self.truth.kind

    @property
    def frames(self) -> int:
        """Number of frames of all recordings."""
        return len(self.truth.times)

    @cached_property
    def recording(self) -> Integers:
        """Index of the recording that each frame belongs to, shape (frames,)."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @cached_property
    def first(self) -> Booleans:
        """Whether a frame is the first of its recording, shape (frames,)."""
        return np.diff(self.recording, prepend=-1) > 0

    @cached_property
    def sounding(self) -> Booleans:
        """Whether each source sounds and has a place, shape (frames, sources)."""
        return _present(self.truth)

    @cached_property
    def claimed(self) -> Booleans:
        """Whether each answer claims a source, shape (frames, answers)."""
        return _present(self.prediction)

    @cached_property
    def possible(self) -> Booleans:
        """Whether source and answer are both there, shape (frames, sources, answers)."""
        return self.sounding[:, :, None] & self.claimed[:, None]

    @cached_property
    def distance(self) -> Floats:
        """Metres or degrees of each source from each answer, (frames, sources, answers).

        Only where both are there (`possible`) does it mean anything; elsewhere it is NaN or that
        of a place that nobody claims.
        """
        here, there = self.truth.xyz[:, :, None], self.prediction.xyz[:, None]
        if self.kind == "position":
            return np.asarray(np.linalg.norm(here - there, axis=-1))
        return np.degrees(angle_between(here, there))

    @cached_property
    def seconds(self) -> Floats:
        """Seconds that each frame stands for, shape (frames,).

        The median step of its recording's times; NaN if that has one frame.
        """
        steps = np.full(len(self.lengths), np.nan)
        ends = np.cumsum(self.lengths)
        for index, (end, length) in enumerate(zip(ends, self.lengths, strict=True)):
            if length > 1:
                steps[index] = np.median(np.diff(self.truth.times[end - length : end]))
        return steps[self.recording]

    def once(
        self, function: Callable[Concatenate[Corpus, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return ``function(corpus, ...)``, computed at the first call with these arguments.

        Metrics that rest on the same association share it so.
        """
        key = (function, args, tuple(sorted(kwargs.items())))
        if key not in self._known:
            self._known[key] = function(self, *args, **kwargs)
        found: T = self._known[key]
        return found

    def forget(self) -> None:
        """Let go of what was computed once.

        Associations hold the corpus that holds them: without this, both would live on until the
        garbage of Python is collected, which few large arrays do not bring about.
        """
        self._known.clear()


def check_comparable(prediction: Tracks, truth: Tracks, where: str = "") -> None:
    """Check that an answer can be held against the truth.

    Raises:
        FormatError: if kinds or times differ, a direction is no unit vector, or one identity is
            in two places at once.
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
        _check_identities(tracks, f"{where}: {name}" if where else name)


def _check_unit(tracks: Tracks, where: str) -> None:
    if tracks.kind != "direction":
        return
    length = np.linalg.norm(tracks.xyz[_present(tracks)], axis=-1)
    wrong = np.abs(length - 1) > UNIT_TOLERANCE
    if wrong.any():
        raise FormatError(
            f"a direction of length {length[wrong][0]:g}", where=where, expected="unit vectors"
        )


def _check_identities(tracks: Tracks, where: str) -> None:
    for identity in _repeated(tracks.ids):
        together = _present(tracks)[:, tracks.ids == identity].sum(axis=1) > 1
        if together.any():
            raise FormatError(
                f"id {identity} is in two places at {tracks.times[together][0]:g} s",
                where=where,
                expected="one place for each id at a time",
            )


def _repeated(ids: Integers) -> Integers:
    found, counts = np.unique(ids, return_counts=True)
    return found[counts > 1]


def _present(tracks: Tracks) -> Booleans:
    return tracks.active & np.isfinite(tracks.xyz).all(axis=-1)


def _one_column_an_id(tracks: Tracks) -> Tracks:
    """Put columns of one id, which are never active together, into one."""
    if not len(_repeated(tracks.ids)):
        return tracks
    present = _present(tracks)
    names = np.unique(tracks.ids)
    xyz = np.full((len(tracks.times), len(names), 3), np.nan)
    for column, name in enumerate(names):
        frame, old = np.nonzero(present & (tracks.ids == name))
        xyz[frame, column] = tracks.xyz[frame, old]
    return Tracks.of(tracks.times, xyz, tracks.kind, ids=names)


def _stack(parts: Sequence[Tracks]) -> Tracks:
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

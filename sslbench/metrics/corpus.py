"""The corpus: estimates and ground truth of all recordings, stacked along time.

Metrics are computed from a whole corpus at once. Rows are frames, and `Corpus.recording` gives the
recording of each, so that no state is carried from one recording to the next. Distances are in the
unit that leaderboards show: metres for positions, degrees for directions.
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

__all__ = ["TIME_TOLERANCE", "Corpus", "Pair", "check_comparable", "starts_segment"]

P = ParamSpec("P")
T = TypeVar("T")

Pair = tuple[Tracks, Tracks]
"""The estimated tracks of one recording, and its ground truth."""

TIME_TOLERANCE = 1e-3
"""Seconds by which two times may differ: prediction files store times in single precision."""

UNIT_TOLERANCE = 1e-3
"""Allowed deviation of the length of a direction from 1, for the same reason."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """Estimates and ground truth of several recordings, stacked along time.

    `Corpus.of` builds one. A column is one identity throughout a recording; columns of different
    recordings are unrelated.

    Args:
        prediction: the estimates, (frames, estimates).
        truth: the ground truth, (frames, sources).
        lengths: number of frames of each recording, shape (recordings,).
    """

    prediction: Tracks
    truth: Tracks
    lengths: Integers
    _cache: dict[Any, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> Corpus:
        """Stack recordings.

        Raises:
            FormatError: if a prediction cannot be compared with its ground truth, or the
                recordings are of different kinds.

        >>> truth = Tracks.of([0, 1], [[[1, 0, 0]], [[2, 0, 0]]], "position")
        >>> estimate = Tracks.of([0, 1], [[[1, 0, 0]], [[2, 0, 1]]], "position")
        >>> corpus = Corpus.of([(estimate, truth), (estimate, truth)])
        >>> corpus.recording.tolist(), corpus.distance[:, 0, 0].tolist()
        ([0, 0, 1, 1], [0.0, 1.0, 0.0, 1.0])
        """
        for index, (prediction, truth) in enumerate(pairs):
            check_comparable(prediction, truth, f"recording {index + 1} of {len(pairs)}")
        kinds = sorted({truth.kind for _, truth in pairs})
        if len(kinds) > 1:
            raise FormatError(
                "the recordings mix directions and positions", expected="recordings of one kind"
            )
        return cls(
            prediction=_stack([_one_column_per_id(prediction) for prediction, _ in pairs]),
            truth=_stack([_one_column_per_id(truth) for _, truth in pairs]),
            lengths=np.array([len(truth.times) for _, truth in pairs], dtype=np.int64),
        )

    @property
    def kind(self) -> Kind:
        """Whether positions or directions are compared."""
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
    def starts(self) -> Integers:
        """Index of the first frame of each recording, shape (recordings,).

        For a recording without frames it is that of the next recording.
        """
        return np.cumsum(self.lengths) - self.lengths

    @cached_property
    def first(self) -> Booleans:
        """Whether a frame is the first of its recording, shape (frames,)."""
        return np.diff(self.recording, prepend=-1) > 0

    @cached_property
    def active_sources(self) -> Booleans:
        """Whether each source is active and has a finite place, shape (frames, sources)."""
        return _present(self.truth)

    @cached_property
    def active_estimates(self) -> Booleans:
        """Whether each estimate is active and has a finite place, shape (frames, estimates)."""
        return _present(self.prediction)

    @cached_property
    def both_active(self) -> Booleans:
        """Whether source and estimate are both active, shape (frames, sources, estimates)."""
        return self.active_sources[:, :, None] & self.active_estimates[:, None]

    @cached_property
    def distance(self) -> Floats:
        """Metres or degrees between sources and estimates, (frames, sources, estimates).

        It is meaningful only where `both_active` is true. Elsewhere it is NaN, or the distance
        from the place of an inactive track.
        """
        true, estimated = self.truth.xyz[:, :, None], self.prediction.xyz[:, None]
        if self.kind == "position":
            return np.asarray(np.linalg.norm(true - estimated, axis=-1))
        return np.degrees(angle_between(true, estimated))

    @cached_property
    def seconds(self) -> Floats:
        """Duration of each frame in seconds, shape (frames,).

        It is the median step of the times of its recording; NaN if the recording has one frame.
        """
        steps = np.full(len(self.lengths), np.nan)
        for index, (start, length) in enumerate(zip(self.starts, self.lengths, strict=True)):
            if length > 1:
                steps[index] = np.median(np.diff(self.truth.times[start : start + length]))
        return steps[self.recording]

    def sum_by_recording(self, rows: NDArray[np.generic]) -> Floats:
        """Add up the frames of each recording, (frames, ...) to (recordings, ...)."""
        sums = np.zeros((len(self.lengths), *rows.shape[1:]))
        used = self.lengths > 0
        if used.any():
            sums[used] = np.add.reduceat(rows, self.starts[used], axis=0, dtype=float)
        return sums

    def cached(
        self, function: Callable[Concatenate[Corpus, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return ``function(corpus, ...)``, computed on the first call with these arguments.

        Metrics that use the same association share it in this way.
        """
        key = (function, args, tuple(sorted(kwargs.items())))
        if key not in self._cache:
            self._cache[key] = function(self, *args, **kwargs)
        found: T = self._cache[key]
        return found

    def clear_cache(self) -> None:
        """Drop the results of `cached`.

        Cached matches refer to the corpus that holds them. Without this call, large arrays would
        stay in memory until Python's garbage collector runs, which a few large arrays do not
        trigger.
        """
        self._cache.clear()


def starts_segment(corpus: Corpus, times: Floats, seconds: float) -> Booleans:
    """Return whether each frame is the first of a segment of fixed duration.

    A segment starts at each multiple of the duration, and at the start of each recording. Times
    may be below a multiple by `TIME_TOLERANCE`.

    Args:
        corpus: its frames are cut into segments.
        times: seconds of each frame, shape (frames,).
        seconds: duration of a segment.

    Returns:
        Shape (frames,).
    """
    segment = np.floor((times + TIME_TOLERANCE) / seconds)
    return np.asarray(corpus.first | (np.diff(segment, prepend=np.nan) != 0))


def check_comparable(prediction: Tracks, truth: Tracks, where: str = "") -> None:
    """Check that a prediction can be compared with the ground truth.

    Raises:
        FormatError: if kinds or times differ, a direction is not a unit vector, or one id is in
            two places at once.
    """
    if prediction.kind != truth.kind:
        raise FormatError(
            f"the prediction has {prediction.kind}s, the ground truth {truth.kind}s",
            where=where,
            expected=f"estimated {truth.kind}s",
        )
    if len(prediction.times) != len(truth.times):
        raise FormatError(
            f"the prediction has {len(prediction.times)} times, the ground truth"
            f" {len(truth.times)}",
            where=where,
            expected="an estimate at each of the recording's times",
        )
    difference = np.abs(prediction.times - truth.times).max(initial=0)
    if not difference <= TIME_TOLERANCE:
        raise FormatError(
            f"the times of the prediction and the ground truth differ by up to {difference:g} s",
            where=where,
            expected="the recording's times",
        )
    for name, tracks in (("prediction", prediction), ("ground truth", truth)):
        _check_unit(tracks, f"{where}: {name}" if where else name)
        _check_identities(tracks, f"{where}: {name}" if where else name)


def _check_unit(tracks: Tracks, where: str) -> None:
    if tracks.kind != "direction":
        return
    length = np.linalg.norm(tracks.xyz[_present(tracks)], axis=-1)
    wrong = np.abs(length - 1) > UNIT_TOLERANCE
    if wrong.any():
        raise FormatError(
            f"a direction has length {length[wrong][0]:g}", where=where, expected="unit vectors"
        )


def _check_identities(tracks: Tracks, where: str) -> None:
    for identity in _repeated(tracks.ids):
        together = _present(tracks)[:, tracks.ids == identity].sum(axis=1) > 1
        if together.any():
            raise FormatError(
                f"id {identity} is in two places at {tracks.times[together][0]:g} s",
                where=where,
                expected="at most one place per id at a time",
            )


def _repeated(ids: Integers) -> Integers:
    found, counts = np.unique(ids, return_counts=True)
    return found[counts > 1]


def _present(tracks: Tracks) -> Booleans:
    return tracks.active & np.isfinite(tracks.xyz).all(axis=-1)


def _one_column_per_id(tracks: Tracks) -> Tracks:
    """Merge columns with the same id, which are never active together."""
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

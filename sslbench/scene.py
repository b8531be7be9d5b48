"""The data types of sslbench: microphone arrays, recordings, tracks, predictions and scenes.

All are immutable and hold numpy arrays only. Ground truth and a method's output have one type,
`Prediction`, so that metrics and plots are written once. A method is given a `Recording`, which
does not contain the ground truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from sslbench.array_types import Booleans, Floats, Integers
from sslbench.errors import FormatError, GeometryError
from sslbench.geometry import SPEED_OF_SOUND, Box, array_rank, check_microphones

__all__ = ["Condition", "Kind", "MicArray", "Prediction", "Recording", "Scene", "Tracks"]

Kind = Literal["position", "direction"]
"""What is localized: positions in metres, or directions as unit vectors."""

T = TypeVar("T", bound=np.generic)

Condition = float | int | str | bool
"""A value of `Recording.conditions`, by which results can be split."""


def _frozen(array: NDArray[T]) -> NDArray[T]:
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False)
class MicArray:
    """The microphones of a recording.

    Args:
        positions: metres, shape (channels, 3), in channel order; a row of NaN for a microphone
            whose position is unknown; None for an encoded format.
        format: `mics`, or `foa` for first-order ambisonics in ACN order (W, Y, Z, X), SN3D.

    Raises:
        GeometryError: if positions are missing, invalid, or given for an encoded format.
    """

    positions: Floats | None = None
    format: Literal["mics", "foa"] = "mics"

    def __post_init__(self) -> None:
        if (self.positions is None) == (self.format == "mics"):
            raise GeometryError(
                f"an array of format {self.format!r} "
                + ("without positions" if self.positions is None else "with positions"),
                expected="positions for `mics`, none for `foa`",
            )
        if self.positions is not None:
            checked = check_microphones(self.positions, unknown=True)
            object.__setattr__(self, "positions", _frozen(checked))

    @property
    def channels(self) -> int:
        """Number of channels of a recording made with this array."""
        return 4 if self.positions is None else len(self.positions)

    @property
    def known(self) -> Floats:
        """Positions that are known in metres, shape (known, 3); empty for an encoded format."""
        if self.positions is None:
            return np.zeros((0, 3))
        return self.positions[np.isfinite(self.positions).all(axis=1)]

    @property
    def complete(self) -> bool:
        """Whether no microphone position is unknown."""
        return self.positions is None or len(self.known) == len(self.positions)

    @property
    def rank(self) -> int:
        """Dimensions that the known microphones span (3 for an encoded format)."""
        if self.positions is None:
            return 3
        return array_rank(self.known) if len(self.known) else 0

    @property
    def centre(self) -> Floats:
        """Mean of the known positions in metres, shape (3,); the origin if there are none."""
        return self.known.mean(axis=0) if len(self.known) else np.zeros(3)

    @property
    def aperture(self) -> float:
        """Largest distance between two known microphones in metres; 0 for an encoded format."""
        between = self.known[:, None] - self.known[None]
        return float(np.linalg.norm(between, axis=-1).max(initial=0.0))


@dataclass(frozen=True, eq=False)
class Recording:
    """The input of a method: audio, array, and the times at which estimates are requested.

    Args:
        id: name within its data set, the same on every machine.
        audio: float32, shape (channels, samples).
        sample_rate: in Hz.
        array: the microphones.
        times: seconds from the start at which an estimate is requested, shape (frames,).
        kind: what is requested at each time.
        frame: seconds of audio, centred on each time, that belong to it; None if all audio may be
            used for every time.
        max_sources: largest number of simultaneously active sources in this data set.
        region: where positions can lie; flat if the height is known. None for directions.
        speed_of_sound: in m/s.
        reference: signal of a microphone at the source, shape (samples,), in set-ups that have one.
        conditions: what is known of the acoustics (`snr_db`, `t60_s`, ...). Whatever follows from
            the ground truth (distance, number of sources, ...) does not belong here.

    Raises:
        FormatError: if shapes do not fit each other, or a region is missing.
    """

    id: str
    audio: NDArray[np.float32]
    sample_rate: int
    array: MicArray
    times: Floats
    kind: Kind = "position"
    frame: float | None = None
    max_sources: int = 1
    region: Box | None = None
    speed_of_sound: float = SPEED_OF_SOUND
    reference: NDArray[np.float32] | None = None
    conditions: Mapping[str, Condition] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.audio.ndim != 2 or self.audio.shape[0] != self.array.channels:
            raise FormatError(
                f"audio of shape {self.audio.shape}",
                where=self.id,
                expected=f"({self.array.channels}, samples): one row per microphone of the array",
            )
        if self.kind == "position" and self.region is None:
            raise FormatError("positions are requested without a search region", where=self.id)
        object.__setattr__(self, "audio", _frozen(self.audio.astype(np.float32, copy=False)))
        object.__setattr__(self, "times", _frozen(np.asarray(self.times, dtype=float)))

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return float(self.audio.shape[1] / self.sample_rate)

    def frames(self) -> NDArray[np.float32]:
        """Return the audio that belongs to each time, shape (frames, channels, samples).

        A frame that extends beyond the recording is filled with zeros. With `frame` None there is
        one frame, the whole recording.
        """
        if self.frame is None:
            return self.audio[None]
        length = self._frame_samples
        starts = self._frame_starts
        before = max(0, -int(starts.min(initial=0)))
        after = max(0, int(starts.max(initial=0)) + length - self.audio.shape[1])
        # Audio is copied once more only where a frame extends beyond an end of the recording.
        padded = np.pad(self.audio, ((0, 0), (before, after))) if before or after else self.audio
        cut = sliding_window_view(padded, length, axis=1).swapaxes(0, 1)
        frames: NDArray[np.float32] = cut[starts + before]
        return frames

    def window(self, rows: slice, context: float = 0.0) -> Recording:
        """Return the part of the recording that belongs to some of its times, as a recording.

        The audio is a view. Its first sample has an even index, so that `frames` rounds the same
        way as in the whole recording: the frames of a window are those of the recording.

        Args:
            rows: of `times`, at least one.
            context: seconds of audio before the first and after the last frame, as far as the
                recording extends.

        Returns:
            A recording with times from the start of the window; without audio if `frame` is None
            and there is no context.
        """
        starts = self._frame_starts[rows]
        if not len(starts):
            return replace(self, audio=self.audio[:, :0], times=self.times[rows], reference=None)
        margin = int(np.ceil(context * self.sample_rate))
        first = max(0, int(starts.min()) - margin) // 2 * 2
        last = min(self.audio.shape[1], int(starts.max()) + self._frame_samples + margin)
        return replace(
            self,
            audio=self.audio[:, first:last],
            times=self.times[rows] - first / self.sample_rate,
            reference=None if self.reference is None else self.reference[first:last],
        )

    @property
    def _frame_samples(self) -> int:
        return round((self.frame or 0.0) * self.sample_rate)

    @property
    def _frame_starts(self) -> Integers:
        # Rounding in two steps: the last bit of a time must not decide a tie.
        exact = np.round(self.times * self.sample_rate - self._frame_samples / 2, 6)
        return np.round(exact).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Tracks:
    """Where sources are over time. `Tracks.of` fills in the defaults.

    Args:
        times: seconds, shape (frames,).
        xyz: shape (frames, tracks, 3): metres for positions, unit vectors for directions; NaN
            where there is nothing.
        kind: which of the two `xyz` holds.
        active: whether a source is active (ground truth) or estimated to be (prediction), shape
            (frames, tracks).
        ids: identity of each track, shape (tracks,).
        confidence: confidence of each estimate, from 0 to 1, shape (frames, tracks); None if the
            method gives none. It is stored and shown, never scored.

    Raises:
        FormatError: if the shapes do not fit each other.
    """

    times: Floats
    xyz: Floats
    kind: Kind
    active: Booleans
    ids: Integers
    confidence: Floats | None = None

    def __post_init__(self) -> None:
        if self.xyz.ndim != 3 or self.xyz.shape[2] != 3 or len(self.xyz) != len(self.times):
            raise FormatError(
                f"tracks of shape {self.xyz.shape} at {len(self.times)} times",
                expected=f"({len(self.times)}, tracks, 3)",
            )
        if self.active.shape != self.xyz.shape[:2] or self.ids.shape != self.xyz.shape[1:2]:
            raise FormatError(
                f"activity of shape {self.active.shape} and ids of shape {self.ids.shape}",
                expected=f"{self.xyz.shape[:2]} and {self.xyz.shape[1:2]}",
            )
        if self.confidence is not None and self.confidence.shape != self.active.shape:
            raise FormatError(
                f"confidence of shape {self.confidence.shape}", expected=f"{self.active.shape}"
            )
        for name in ("times", "xyz", "active", "ids", "confidence"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _frozen(getattr(self, name)))

    @classmethod
    def of(
        cls,
        times: ArrayLike,
        xyz: ArrayLike,
        kind: Kind,
        active: ArrayLike | None = None,
        ids: ArrayLike | None = None,
        *,
        confidence: ArrayLike | None = None,
    ) -> Tracks:
        """Make tracks that are active where `xyz` is finite, with ids 0, 1, ... by default.

        A track is never active where `xyz` is not finite, whatever `active` says.
        """
        points = np.asarray(xyz, dtype=float)
        finite = np.isfinite(points).all(axis=-1)
        return cls(
            times=np.asarray(times, dtype=float),
            xyz=points,
            kind=kind,
            active=finite if active is None else np.asarray(active, dtype=bool) & finite,
            ids=np.asarray(range(points.shape[1]) if ids is None else ids, dtype=np.int64),
            confidence=None if confidence is None else np.asarray(confidence, dtype=float),
        )

    def at(self, rows: slice) -> Tracks:
        """Return the tracks at some of the times."""
        return replace(
            self,
            times=self.times[rows],
            xyz=self.xyz[rows],
            active=self.active[rows],
            confidence=None if self.confidence is None else self.confidence[rows],
        )

    @classmethod
    def still(cls, recording: Recording, xyz: ArrayLike) -> Tracks:
        """Return tracks of sources, shape (tracks, 3), that do not move during a recording."""
        points = np.atleast_2d(np.asarray(xyz, dtype=float))
        return cls.of(
            recording.times, np.tile(points, (len(recording.times), 1, 1)), recording.kind
        )


@dataclass(frozen=True, eq=False)
class Prediction:
    """Where sources are, and microphones if they are estimated: a method's output, or the truth.

    Args:
        tracks: the sources, at the recording's times.
        microphones: positions in metres, shape (channels, 3), with a row of NaN where there is
            no estimate. In ground truth these are the microphones to be located, which are those
            that the method was not given.
        likelihood: from methods that map the plane of the recording's region: how likely a source
            is in each cell, 0 to 1, shape (rows, columns); rows go along y, columns along x, both
            upwards, evenly from one side of the region to the other. It is plotted, never scored.
    """

    tracks: Tracks
    microphones: Floats | None = None
    likelihood: NDArray[np.float32] | None = None

    @classmethod
    def join(cls, windows: Sequence[Prediction], times: Floats) -> Prediction:
        """Join the predictions of consecutive windows along time.

        Tracks of one id become one column; a method whose ids mean nothing across windows numbers
        its tracks 0, 1, ... in each. Microphones get the median of their estimates.

        Args:
            windows: at least one, whose times together are `times`.
            times: of the whole recording, shape (frames,).
        """
        if len(windows) == 1:
            (only,) = windows
            return replace(only, tracks=replace(only.tracks, times=times))
        parts = [window.tracks for window in windows]
        ids = np.unique(np.concatenate([part.ids for part in parts]))
        confident = all(part.confidence is not None for part in parts)
        joined = Tracks(
            times=times,
            xyz=np.concatenate([_columns(part.xyz, part.ids, ids, np.nan) for part in parts]),
            kind=parts[0].kind,
            active=np.concatenate([_columns(p.active, p.ids, ids, fill=False) for p in parts]),
            ids=ids,
            confidence=np.concatenate(
                [_columns(p.confidence, p.ids, ids, np.nan) for p in parts if confident]
            )
            if confident
            else None,
        )
        return cls(joined, _median_position([window.microphones for window in windows]))


def _columns(array: NDArray[T] | None, own: Integers, ids: Integers, fill: float) -> NDArray[T]:
    """Return an array, shape (frames, tracks, ...), with one column for each of `ids`."""
    assert array is not None
    widened = np.full((len(array), len(ids), *array.shape[2:]), fill, array.dtype)
    widened[:, np.searchsorted(ids, own)] = array
    return widened


def _median_position(estimates: Sequence[Floats | None]) -> Floats | None:
    known = [estimate for estimate in estimates if estimate is not None]
    if not known:
        return None
    stacked = np.array(known)
    estimated = np.isfinite(stacked).any(axis=0)
    median = np.full(estimated.shape, np.nan)
    median[estimated] = np.nanmedian(stacked[:, estimated], axis=0)
    return median


@dataclass(frozen=True, eq=False)
class Scene:
    """A recording and its ground truth.

    Args:
        recording: what a method is given.
        truth: where the sources are.
        clusters: groups that the recording shares with others, by kind (`talker`, `room`,
            `session`, `trajectory`), of which confidence intervals must take account.
    """

    recording: Recording
    truth: Prediction
    clusters: Mapping[str, str] = field(default_factory=dict)

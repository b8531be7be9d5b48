"""What flows through the house: arrays, recordings, tracks, scenes and predictions.

All are immutable and hold numpy arrays only. The truth and a method's answer have one type,
`Tracks`, so that metrics and plots are written once. A method is handed a `Recording`, in which
there is no truth to leak.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sslbench.errors import FormatError, GeometryError
from sslbench.geometry import SPEED_OF_SOUND, Box, array_rank, check_microphones

__all__ = ["Condition", "Kind", "MicArray", "Prediction", "Recording", "Scene", "Tracks"]

Kind = Literal["position", "direction"]
"""What an answer is: points in metres, or unit vectors."""

T = TypeVar("T", bound=np.generic)

Condition = float | int | str | bool
"""A value of `Recording.conditions`, by which results can be split into strata."""


def _frozen(array: NDArray[T]) -> NDArray[T]:
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False)
class MicArray:
    """Where the channels of a recording were picked up.

    Args:
        positions: metres, shape (channels, 3), in channel order; None for an encoded format.
        format: `mics`, or `foa` for first-order ambisonics in ACN order (W, Y, Z, X), SN3D.

    Raises:
        GeometryError: if there are positions and they cannot serve, or neither is given.
    """

    positions: NDArray[np.float64] | None = None
    format: Literal["mics", "foa"] = "mics"

    def __post_init__(self) -> None:
        if (self.positions is None) == (self.format == "mics"):
            raise GeometryError(
                f"an array of format {self.format!r} "
                + ("without positions" if self.positions is None else "with positions"),
                expected="positions for `mics`, none for `foa`",
            )
        if self.positions is not None:
            object.__setattr__(self, "positions", _frozen(check_microphones(self.positions)))

    @property
    def channels(self) -> int:
        """Number of channels that a recording of this array has."""
        return 4 if self.positions is None else len(self.positions)

    @property
    def rank(self) -> int:
        """Dimensions that the microphones span (3 for an encoded format)."""
        return 3 if self.positions is None else array_rank(self.positions)

    @property
    def centre(self) -> NDArray[np.float64]:
        """Mean of the positions in metres, shape (3,); the origin for an encoded format."""
        return np.zeros(3) if self.positions is None else self.positions.mean(axis=0)

    @property
    def aperture(self) -> float:
        """Largest distance between two microphones in metres; 0 for an encoded format."""
        if self.positions is None:
            return 0.0
        between = self.positions[:, None] - self.positions[None]
        return float(np.linalg.norm(between, axis=-1).max())


@dataclass(frozen=True, eq=False)
class Recording:
    """What a method hears, and what it is asked for.

    Args:
        id: name within its data set, the same on every machine.
        audio: float32, shape (channels, samples).
        sample_rate: in Hz.
        array: where the channels were picked up.
        times: seconds from the start at which an answer is asked for, shape (frames,).
        kind: what is asked for at each time.
        frame: seconds of audio, centred on each time, that belong to it; None if all may be used.
        max_sources: most sources that can sound at once in this data set.
        region: where positions can lie; flat if their height is known. None for directions.
        speed_of_sound: in m/s.
        reference: the source's own microphone, shape (samples,), in set-ups that allow it.
        conditions: what is known of the acoustics (`snr_db`, `t60_s`, ...). Whatever follows from
            the truth (distance, number of sources, ...) does not belong here.

    Raises:
        FormatError: if shapes do not fit each other.
    """

    id: str
    audio: NDArray[np.float32]
    sample_rate: int
    array: MicArray
    times: NDArray[np.float64]
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
                expected=f"({self.array.channels}, samples): one row a microphone of the array",
            )
        if self.kind == "position" and self.region is None:
            raise FormatError("positions are asked for without a region", where=self.id)
        object.__setattr__(self, "audio", _frozen(self.audio.astype(np.float32, copy=False)))
        object.__setattr__(self, "times", _frozen(np.asarray(self.times, dtype=float)))

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return float(self.audio.shape[1] / self.sample_rate)

    def frames(self) -> NDArray[np.float32]:
        """Cut the audio that belongs to each time, shape (frames, channels, samples).

        Where a frame reaches over an end of the recording it is filled with zeros. With `frame`
        None there is one frame, the whole recording.
        """
        if self.frame is None:
            return self.audio[None]
        length = round(self.frame * self.sample_rate)
        starts = np.round(self.times * self.sample_rate - length / 2).astype(int)
        before = max(0, -int(starts.min(initial=0)))
        after = max(0, int(starts.max(initial=0)) + length - self.audio.shape[1])
        padded = np.pad(self.audio, ((0, 0), (before, after)))
        index = starts[:, None] + before + np.arange(length)
        return np.ascontiguousarray(padded[:, index].swapaxes(0, 1))


@dataclass(frozen=True, eq=False)
class Tracks:
    """Where sources are over time: the truth, or an answer. `Tracks.of` fills in the defaults.

    Args:
        times: seconds, shape (frames,).
        xyz: shape (frames, tracks, 3): metres for positions, unit vectors for directions; NaN
            where there is nothing.
        kind: which of the two `xyz` holds.
        active: whether a source sounds (truth) or is claimed (answer), shape (frames, tracks).
        ids: identity of each track, shape (tracks,).

    Raises:
        FormatError: if the shapes do not fit each other.
    """

    times: NDArray[np.float64]
    xyz: NDArray[np.float64]
    kind: Kind
    active: NDArray[np.bool_]
    ids: NDArray[np.int64]

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
        for name in ("times", "xyz", "active", "ids"):
            object.__setattr__(self, name, _frozen(getattr(self, name)))

    @classmethod
    def of(
        cls,
        times: ArrayLike,
        xyz: ArrayLike,
        kind: Kind,
        active: ArrayLike | None = None,
        ids: ArrayLike | None = None,
    ) -> Tracks:
        """Make tracks that are active where `xyz` is finite, with ids 0, 1, ... by default.

        A track is never active where it has no finite place, whatever `active` says.
        """
        points = np.asarray(xyz, dtype=float)
        finite = np.isfinite(points).all(axis=-1)
        return cls(
            times=np.asarray(times, dtype=float),
            xyz=points,
            kind=kind,
            active=finite if active is None else np.asarray(active, dtype=bool) & finite,
            ids=np.asarray(range(points.shape[1]) if ids is None else ids, dtype=np.int64),
        )

    @classmethod
    def still(cls, recording: Recording, xyz: ArrayLike) -> Tracks:
        """Put sources, shape (tracks, 3), at the same place at every time of a recording."""
        points = np.atleast_2d(np.asarray(xyz, dtype=float))
        return cls.of(
            recording.times, np.tile(points, (len(recording.times), 1, 1)), recording.kind
        )


@dataclass(frozen=True, eq=False)
class Scene:
    """A recording and the truth about it."""

    recording: Recording
    truth: Tracks


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a method answers.

    Args:
        tracks: where the sources are, at the recording's times.
        microphones: estimated positions in metres, shape (channels, 3), from methods that
            locate microphones too.
        likelihood: from methods that map the plane of the recording's region: how likely a source
            is in each cell, 0 to 1, shape (rows, columns); rows go along y, columns along x, both
            upwards, evenly from one side of the region to the other. It is drawn, never scored.
    """

    tracks: Tracks
    microphones: NDArray[np.float64] | None = None
    likelihood: NDArray[np.float32] | None = None

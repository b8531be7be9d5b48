"""Using a method as a tool: localize the sources in a recording."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Floats
from sslbench.cell import Cell, Choice, Training
from sslbench.contracts import Dataset, DatasetRequest
from sslbench.datasets.formats.array_file import read_array_file
from sslbench.datasets.formats.audio_files import audio_duration, read_audio, read_excerpt
from sslbench.errors import UsageError
from sslbench.geometry import azimuth_elevation
from sslbench.running.compatibility import recording_incompatibility
from sslbench.running.inference import run_inference
from sslbench.running.prediction import open_tracker
from sslbench.running.session import Session
from sslbench.running.shipped import usable_method
from sslbench.scene import Kind, Prediction, Recording, Scene, Tracks
from sslbench.specs import MethodSpec

__all__ = [
    "AudioFile",
    "check_compatible",
    "localize",
    "tracks_as_rows",
    "with_trackers",
]


SHORTEST = 0.01
"""Shortest audio in seconds that an estimate is made from: one period of a low voice."""


class AudioFile(Dataset):
    """A wav file as a data set of one recording, without ground truth.

    Of a long file only the audio of one window at a time is read.

    Args:
        wav: audio with one channel per microphone.
        mics: array file; with a search region positions are requested, else directions.
        every: seconds between estimates, each from that much audio; None for one estimate.
        sources: largest number of sources at once.

    Raises:
        DataError: if a file is missing, damaged, or does not fit the other.
        UsageError: if the time between estimates is not possible.
    """

    reads_windows = True

    def __init__(self, wav: Path, mics: Path, every: float | None, sources: int) -> None:
        super().__init__(DatasetRequest("", "smoke", {}, None, wav.parent))
        self.wav = wav
        self.every = every
        self.sources = sources
        self.layout = read_array_file(mics)
        self.times = _times(audio_duration([wav]), every)
        self.kind: Kind = "direction" if self.layout.search is None else "position"

    def __len__(self) -> int:
        """Return 1."""
        return 1

    def scene(self, index: int) -> Scene:
        """Return the whole recording."""
        del index
        audio, rate = read_audio(self.wav, channels=self.layout.array.channels)
        return self._scene(audio, rate, self.times)

    def truth(self, index: int) -> tuple[str, Prediction]:
        """Return the name of the recording and tracks without any source."""
        del index
        return self.wav.stem, _nothing(self.times, self.kind)

    def window(self, index: int, rows: slice, context: float = 0.0) -> Scene:
        """Return a part of the recording, for which only that part of the file is read."""
        if self.every is None:
            return super().window(index, rows, context)
        times, margin = self.times[rows], self.every / 2 + context
        audio, rate, first = read_excerpt([self.wav], times[0] - margin, times[-1] + margin)
        return self._scene(audio, rate, times - first / rate)

    def fingerprint(self) -> str:
        """Return nothing: results for single files are not stored."""
        return ""

    def _scene(self, audio: NDArray[np.float32], rate: int, times: Floats) -> Scene:
        recording = Recording(
            id=self.wav.stem,
            audio=audio,
            sample_rate=rate,
            array=self.layout.array,
            times=times,
            kind=self.kind,
            frame=self.every,
            max_sources=self.sources,
            region=self.layout.search,
            speed_of_sound=self.layout.speed_of_sound,
        )
        return Scene(recording, _nothing(times, self.kind))


def _nothing(times: Floats, kind: Kind) -> Prediction:
    return Prediction(Tracks.of(times, np.zeros((len(times), 0, 3)), kind))


def _times(duration: float, every: float | None) -> Floats:
    if every is None:
        return np.array([duration / 2])
    if not SHORTEST <= every <= duration:
        raise UsageError(
            f"an estimate every {every:g} s",
            expected=f"at least {SHORTEST:g} s, at most {duration:g} s",
        )
    return np.arange(every / 2, duration - every / 2 + 1e-9, every)


def localize(
    session: Session, choice: Choice, file: AudioFile, training: Training | None
) -> tuple[Recording, Prediction]:
    """Localize the sources in a file; a learned method is trained first, or found trained.

    Args:
        session: of the process.
        choice: the method; from `shipped_choice` if there is no training.
        file: what is localized.
        training: of the method; None for the weights that it comes with.

    Returns:
        The recording, of a long file only its beginning, and the estimates.

    Raises:
        UsageError: if the method cannot process such a recording or learn from such data, or needs
            the ground truth.
        DataError: if the file cannot be read.
    """
    spec = session.method_spec(choice)
    recording = file.window(0, slice(0, 1)).recording
    check_compatible(spec, recording)
    data = Choice(recording.id)
    cell = Cell(choice, data, "", training.scale if training else "smoke", training=training)
    method = usable_method(session, cell)
    made = run_inference(cell, spec, method, file)
    return recording, with_trackers(session, choice, made.predictions[recording.id], file.sources)


def with_trackers(
    session: Session, choice: Choice, prediction: Prediction, max_sources: int
) -> Prediction:
    """Return a prediction with the tracks of the trackers that are added to a method, in order.

    Raises:
        BrokenPluginError: if a tracker cannot be imported.
    """
    for addition in choice.additions:
        tracks = open_tracker(session, addition).track(prediction.tracks, max_sources)
        prediction = replace(prediction, tracks=tracks)
    return prediction


def check_compatible(spec: MethodSpec, recording: Recording) -> None:
    """Check that a method can process a recording.

    Raises:
        UsageError: if it cannot.
    """
    if reason := recording_incompatibility(spec, recording) or _wrong_kind(spec, recording):
        raise UsageError(reason, where=recording.id, hint="`sslbench methods` lists all methods")


def _wrong_kind(spec: MethodSpec, recording: Recording) -> str:
    if recording.kind in spec.outputs:
        return ""
    return (
        f"{spec.name} estimates {spec.outputs[0]}s; positions are requested with a search region,"
        " directions without one"
    )


def tracks_as_rows(tracks: Tracks) -> list[dict[str, float]]:
    """Return one row for each active track and time, with degrees for directions."""
    rows: list[dict[str, float]] = []
    for frame, track in np.argwhere(tracks.active):
        row: dict[str, float] = {
            "id": int(tracks.ids[track]),
            "time_s": _round(tracks.times[frame]),
        }
        row |= _coordinates(tracks, frame, track)
        if tracks.confidence is not None:
            row["confidence"] = _round(tracks.confidence[frame, track])
        rows.append(row)
    return rows


def _coordinates(tracks: Tracks, frame: int, track: int) -> dict[str, float]:
    xyz = tracks.xyz[frame, track]
    if tracks.kind == "position":
        return dict(zip("xyz", map(_round, xyz), strict=True))
    azimuth, elevation = np.degrees(azimuth_elevation(xyz))
    return {"azimuth_deg": _round(azimuth), "elevation_deg": _round(elevation)}


def _round(value: float) -> float:
    # A tenth of a millimetre, or a ten-thousandth of a degree: further digits are noise.
    return round(float(value), 4)

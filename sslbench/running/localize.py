"""Using a method as a tool: localize the sources in a recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sslbench.array_types import Floats
from sslbench.cell import Cell, Choice, Training
from sslbench.contracts import Dataset, DatasetRequest, Method
from sslbench.datasets.formats.array_file import read_array_file
from sslbench.datasets.formats.audio_files import read_audio
from sslbench.errors import UsageError
from sslbench.geometry import azimuth_elevation
from sslbench.running.compatibility import recording_incompatibility
from sslbench.running.inference import run_inference
from sslbench.running.session import Session
from sslbench.running.stages import ready_method
from sslbench.scene import Prediction, Recording, Scene, Tracks
from sslbench.specs import MethodSpec

__all__ = ["check_compatible", "localize", "read_recording", "tracks_as_rows"]


SHORTEST = 0.01
"""Shortest audio in seconds that an estimate is made from: one period of a low voice."""


def read_recording(wav: Path, mics: Path, every: float | None, sources: int) -> Recording:
    """Read a wav file and the description of its array.

    Args:
        wav: audio with one channel per microphone.
        mics: array file; with a search region positions are requested, else directions.
        every: seconds between estimates, each from that much audio; None for one estimate.
        sources: largest number of sources at once.

    Raises:
        DataError: if a file is missing, damaged, or does not fit the other.
        UsageError: if the time between estimates is not possible.
    """
    layout = read_array_file(mics)
    audio, sample_rate = read_audio(wav, channels=layout.array.channels)
    return Recording(
        id=wav.stem,
        audio=audio,
        sample_rate=sample_rate,
        array=layout.array,
        times=_times(audio.shape[1] / sample_rate, every),
        kind="direction" if layout.search is None else "position",
        frame=every,
        max_sources=sources,
        region=layout.search,
        speed_of_sound=layout.speed_of_sound,
    )


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
    session: Session, choice: Choice, recording: Recording, training: Training | None
) -> Prediction:
    """Localize the sources of one recording; a learned method is trained first, or found trained.

    Raises:
        UsageError: if the method cannot process such a recording, or must be trained.
    """
    spec = session.method_spec(choice)
    check_compatible(spec, recording)
    if spec.learns(choice.params) and training is None:
        raise UsageError(
            f"{choice.name} must be trained first",
            hint="name the training data with --trained-on, such as --trained-on luvira-sim",
        )
    data = Choice(recording.id)
    cell = Cell(choice, data, "", training.scale if training else "smoke", training=training)
    method = ready_method(session, cell, lambda _: None)
    if not isinstance(method, Method):
        raise UsageError(f"{spec.name} needs the ground truth, which a recording does not have")
    made = run_inference(cell, spec, method, _Single(recording, session.cache))
    return made.predictions[recording.id]


def check_compatible(spec: MethodSpec, recording: Recording) -> None:
    """Check that a method can process a recording.

    Raises:
        UsageError: if it cannot.
    """
    if reason := recording_incompatibility(spec, recording) or _wrong_kind(spec, recording):
        raise UsageError(reason, where=recording.id, hint="`sslbench methods` lists all methods")


class _Single(Dataset):
    """One recording as a data set, without ground truth."""

    def __init__(self, recording: Recording, cache: Path) -> None:
        super().__init__(DatasetRequest("", "smoke", {}, None, cache))
        self.recording = recording

    def __len__(self) -> int:
        return 1

    def scene(self, index: int) -> Scene:
        del index
        rows = (len(self.recording.times), 0, 3)
        unknown = Tracks.of(self.recording.times, np.zeros(rows), self.recording.kind)
        return Scene(self.recording, Prediction(unknown))

    def fingerprint(self) -> str:
        return ""


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

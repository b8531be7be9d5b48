"""Using a method as a tool: where does the sound in this recording come from?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sslbench.cell import Cell, Choice
from sslbench.contracts import Method, Scale, TrainableMethod
from sslbench.datasets.formats.array_file import read_array_file
from sslbench.datasets.formats.audio_files import read_audio
from sslbench.errors import UsageError
from sslbench.geometry import azimuth_elevation
from sslbench.running.compatibility import recording_incompatibility
from sslbench.running.inference import check_answer
from sslbench.running.stages import Workbench
from sslbench.scene import Prediction, Recording, Tracks

__all__ = ["Training", "localize", "read_recording", "tracks_as_rows"]


SHORTEST = 0.01
"""Seconds of audio that an answer is made of at least: less holds no period of a voice."""


@dataclass(frozen=True)
class Training:
    """What a learned method is to be trained on before it is used.

    Args:
        dataset: with its parameters.
        scale: how much of it.
        seed: of the training.
    """

    dataset: Choice
    scale: Scale = "smoke"
    seed: int = 0


def read_recording(wav: Path, mics: Path, every: float | None, sources: int) -> Recording:
    """Read a wav file and the description of its array.

    Args:
        wav: audio with one channel a microphone.
        mics: array file; with a search region positions are asked for, else directions.
        every: seconds between answers, each from that much audio; None for one answer in all.
        sources: most sources at once.

    Raises:
        DataError: if a file is missing, damaged, or does not fit the other.
        UsageError: if the time between answers is not positive.
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


def _times(duration: float, every: float | None) -> NDArray[np.float64]:
    if every is None:
        return np.array([duration / 2])
    if not SHORTEST <= every <= duration:
        raise UsageError(
            f"an answer every {every:g} s",
            expected=f"at least {SHORTEST:g} s, at most {duration:g} s",
        )
    return np.arange(every / 2, duration - every / 2 + 1e-9, every)


def localize(
    bench: Workbench, choice: Choice, recording: Recording, training: Training | None
) -> Prediction:
    """Let a method answer one recording; a learned one is trained first, or found trained.

    Raises:
        UsageError: if the method cannot answer such a recording, or needs a training.
    """
    spec = bench.registry.method(choice.name).spec
    if reason := recording_incompatibility(spec, recording) or _wrong_kind(recording, spec.outputs):
        raise UsageError(reason, where=recording.id, hint="`sslbench methods` lists the others")
    method = bench.method(choice)
    if not isinstance(method, Method):
        raise UsageError(f"{spec.name} needs the truth, and a recording has none")
    if isinstance(method, TrainableMethod):
        method.device = bench.device
        method.load(_checkpoint(bench, choice, training))
    answer = method.locate(recording)
    check_answer(recording, answer)
    return answer


def _wrong_kind(recording: Recording, outputs: tuple[str, ...]) -> str:
    if recording.kind in outputs:
        return ""
    return (
        f"it finds {outputs[0]}s; positions are asked for by `search:` in the array file, "
        "directions by leaving it out"
    )


def _checkpoint(bench: Workbench, choice: Choice, training: Training | None) -> Path:
    if training is None:
        raise UsageError(
            f"{choice.name} has to learn first",
            hint="say on what with --trained-on, as in --trained-on luvira-sim",
        )
    cell = Cell(choice, training.dataset, "test", training.scale, training.seed)
    return bench.train(cell, lambda _: None).checkpoint


def tracks_as_rows(tracks: Tracks) -> list[dict[str, float]]:
    """Return one row for each active track and time, with degrees for directions."""
    rows: list[dict[str, float]] = []
    for frame, track in np.argwhere(tracks.active):
        row: dict[str, float] = {
            "id": int(tracks.ids[track]),
            "time_s": _round(tracks.times[frame]),
        }
        rows.append(row | _place(tracks, frame, track))
    return rows


def _place(tracks: Tracks, frame: int, track: int) -> dict[str, float]:
    xyz = tracks.xyz[frame, track]
    if tracks.kind == "position":
        return dict(zip("xyz", map(_round, xyz), strict=True))
    azimuth, elevation = np.degrees(azimuth_elevation(xyz))
    return {"azimuth_deg": _round(azimuth), "elevation_deg": _round(elevation)}


def _round(value: float) -> float:
    # A tenth of a millimetre, or a ten-thousandth of a degree: more digits would be noise.
    return round(float(value), 4)

"""LuViRA, audio only: music and speech from a moving loudspeaker in a hall, eleven microphones.

The data set of the tables of Berg et al. 2024 (wav2pos): eight recordings of about a minute, one
index of music and speech held out for testing. `luvira_files` describes the files,
`luvira_ground_truth` the positions and `luvira_conversion` the local form.

What the publications leave open is assumed here, and each assumption is a parameter: frames start
at the first sample and are `hop` samples apart; the position of a frame is that at its centre,
interpolated between two captured rows; a frame is silent if the power of the source's own
microphone in it is `silence_db` below the mean power of the same track; the walls are where
`luvira-sim` has them. Validation is not published: it is the last 15 % of each training recording.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from sslbench.array_types import Booleans, Floats
from sslbench.contracts import Dataset, DatasetRequest, window_of
from sslbench.datasets.real.luvira_companion import Companion, Played
from sslbench.datasets.real.luvira_conversion import (
    RATE,
    Converted,
    convert,
    identity,
)
from sslbench.datasets.real.luvira_files import NAME, find_recordings
from sslbench.datasets.real.luvira_frames import FRAME, interpolated, silent_frames
from sslbench.datasets.real.luvira_parameters import PARAMETERS, conversion_options
from sslbench.datasets.simulated.luvira_sim import ROOM
from sslbench.errors import FormatError, UnknownNameError
from sslbench.geometry import Box
from sslbench.progress import progress_bar
from sslbench.scene import MicArray, Prediction, Recording, Scene, Tracks
from sslbench.specs import Value

__all__ = ["PARAMETERS", "Luvira"]

TRAIN_SHARE = 0.85
"""Share of a training recording that is in `train`; the rest, after `GAP`, is in `validation`."""

GAP = RATE
"""Samples between `train` and `validation`, so that they share no reverberation."""

KINDS = ("music", "speech")


@dataclass(frozen=True, eq=False)
class _Part:
    """The part of a recording that belongs to a split, and its frames.

    Args:
        id: name of the recording, and of the part unless it is the whole.
        recording: name of the recording.
        converted: the recording in its local form.
        span: its samples that belong to the part.
        times: centres of the frames that are requested, in seconds from the start of the part.
        xyz: position of the source at each time in metres, shape (frames, 3).
        notes: lines of the report.
    """

    id: str
    recording: str
    converted: Converted
    span: slice
    times: Floats
    xyz: Floats
    notes: tuple[str, ...]


class Luvira(Dataset):
    """One split of the audio-only recordings of LuViRA.

    `test` is the music and the speech of the held-out number, `music` and `speech` are one of the
    two each. `train` is the first 85 % of each of the other six recordings, and `validation` the
    rest of each after a gap of one second. Silent frames and frames without ground truth are not
    requested. With `companion=true`, `train` has one simulated frame more for each real one, each
    a recording of its own; see `luvira_companion`.

    Raises:
        MissingDataError: if the folder, a recording, a track or the ground truth does not exist.
        FormatError: if a file is damaged, or a recording has no frame with ground truth, or the
            source leaves the room.
        ParameterError: if a parameter is invalid.
        UnknownNameError: if there is no such split.
    """

    reads_windows = True

    def __init__(self, request: DatasetRequest) -> None:
        super().__init__(request)
        defaults = {each.name: each.default for each in PARAMETERS}
        self._params: dict[str, Value] = defaults | dict(request.params)
        self._options = conversion_options(self._params)
        names = _recordings(request.split, int(self._params["held_out"]))
        given = str(self._params["root"])
        self._files = find_recordings(Path(given).expanduser() if given else request.root, names)
        self._parts: dict[int, _Part] = {}

    def __len__(self) -> int:
        return len(self._files) + (len(self._companion) if self._simulates else 0)

    def scene(self, index: int) -> Scene:
        """Return one recording, or the part of it that is in the split, with its ground truth."""
        return _in_memory(self._scene(index))

    def window(self, index: int, rows: slice, context: float = 0.0) -> Scene:
        """Return a part of a recording, for which only that part is read from the disk."""
        return _in_memory(window_of(self._scene(index), rows, context))

    def truth(self, index: int) -> tuple[str, Prediction]:
        """Return the id and the ground truth of a recording."""
        if index >= len(self._files):
            return self._companion.truth(index - len(self._files))
        part = self._part(index)
        return part.id, Prediction(Tracks.of(part.times, part.xyz[:, None], "position"))

    def prepare(self) -> None:
        """Convert all recordings of the split, check their ground truth, and simulate frames."""
        missing = [index for index in range(len(self._files)) if index not in self._parts]
        with progress_bar(f"{NAME} {self.request.split}", "recording", len(missing)) as bar:
            for index in missing:
                self._part(index)
                bar.update()
        if self._simulates:
            self._companion.prepare()

    def report(self) -> Sequence[str]:
        """Return what was found in each recording, and what is assumed."""
        notes = [
            f"{part.id}: {note}"
            for part in map(self._part, range(len(self._files)))
            for note in part.notes
        ]
        if self._simulates:
            notes.append(f"{len(self._companion)} simulated frames (companion)")
        return [*notes, *self._assumptions()]

    def fingerprint(self) -> str:
        """Return a SHA-256 of parameters, sizes of the tracks, and contents of the ground truth.

        The contents of the tracks are not included, because they have gigabytes. Folders and zip
        files of the same files give the same fingerprint.
        """
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        facts = {
            "name": NAME,
            "split": self.request.split,
            "params": {
                key: value
                for key, value in self._params.items()
                if key != "root" and (key != "companion" or self._simulates)
            },
            "recordings": [identity(files, self._options) for files in self._files],
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    @property
    def _simulates(self) -> bool:
        return bool(self._params["companion"]) and self.request.split == "train"

    @cached_property
    def _companion(self) -> Companion:
        parts = [self._part(index) for index in range(len(self._files))]
        played = [
            Played(
                part.id,
                np.array(part.converted.audio[-1, part.span]),
                np.round(part.times * RATE - FRAME / 2).astype(int),
                part.converted.microphones,
            )
            for part in parts
        ]
        return Companion(
            played,
            self._room,
            reference=bool(self._params["reference"]),
            cache=self.request.cache / NAME,
        )

    def _scene(self, index: int) -> Scene:
        """Return a scene whose audio is on disk until it is used."""
        if index >= len(self._files):
            return self._companion.scene(index - len(self._files))
        part = self._part(index)
        microphones = part.converted.microphones
        audio = part.converted.audio[:, part.span]
        recording = Recording(
            id=part.id,
            audio=audio[: len(microphones)],
            sample_rate=RATE,
            array=MicArray(microphones),
            times=part.times,
            frame=FRAME / RATE,
            region=self._room,
            reference=audio[-1] if self._params["reference"] else None,
            conditions={"signal": part.recording[:-1]},
        )
        # A split has two recordings of one index at most, and one hall: no other groups are known.
        return Scene(recording, self.truth(index)[1], {"trajectory": part.recording})

    @cached_property
    def _room(self) -> Box:
        margin = float(self._params["room_margin"])
        x, y, z = (value - margin for value in ROOM.low)
        right, back, top = (value + margin for value in ROOM.high)
        return Box((x, y, z), (right, back, top))

    def _part(self, index: int) -> _Part:
        if index not in self._parts:
            files = self._files[index]
            converted = convert(files, self._options, self.request.cache)
            self._parts[index] = self._cut(files.name, converted)
        return self._parts[index]

    def _cut(self, name: str, converted: Converted) -> _Part:
        """Return the part of a recording that is in the split.

        Raises:
            FormatError: if the source or a microphone is outside the room, or no frame is left.
        """
        _check_inside(self._room, name, converted)
        split, whole = self.request.split, converted.audio
        span = _span(split, whole.shape[1])
        microphones = len(converted.microphones)
        audio = whole[:, span]
        starts = np.arange(0, audio.shape[1] - FRAME + 1, int(self._params["hop"]))
        times = (starts + FRAME / 2) / RATE
        xyz = interpolated(converted.trajectory, times + span.start / RATE)
        silent = silent_frames(
            audio[microphones:], audio, starts, float(self._params["silence_db"])
        )
        captured = np.asarray(np.isfinite(xyz).all(axis=1))
        kept = captured & ~silent
        part_id = name if split in ("test", *KINDS) else f"{name}-{split}"
        if not kept.any():
            raise _no_frame(part_id, len(starts), captured, silent)
        counts = (
            f"{kept.sum()} of {len(starts)} frames are requested; left out: {silent.sum()} silent, "
            f"{(~captured & ~silent).sum()} without ground truth"
        )
        return _Part(
            id=part_id,
            recording=name,
            converted=converted,
            span=span,
            times=times[kept],
            xyz=xyz[kept],
            notes=(*converted.found, counts),
        )

    def _assumptions(self) -> list[str]:
        params, room = self._params, self._room
        own = f"track {self._options.source_track}" if self._options.source_track else "the mean"
        found = [
            f"microphones {', '.join(map(str, self._options.tracks))} are the tracks "
            f"{', '.join(map(str, self._options.tracks.values()))} (tracks, without)",
            f"silent frames are {-float(params['silence_db']):g} dB below the mean power of {own} "
            "(silence_db, source_track)",
            f"the motion capture starts at: {params['sync']} (sync)",
            f"positions are in {params['unit']} (unit), in a room from {room.low} to {room.high} m "
            "(room_margin)",
            f"microphones: {params['microphones']} (microphones, markers={params['markers']})",
        ]
        return [f"assumed: {line}" for line in found]


def _recordings(split: str, held_out: int) -> list[str]:
    held = {kind: f"{kind}{held_out}" for kind in KINDS}
    if split in KINDS:
        return [held[split]]
    if split == "test":
        return list(held.values())
    if split in ("train", "validation"):
        return [f"{kind}{n}" for kind in KINDS for n in range(1, 5) if n != held_out]
    raise UnknownNameError(
        f"{NAME} has no split {split!r}",
        expected="one of train, validation, test, " + ", ".join(KINDS),
    )


def _span(split: str, samples: int) -> slice:
    """Return the samples of a recording that are in a split."""
    end = int(TRAIN_SHARE * samples)
    if split == "train":
        return slice(0, end)
    if split == "validation":
        return slice(min(end + GAP, samples), samples)
    return slice(0, samples)


def _check_inside(room: Box, name: str, converted: Converted) -> None:
    seconds = converted.audio.shape[1] / RATE
    times, path = converted.trajectory[:, 0], converted.trajectory[:, 1:]
    during = np.isfinite(path).all(axis=1) & (times >= 0) & (times <= seconds)
    outside = during & ~room.contains(path)
    expected = f"positions from {room.low} to {room.high} m"
    hint = "check `unit`, or extend the room by `room_margin=METRES`"
    if outside.any():
        row = int(outside.argmax())
        place = ", ".join(f"{value:.2f}" for value in path[row])
        raise FormatError(
            f"the source leaves the room at {times[row]:.2f} s: it is at ({place}) m",
            where=name,
            expected=expected,
            hint=hint,
        )
    beyond = ~room.contains(converted.microphones)
    if beyond.any():
        place = ", ".join(f"{value:.2f}" for value in converted.microphones[beyond][0])
        raise FormatError(
            f"a microphone is outside the room, at ({place}) m",
            where=name,
            expected=expected,
            hint=hint,
        )


def _no_frame(part: str, frames: int, captured: Booleans, silent: Booleans) -> FormatError:
    if not frames:
        what = f"is shorter than a frame of {FRAME} samples at {RATE} Hz"
    elif not captured.any():
        what = f"has no ground truth: the source is missing in all {frames} frames"
    else:
        what = f"has no frame that is not silent and has ground truth, of {frames}"
    return FormatError(
        what,
        where=part,
        expected="at least one frame with sound and ground truth",
        hint=f"{int(silent.sum())} frames are silent (`silence_db`); check `sync` and the markers",
    )


def _in_memory(scene: Scene) -> Scene:
    recording = scene.recording
    reference = None if recording.reference is None else np.array(recording.reference)
    return replace(
        scene, recording=replace(recording, audio=np.array(recording.audio), reference=reference)
    )

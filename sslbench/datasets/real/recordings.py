"""Anyone's folder of recordings: audio files, `array.yaml` and `truth.csv`.

`recordings` asks for positions, `recordings-doa` for directions; the page `docs/recordings.md`
says how to lay out the folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Floats
from sslbench.contracts import Dataset, DatasetRequest
from sslbench.datasets.catalogue import entry
from sslbench.datasets.formats.array_file import read_array_file
from sslbench.datasets.formats.audio_files import audio_duration, read_audio, read_excerpt
from sslbench.datasets.formats.ground_truth_table import Truth, read_truth_table
from sslbench.datasets.locate import missing
from sslbench.datasets.real.recording_files import evenly, scenes_sha256
from sslbench.errors import FormatError, MissingDataError
from sslbench.geometry import Box
from sslbench.scene import Kind, MicArray, Prediction, Recording, Scene, Tracks
from sslbench.specs import Parameter

__all__ = ["ARRAY_FILE", "PARAMETERS", "TRUTH_FILE", "Recordings", "RecordingsDoa"]

ARRAY_FILE = "array.yaml"
TRUTH_FILE = "truth.csv"
LAYOUT = f"a folder with {ARRAY_FILE}, {TRUTH_FILE} and the audio files that it names"

PARAMETERS = (
    Parameter("root", "", "the folder; empty to look where other data lies", identity=False),
    Parameter(
        "frame",
        0.16,
        "seconds of audio, around each time of the truth table, that belong to it",
        minimum=0.001,
        maximum=60.0,
    ),
)


class Recordings(Dataset):
    """A folder of recordings whose sources have known positions.

    Raises:
        MissingDataError: if the folder, or a file that its table names, is not there.
        FormatError: if the table or the array file is not as documented.
        GeometryError: if the microphones cannot serve.
    """

    name: ClassVar[str] = "recordings"
    kind: ClassVar[Kind] = "position"

    def __init__(self, request: DatasetRequest) -> None:
        super().__init__(request)
        self.root = _folder(self.name, request)
        self._layout = read_array_file(self.root / ARRAY_FILE)
        held, truths = read_truth_table(self.root / TRUTH_FILE)
        self._check_kind(held)
        self._max_sources = max(truth.most_at_once for truth in truths)
        self._truths = [
            self._converted(truth, held)
            for truth in evenly(truths, entry(self.name).limit(request.scale))
        ]
        self._check_files()

    def __len__(self) -> int:
        return len(self._truths)

    def scene(self, index: int) -> Scene:
        """Return one recording and its ground truth."""
        truth = self._truths[index]
        audio, rate = read_audio(self._files(truth), channels=self._layout.array.channels)
        times = self._times(truth, audio.shape[1] / rate)
        recording = Recording(
            id=";".join(truth.files),
            audio=audio,
            sample_rate=rate,
            array=self._layout.array,
            times=times,
            kind=self.kind,
            frame=None if truth.times is None else float(self.request.params["frame"]),
            max_sources=self._max_sources,
            region=self._region(),
            speed_of_sound=self._layout.speed_of_sound,
        )
        return Scene(recording, Prediction(Tracks.of(times, truth.xyz, self.kind)))

    def truth(self, index: int) -> tuple[str, Prediction]:
        """Return id and ground truth of a recording; only the headers of its files are read."""
        truth = self._truths[index]
        times = self._times(truth, audio_duration(self._files(truth)))
        return ";".join(truth.files), Prediction(Tracks.of(times, truth.xyz, self.kind))

    def window(self, index: int, rows: slice, context: float = 0.0) -> Scene:
        """Return a part of a recording, for which only that part of its files is read."""
        truth = self._truths[index]
        if truth.times is None:
            return super().window(index, rows, context)
        files, frame = self._files(truth), float(self.request.params["frame"])
        times = self._times(truth, audio_duration(files))[rows]
        margin = frame / 2 + context
        audio, rate, first = read_excerpt(files, times[0] - margin, times[-1] + margin)
        recording = Recording(
            id=";".join(truth.files),
            audio=audio,
            sample_rate=rate,
            array=self._layout.array,
            times=times - first / rate,
            kind=self.kind,
            frame=frame,
            max_sources=self._max_sources,
            region=self._region(),
            speed_of_sound=self._layout.speed_of_sound,
        )
        tracks = Tracks.of(recording.times, truth.xyz[rows], self.kind)
        return Scene(recording, Prediction(tracks))

    def _times(self, truth: Truth, duration: float) -> Floats:
        times = np.array([duration / 2]) if truth.times is None else truth.times
        if times.min() < 0 or times.max() > duration:
            raise FormatError(
                f"a time of {times.max() if times.max() > duration else times.min():g} s",
                where=truth.where,
                expected=f"times within {truth.files[0]}, which lasts {duration:.3f} s",
            )
        return times

    def fingerprint(self) -> str:
        """Return a SHA-256 over array file, table, parameters and the recordings that are taken."""
        files = [path for truth in self._truths for path in self._files(truth)]
        return scenes_sha256(
            self.root,
            [self.root / ARRAY_FILE, self.root / TRUTH_FILE, *files],
            {"name": self.name, "frame": float(self.request.params["frame"])},
        )

    def _check_kind(self, held: Kind) -> None:
        if held == "direction":
            raise FormatError(
                "holds directions, and positions are asked for",
                where=str(self.root / TRUTH_FILE),
                expected="columns x, y, z in metres",
                hint=f"use {RecordingsDoa.name}, which asks for directions",
            )
        self._region()

    def _converted(self, truth: Truth, held: Kind) -> Truth:  # noqa: ARG002
        return truth

    def _region(self) -> Box | None:
        if self._layout.search is None:
            raise FormatError(
                "does not say where positions can lie",
                where=str(self.root / ARRAY_FILE),
                expected="`search: {min: [x, y, z], max: [x, y, z]}` in metres",
                hint=f"add it, or use {RecordingsDoa.name}, which asks for directions only",
            )
        return self._layout.search

    def _files(self, truth: Truth) -> list[Path]:
        return [self.root / name for name in truth.files]

    def _check_files(self) -> None:
        # Said at once, since a long run should not find out at its end.
        for truth in self._truths:
            for name, path in zip(truth.files, self._files(truth), strict=True):
                inside = path.is_relative_to(self.root) and ".." not in path.parts
                if not inside or not path.is_file():
                    raise MissingDataError(
                        f"names {name}, which is not " + ("there" if inside else "inside"),
                        where=truth.where,
                        expected=f"audio files below {self.root}, named relative to it",
                        hint="correct the column `file`, or copy the recording",
                    )


class RecordingsDoa(Recordings):
    """A folder of recordings whose sources have known directions, as seen from the array's centre.

    A table of positions serves too: the directions follow from it.
    """

    name: ClassVar[str] = "recordings-doa"
    kind: ClassVar[Kind] = "direction"

    def _check_kind(self, held: Kind) -> None:
        pass

    def _region(self) -> Box | None:
        return None

    def _converted(self, truth: Truth, held: Kind) -> Truth:
        if held == "direction":
            return truth
        return Truth(truth.files, truth.where, truth.times, _seen(truth.xyz, self._layout.array))


def _seen(xyz: NDArray[np.float64], array: MicArray) -> NDArray[np.float64]:
    """Return unit vectors from the centre of the array to positions, shape (..., 3)."""
    offset = xyz - array.centre
    length: NDArray[np.float64] = np.linalg.norm(offset, axis=-1, keepdims=True)
    return offset / length


def _folder(name: str, request: DatasetRequest) -> Path:
    typed = str(request.params.get("root", ""))
    folder = Path(typed).expanduser() if typed else request.root
    if folder is None:
        raise missing(name, LAYOUT)
    if not folder.is_dir():
        raise missing(name, LAYOUT, folder)
    return folder

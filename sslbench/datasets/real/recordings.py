"""A user's folder of recordings: audio files, `array.yaml` and `truth.csv`.

The task of `recordings` is to find positions, that of `recordings-doa` to find directions. The page
`docs/recordings.md` describes the folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Floats
from sslbench.contracts import Dataset, DatasetRequest, Incompatible
from sslbench.datasets.catalogue import entry
from sslbench.datasets.formats.array_file import read_array_file
from sslbench.datasets.formats.audio_files import audio_duration, read_audio, read_excerpt
from sslbench.datasets.formats.ground_truth_table import (
    RecordingGroundTruth,
    read_ground_truth_table,
)
from sslbench.datasets.locate import missing
from sslbench.datasets.real.recording_files import evenly, scenes_sha256
from sslbench.errors import FormatError, MissingDataError
from sslbench.geometry import Box
from sslbench.scene import Kind, MicArray, Prediction, Recording, Scene, Tracks
from sslbench.specs import Parameter

__all__ = ["PARAMETERS", "Recordings", "RecordingsDoa"]

ARRAY_FILE = "array.yaml"
GROUND_TRUTH_FILE = "truth.csv"
LAYOUT = f"a folder with {ARRAY_FILE}, {GROUND_TRUTH_FILE} and the audio files listed in it"

PARAMETERS = (
    Parameter("root", "", "path of the folder; empty to use the default location", identity=False),
    Parameter(
        "frame",
        0.16,
        "seconds of audio around each time of the ground truth that belong to that time",
        minimum=0.001,
        maximum=60.0,
    ),
)


class Recordings(Dataset):
    """A folder of recordings whose sources have known positions.

    Raises:
        MissingDataError: if the folder or a file listed in its table does not exist.
        FormatError: if the table or the array file is invalid.
        GeometryError: if the microphone positions are invalid.
        Incompatible: if there are no recordings for training or validation.
    """

    name: ClassVar[str] = "recordings"
    kind: ClassVar[Kind] = "position"
    reads_windows = True

    def __init__(self, request: DatasetRequest) -> None:
        super().__init__(request)
        self.root = _folder(self.name, request)
        self._layout = read_array_file(self.root / ARRAY_FILE)
        given, ground_truth = read_ground_truth_table(self.root / GROUND_TRUTH_FILE)
        self._check_kind(given)
        self._max_sources = max(truth.max_sources for truth in ground_truth)
        own = [truth for truth in ground_truth if truth.split == request.split]
        self._check_split(own)
        self._ground_truth = [
            self._converted(truth, given)
            for truth in evenly(own, entry(self.name).limit(request.scale))
        ]
        self._check_files()

    def __len__(self) -> int:
        return len(self._ground_truth)

    def scene(self, index: int) -> Scene:
        """Return one recording with its ground truth.

        Raises:
            MissingDataError: if an audio file does not exist.
            FormatError: if an audio file is invalid, or a time is outside the recording.
        """
        truth = self._ground_truth[index]
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
        return Scene(
            recording, Prediction(Tracks.of(times, truth.xyz, self.kind)), _clusters(truth)
        )

    def truth(self, index: int) -> tuple[str, Prediction]:
        """Return id and ground truth of a recording; only the headers of its files are read."""
        truth = self._ground_truth[index]
        times = self._times(truth, audio_duration(self._files(truth)))
        return ";".join(truth.files), Prediction(Tracks.of(times, truth.xyz, self.kind))

    def window(self, index: int, rows: slice, context: float = 0.0) -> Scene:
        """Return a part of a recording, for which only that part of its files is read."""
        truth = self._ground_truth[index]
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
        return Scene(recording, Prediction(tracks), _clusters(truth))

    def _times(self, truth: RecordingGroundTruth, duration: float) -> Floats:
        times = np.array([duration / 2]) if truth.times is None else truth.times
        if times.min() < 0 or times.max() > duration:
            raise FormatError(
                f"time_s is {times.max() if times.max() > duration else times.min():g}",
                where=truth.where,
                expected=f"times from 0 to {duration:.3f} s, the duration of {truth.files[0]}",
            )
        return times

    def fingerprint(self) -> str:
        """Return a SHA-256 of array file, table, parameters and the selected recordings."""
        files = [path for truth in self._ground_truth for path in self._files(truth)]
        return scenes_sha256(
            self.root,
            [self.root / ARRAY_FILE, self.root / GROUND_TRUTH_FILE, *files],
            {
                "name": self.name,
                "frame": float(self.request.params["frame"]),
                "split": self.request.split,
            },
        )

    def _check_split(self, own: Sequence[RecordingGroundTruth]) -> None:
        if own:
            return
        split, table = self.request.split, self.root / GROUND_TRUTH_FILE
        if split != "test":
            raise Incompatible(
                f"{table} has no recordings of the split {split}: name other training data with"
                " --train-on, or add a column `split`"
            )
        raise FormatError(
            "has no recordings of the split test", where=str(table), expected="at least one"
        )

    def _check_kind(self, given: Kind) -> None:
        if given == "direction":
            raise FormatError(
                f"contains directions, but {self.name} needs positions",
                where=str(self.root / GROUND_TRUTH_FILE),
                expected="columns x, y, z in metres",
                hint=f"use {RecordingsDoa.name}, whose task is to find directions",
            )
        self._region()

    def _converted(
        self,
        truth: RecordingGroundTruth,
        given: Kind,  # noqa: ARG002
    ) -> RecordingGroundTruth:
        return truth

    def _region(self) -> Box | None:
        if self._layout.search is None:
            raise FormatError(
                "has no search region",
                where=str(self.root / ARRAY_FILE),
                expected="`search: {min: [x, y, z], max: [x, y, z]}` in metres",
                hint=f"add it, or use {RecordingsDoa.name}, whose task is to find directions only",
            )
        return self._layout.search

    def _files(self, truth: RecordingGroundTruth) -> list[Path]:
        return [self.root / name for name in truth.files]

    def _check_files(self) -> None:
        # Checked at once, so that a long run does not fail at its end.
        for truth in self._ground_truth:
            for name, path in zip(truth.files, self._files(truth), strict=True):
                inside = path.is_relative_to(self.root) and ".." not in path.parts
                if not inside or not path.is_file():
                    raise MissingDataError(
                        f"{name} " + ("does not exist" if inside else "is outside the folder"),
                        where=truth.where,
                        expected=f"audio files inside {self.root}, with paths relative to it",
                        hint="correct the column `file`, or copy the recording to this path",
                    )


class RecordingsDoa(Recordings):
    """A folder of recordings whose sources have known directions from the centre of the array.

    A table with positions can be used, too: they are converted to directions.
    """

    name: ClassVar[str] = "recordings-doa"
    kind: ClassVar[Kind] = "direction"

    def _check_kind(self, given: Kind) -> None:
        pass

    def _region(self) -> Box | None:
        return None

    def _converted(self, truth: RecordingGroundTruth, given: Kind) -> RecordingGroundTruth:
        if given == "direction":
            return truth
        return replace(truth, xyz=_directions(truth.xyz, self._layout.array))


def _directions(xyz: NDArray[np.float64], array: MicArray) -> NDArray[np.float64]:
    """Return unit vectors from the centre of the array to positions, shape (..., 3)."""
    offset = xyz - array.centre
    length: NDArray[np.float64] = np.linalg.norm(offset, axis=-1, keepdims=True)
    return offset / length


def _clusters(truth: RecordingGroundTruth) -> dict[str, str]:
    return {"group": truth.group} if truth.group else {}


def _folder(name: str, request: DatasetRequest) -> Path:
    given = str(request.params.get("root", ""))
    folder = Path(given).expanduser() if given else request.root
    if folder is None or not folder.is_dir():
        raise missing(name, LAYOUT, folder)
    return folder

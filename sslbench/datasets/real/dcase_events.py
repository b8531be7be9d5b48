"""Sound events in rooms from the DCASE challenges, recorded or convolved with recorded responses.

One loader reads five releases. Each has the same recordings as first-order ambisonics (`foa`) and
as the signals of four microphones on a sphere (`mic`), in folders such as ``mic_dev``, with label
files of the same names in ``metadata_dev``. Sources are identified by their event, and their class
is ignored. A time is the middle of a label frame of 100 ms.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sslbench.contracts import Dataset, DatasetRequest
from sslbench.datasets.catalogue import entry
from sslbench.datasets.formats.audio_files import audio_duration, read_audio, read_excerpt
from sslbench.datasets.locate import missing
from sslbench.datasets.mixtures import drawn_pairs
from sslbench.datasets.real.dcase_labels import FRAME, Labels, read_labels, tracks
from sslbench.datasets.real.recording_files import evenly, scenes_sha256
from sslbench.errors import FormatError
from sslbench.scene import MicArray, Prediction, Recording, Scene, Tracks
from sslbench.simulation.seeding import stream
from sslbench.specs import Parameter

__all__ = [
    "AUGMENTED",
    "PARAMETERS",
    "DcaseEvents",
    "Release",
    "Starss22",
    "Starss23",
    "TauNigens2020",
    "TauNigens2021",
    "TauSse2019",
]

FORMAT = Parameter(
    "format",
    "mic",
    "four microphones on a sphere (mic), or first-order ambisonics (foa)",
    choices=("mic", "foa"),
)
PARAMETERS = (FORMAT,)

AUGMENTED = (
    FORMAT,
    Parameter(
        "augment",
        0,
        "number of mixtures of two recordings of one source each, of one fold and room, that are"
        " added to the training split",
        minimum=0,
    ),
)

NAME = re.compile(r"(?:fold|split)(\d)_(?:room|ir)(\d+)_\w+")
ONE_SOURCE = re.compile(r"_ov1(_|$)")
VALIDATION = 5
"""Where there is no fold for validation, every fifth recording of the training folds is used."""

TOLERANCE = 1.0
"""Seconds by which a recording may differ from the length of its release."""


@dataclass(frozen=True)
class Release:
    """What differs between the releases.

    Args:
        folds: of each split; without `validation`, see `VALIDATION`.
        most: largest number of simultaneous events.
        columns: of a label file; 0 for the form of 2019.
        seconds: length of the recordings; 0 if it varies.
        may_be_empty: whether a recording may have no event.
    """

    folds: Mapping[str, frozenset[int]]
    most: int
    columns: int = 5
    seconds: float = 0.0
    may_be_empty: bool = False


@dataclass(frozen=True)
class _Item:
    """One recording, or the mixture of several."""

    name: str
    audio: tuple[Path, ...]
    labels: tuple[Path, ...]
    room: str = ""


class DcaseEvents(Dataset):
    """The recordings of one release.

    Of long recordings only the audio of one window at a time is read.

    Raises:
        MissingDataError: if the folder does not exist or has no such recordings.
        FormatError: if the name of a file does not give its fold and room.
        ParameterError: if there are fewer pairs of recordings than mixtures wanted.
    """

    reads_windows = True
    name: ClassVar[str]
    release: ClassVar[Release]

    def __init__(self, request: DatasetRequest) -> None:
        super().__init__(request)
        self.format = str(request.params.get("format", "mic"))
        self.listed = entry(self.name)
        evaluation = request.split == "evaluation"
        self._set = "eval" if evaluation else "dev"
        layout = f"folders {self.format}_{self._set} and metadata_{self._set}"
        if request.root is None:
            raise missing(self.name, layout)
        self.root = request.root
        found = self._found()
        if not found:
            raise missing(self.name, layout, self.root)
        chosen = found if evaluation else self._of_split(found)
        mixtures = self._mixtures(chosen) if request.split == "train" else []
        self._items = evenly([*chosen, *mixtures], self.listed.limit(request.scale))
        self._labels: dict[Path, Labels] = {}

    def _found(self) -> list[_Item]:
        audio, labels = (
            self.root / f"{self.format}_{self._set}",
            self.root / f"metadata_{self._set}",
        )
        names = sorted(path.relative_to(audio).with_suffix("") for path in audio.rglob("*.wav"))
        return [
            _Item(
                name.as_posix(),
                (audio / name.with_name(f"{name.name}.wav"),),
                (labels / name.with_name(f"{name.name}.csv"),),
            )
            for name in names
        ]

    def _of_split(self, found: Sequence[_Item]) -> list[_Item]:
        folds, split = self.release.folds, self.request.split
        own_validation = "validation" in folds
        wanted = folds["train" if split == "validation" and not own_validation else split]
        chosen = []
        for item in found:
            fold, room = self._fold_and_room(item)
            if fold in wanted:
                chosen.append(replace(item, room=f"fold{fold}_room{room}"))
        if own_validation or split == "test":
            return chosen
        return [
            item
            for number, item in enumerate(chosen)
            if (number % VALIDATION == VALIDATION - 1) == (split == "validation")
        ]

    def _fold_and_room(self, item: _Item) -> tuple[int, int]:
        match = NAME.fullmatch(Path(item.name).name)
        if match is None:
            raise FormatError(
                f"the name {Path(item.name).name!r} does not give fold and room",
                where=str(item.audio[0]),
                expected="a name like fold1_room1_mix001_ov1.wav",
            )
        return int(match[1]), int(match[2])

    def _mixtures(self, chosen: Sequence[_Item]) -> list[_Item]:
        """Return mixtures of random pairs of recordings of one source each."""
        count = int(self.request.params.get("augment", 0))
        if not count:
            return []
        alone = defaultdict(list)
        for item in chosen:
            if ONE_SOURCE.search(Path(item.name).name):
                alone[item.room].append(item)
        pairs = drawn_pairs(alone.values(), count, stream(self.name, "augment"))
        return [_mixture(*pair) for pair in pairs]

    def __len__(self) -> int:
        return len(self._items)

    def scene(self, index: int) -> Scene:
        """Return one recording with its ground truth.

        Raises:
            MissingDataError: if the label file is not there.
            FormatError: if audio or labels are invalid or do not fit each other.
        """
        item = self._items[index]
        truth = self._tracks(item)
        audio = _mixed(
            [
                read_audio(path, channels=4, sample_rate=self.listed.sample_rate)[0]
                for path in item.audio
            ]
        )
        return self._scene(item, audio, truth)

    def truth(self, index: int) -> tuple[str, Prediction]:
        """Return the name and the ground truth of a recording; its audio is not read."""
        item = self._items[index]
        return item.name, Prediction(self._tracks(item))

    def window(self, index: int, rows: slice, context: float = 0.0) -> Scene:
        """Return a part of a recording, for which only that part of the file is read.

        Raises:
            MissingDataError, FormatError: as `scene`.
        """
        item = self._items[index]
        truth = self._tracks(item).at(rows)
        if not len(truth.times):
            return super().window(index, rows, context)
        margin = FRAME / 2 + context
        parts, first, rate = [], 0, 0
        for path in item.audio:
            audio, rate, first = read_excerpt(
                [path], truth.times[0] - margin, truth.times[-1] + margin
            )
            self._check_format(path, audio, rate)
            parts.append(audio)
        return self._scene(item, _mixed(parts), replace(truth, times=truth.times - first / rate))

    def fingerprint(self) -> str:
        """Return a SHA-256 of the names and sizes of the audio, the labels, and the format."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        # A release has several gigabytes of audio, so that its content is not read for this.
        facts = {
            "name": self.name,
            "version": self.listed.version,
            "microphones": self.listed.microphones if self.format == "mic" else None,
            "items": {
                item.name: [path.stat().st_size for path in item.audio] for item in self._items
            },
        }
        labels = [path for item in self._items for path in item.labels if path.is_file()]
        return scenes_sha256(self.root, labels, facts)

    def _scene(self, item: _Item, audio: NDArray[np.float32], truth: Tracks) -> Scene:
        assert self.listed.sample_rate is not None, "in the catalogue"
        recording = Recording(
            id=item.name,
            audio=audio,
            sample_rate=self.listed.sample_rate,
            array=self._array,
            times=truth.times,
            kind="direction",
            frame=FRAME,
            max_sources=self.release.most,
        )
        clusters = {"room": item.room} if item.room else {}
        return Scene(recording, Prediction(truth), clusters)

    @cached_property
    def _array(self) -> MicArray:
        if self.format == "foa":
            return MicArray(format="foa")
        return MicArray(np.array(self.listed.microphones))

    def _check_format(self, path: Path, audio: NDArray[np.float32], rate: int) -> None:
        if (len(audio), rate) != (4, self.listed.sample_rate):
            raise FormatError(
                f"{len(audio)} channels at {rate} Hz",
                where=str(path),
                expected=f"4 channels at {self.listed.sample_rate} Hz",
            )

    def _tracks(self, item: _Item) -> Tracks:
        """Return the events of a recording, after checking its length."""
        seconds = max(self._seconds(path) for path in item.audio)
        frames = int(seconds / FRAME + 1e-6)
        return tracks([self._read_labels(path) for path in item.labels], frames)

    def _seconds(self, path: Path) -> float:
        seconds, usual = audio_duration([path]), self.release.seconds
        if usual and abs(seconds - usual) > TOLERANCE:
            raise FormatError(
                f"is {seconds:.1f} s long",
                where=str(path),
                expected=f"{usual:g} s, as all recordings of this release",
                hint="copy or download it again",
            )
        return seconds

    def _read_labels(self, path: Path) -> Labels:
        if path not in self._labels:
            release = self.release
            self._labels[path] = read_labels(
                path, release.columns, release.most, may_be_empty=release.may_be_empty
            )
        return self._labels[path]


def _mixture(first: _Item, second: _Item) -> _Item:
    return _Item(
        f"{first.name}+{Path(second.name).name}",
        first.audio + second.audio,
        first.labels + second.labels,
        first.room,
    )


def _mixed(parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the mean of recordings, up to the end of the longest one."""
    length = max(part.shape[1] for part in parts)
    padded = [np.pad(part, ((0, 0), (0, length - part.shape[1]))) for part in parts]
    return np.asarray(sum(padded) / np.float32(len(parts)), dtype=np.float32)


def _folds(train: str, validation: str, test: str) -> dict[str, frozenset[int]]:
    named = {"train": train, "validation": validation, "test": test}
    return {split: frozenset(map(int, digits)) for split, digits in named.items() if digits}


class TauSse2019(DcaseEvents):
    """TAU Spatial Sound Events 2019: sources that do not move, at most two at once."""

    name = "tau-sse-2019"
    release = Release(_folds("34", "2", "1"), most=2, columns=0, seconds=60)


class TauNigens2020(DcaseEvents):
    """TAU-NIGENS Spatial Sound Events 2020: moving sources, at most two at once."""

    name = "tau-nigens-2020"
    release = Release(_folds("3456", "2", "1"), most=2, seconds=60)


class TauNigens2021(DcaseEvents):
    """TAU-NIGENS Spatial Sound Events 2021: at most three at once, and unlabelled interferers."""

    name = "tau-nigens-2021"
    release = Release(_folds("1234", "5", "6"), most=3, seconds=60, may_be_empty=True)


class Starss22(DcaseEvents):
    """STARSS22: recordings of people in rooms, at most six sources at once."""

    name = "starss22"
    release = Release(_folds("3", "", "4"), most=6, may_be_empty=True)


class Starss23(DcaseEvents):
    """STARSS23: as STARSS22, with distances, which are not used."""

    name = "starss23"
    release = Release(_folds("3", "", "4"), most=6, columns=6, may_be_empty=True)

"""The recordings of the Multi_SSL repository, in the folder layout of the repository.

One to three loudspeakers were placed around a ReSpeaker USB 4-mic array v2.0. The ground truth is
in the names of the folders: ``a180e20_a225e35/150cm/*.wav`` contains recordings of a source at
azimuth 180 and elevation 20 degrees and a source at azimuth 225 and elevation 35 degrees, at a
distance of 150 cm. The angles in the file names are one degree smaller and are not used. The
sources were placed by hand with unknown accuracy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sslbench.contracts import Dataset, DatasetRequest
from sslbench.datasets.catalogue import entry
from sslbench.datasets.formats.audio_files import read_audio
from sslbench.datasets.locate import missing
from sslbench.datasets.real.recording_files import evenly, scenes_sha256
from sslbench.errors import FormatError, ParameterError
from sslbench.geometry import unit_vector
from sslbench.scene import MicArray, Prediction, Recording, Scene, Tracks
from sslbench.specs import Parameter

__all__ = ["NAME", "PARAMETERS", "RespeakerMultiSsl"]

NAME = "respeaker-multi-ssl"
SOURCE = re.compile(r"a(\d{1,3})e(-?\d{1,2})")
DISTANCE = re.compile(r"\d+cm")
LAYOUT = "folders like a180e20_a225e35/150cm with wav files"

PARAMETERS = (
    Parameter("count", 0, "number of sources of the recordings to use; 0 for all", minimum=0),
)


@dataclass(frozen=True, eq=False)
class _Item:
    path: Path
    directions: NDArray[np.float64]


class RespeakerMultiSsl(Dataset):
    """Real recordings of one to three sources, with one time per recording.

    Raises:
        MissingDataError: if the folder does not exist or contains no recordings.
        ParameterError: if no recording has the requested number of sources.
    """

    def __init__(self, request: DatasetRequest) -> None:
        super().__init__(request)
        if request.root is None:
            raise missing(NAME, LAYOUT)
        # A clone of the repository contains the recordings in a subfolder.
        folders = (request.root, request.root / "data")
        self.root = next((folder for folder in folders if _items(folder)), request.root)
        found = _items(self.root)
        if not found:
            raise missing(NAME, LAYOUT, request.root)
        self._listed = entry(NAME)
        chosen = self._selected(found)
        self._max_sources = max(len(item.directions) for item in chosen)
        self._items = evenly(chosen, self._listed.limit(request.scale))
        self._array = MicArray(np.array(self._listed.microphones))

    def _selected(self, found: list[_Item]) -> list[_Item]:
        count = self.request.params.get("count", 0)
        chosen = [item for item in found if count in (0, len(item.directions))]
        if not chosen:
            counts = sorted({len(item.directions) for item in found})
            raise ParameterError(
                f"no recording has {count} sources",
                where=f"{NAME}: count",
                expected=f"one of {', '.join(map(str, counts))}, or 0 for all",
            )
        return chosen

    def __len__(self) -> int:
        return len(self._items)

    def scene(self, index: int) -> Scene:
        """Return one recording with its ground truth.

        Raises:
            FormatError: if the audio file is invalid.
        """
        item = self._items[index]
        audio, rate = read_audio(
            item.path, channels=self._array.channels, sample_rate=self._listed.sample_rate
        )
        recording = Recording(
            id=item.path.relative_to(self.root).with_suffix("").as_posix(),
            audio=audio,
            sample_rate=rate,
            array=self._array,
            times=np.array([audio.shape[1] / rate / 2]),
            kind="direction",
            max_sources=self._max_sources,
        )
        return Scene(recording, Prediction(Tracks.still(recording, item.directions)))

    def fingerprint(self) -> str:
        """Return a SHA-256 of the selected recordings, the array and the selection."""
        return scenes_sha256(
            self.root,
            [item.path for item in self._items],
            {
                "name": NAME,
                "microphones": self._listed.microphones,
                "sample_rate": self._listed.sample_rate,
                "max_sources": self._max_sources,
            },
        )


def _items(folder: Path) -> list[_Item]:
    return [
        _Item(path, _directions(path.parent.parent))
        for path in sorted(folder.glob("a*/*cm/*.wav"))
        if DISTANCE.fullmatch(path.parent.name)
    ]


def _directions(folder: Path) -> NDArray[np.float64]:
    """Read unit vectors, shape (sources, 3), from the name of a folder."""
    matches = [SOURCE.fullmatch(part) for part in folder.name.split("_")]
    angles = [tuple(map(int, match.groups())) for match in matches if match]
    if len(angles) < len(matches) or any(az > 360 or abs(el) > 90 for az, el in angles):
        raise FormatError(
            f"the folder name {folder.name!r} does not give the directions of the sources",
            where=str(folder),
            expected="a name like a180e20_a225e35: azimuth and elevation in degrees",
        )
    return unit_vector(*np.radians(np.array(angles, dtype=float)).T)

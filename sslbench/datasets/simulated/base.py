"""What simulated data sets share: seeds, identity, rendering when needed, and the cache.

Geometry, and with it the truth, follows from seeds alone and needs no audio. The seeds are named
by suite, split and index: a scene is where it is whatever the run's seed, the scale or the
parameters, so that the same positions are heard at every T60 and a smaller scale is the beginning
of a larger one.
"""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sslbench.contracts import Dataset, DatasetRequest
from sslbench.datasets.simulated.cache import RenderCache, Rendered
from sslbench.errors import UnknownNameError
from sslbench.scene import Condition, Prediction, Recording, Scene, Tracks
from sslbench.simulation.seeding import stream
from sslbench.simulation.sources import GENRES, Genre, SourceBank, folder_identity
from sslbench.specs import Parameter, Scale, Value

__all__ = [
    "GENRE",
    "SOURCES",
    "SimulatedDataset",
    "Sizes",
    "add_noise",
]

Sizes = Mapping[Scale, Mapping[str, int]]
"""Number of scenes by scale and split."""

SOURCES = Parameter(
    "sources",
    "",
    "folder of audio files, e.g. a LibriSpeech tree, to use as source signals; "
    "empty for built-in ones",
    identity=False,
)
"""Where source signals come from. The path does not count; the fingerprint has the contents."""

GENRE = Parameter("genre", "speech", "built-in signals that sources play", choices=GENRES)
"""What the built-in generator makes."""


class SimulatedDataset(Dataset):
    """One split of a simulated data set.

    A suite gives the class variables, `tracks` from seeds alone, `render_one` (or `render`, for
    all scenes of a chunk at once) for what is heard, and `recording` to put it together.

    Raises:
        UnknownNameError: if there is no such split.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    sizes: ClassVar[Sizes]
    parameters: ClassVar[tuple[Parameter, ...]]
    sample_rate: ClassVar[int] = 16000
    chunk: ClassVar[int]
    """Scenes that are rendered and kept together."""

    def __init__(self, request: DatasetRequest) -> None:
        super().__init__(request)
        if request.split not in self.sizes[request.scale]:
            raise UnknownNameError(
                f"{self.name} has no split {request.split!r}",
                expected="one of " + ", ".join(self.sizes[request.scale]),
            )

    @abstractmethod
    def tracks(self, index: int) -> Tracks:
        """Return the truth of a scene, from seeds alone."""

    def render(self, indices: Sequence[int], bank: SourceBank) -> Rendered:
        """Make what is heard in some scenes; override where a batch is faster than a loop."""
        scenes = [self.render_one(index, bank) for index in indices]
        return Rendered(np.stack([audio for audio, _ in scenes]), [about for _, about in scenes])

    def render_one(
        self, index: int, bank: SourceBank
    ) -> tuple[NDArray[np.float32], dict[str, Condition]]:
        """Make what is heard in one scene, shape (rows, samples), and its conditions."""
        raise NotImplementedError

    @abstractmethod
    def recording(
        self, index: int, audio: NDArray[np.float32], conditions: Mapping[str, Condition]
    ) -> Recording:
        """Make the recording of a scene from what `render` gave for it."""

    def __len__(self) -> int:
        """Return the number of scenes."""
        return self.sizes[self.request.scale][self.request.split]

    def scene(self, index: int) -> Scene:
        """Return one scene; its chunk is rendered if it is not in the cache.

        Raises:
            IndexError: if there is no such scene.
            DataError: if source signals cannot be read, or the cache cannot be written.
        """
        truth = Prediction(self.tracks(self._within(index)))
        audio, conditions = self._cache.row(index)
        return Scene(self.recording(index, audio, conditions), truth)

    def truth(self, index: int) -> tuple[str, Prediction]:
        """Return id and truth of a scene without rendering it."""
        return self.id(index), Prediction(self.tracks(self._within(index)))

    def prepare(self) -> None:
        """Render all that is not in the cache."""
        self._cache.fill(f"rendering {self.name} {self.request.split}")

    def fingerprint(self) -> str:
        """Return a SHA-256 of suite, version, parameters, split, scale and source files."""
        return self._fingerprint

    def id(self, index: int) -> str:
        """Return the id of a recording."""
        return f"{self.request.split}-{index:06d}"

    def stream(self, use: str, index: int = 0) -> np.random.Generator:
        """Return the random stream for one use in one scene of this split."""
        return stream(self.name, self.request.split, use, index)

    def value(self, parameter: str) -> Value:
        """Return the value of a parameter, its default where the request has none."""
        defaults = {each.name: each.default for each in self.parameters}
        return self.request.params.get(parameter, defaults[parameter])

    def number(self, parameter: str) -> float:
        """Return the value of a parameter that is a number."""
        return float(self.value(parameter))

    def _within(self, index: int) -> int:
        if not 0 <= index < len(self):
            raise IndexError(f"scene {index} of {len(self)} in {self.name}")
        return index

    @property
    def source_folder(self) -> str:
        """Folder of the signals that this split plays; empty for built-in ones."""
        return str(self.value("sources"))

    @property
    def genre(self) -> Genre:
        """Built-in signals that this split plays."""
        wanted = self.value("genre")
        return next(genre for genre in GENRES if genre == wanted)

    @property
    def shaping(self) -> tuple[Parameter, ...]:
        """Parameters that what is heard in this split depends on."""
        return tuple(each for each in self.parameters if each.identity)

    @cached_property
    def _fingerprint(self) -> str:
        folder = self.source_folder
        files = folder_identity(Path(folder).expanduser(), self.request.split) if folder else ""
        about = {
            "suite": self.name,
            "version": self.version,
            "params": {each.name: self.value(each.name) for each in self.shaping},
            "split": self.request.split,
            "scale": self.request.scale,
            "scenes": len(self),
            "sources": files,
            "high_pass": False,
        }
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()

    @cached_property
    def _bank(self) -> SourceBank:
        return SourceBank.open(self.source_folder, self.genre, self.request.split, self.sample_rate)

    @cached_property
    def _cache(self) -> RenderCache:
        key = self.fingerprint()
        folder = self.request.cache / self.name / key[:16]
        return RenderCache(folder, key, len(self), self.chunk, self._render_range)

    def _render_range(self, indices: range) -> Rendered:
        return self.render(indices, self._bank)


def add_noise(
    audio: NDArray[np.float32], snr_db: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Add white noise, independent between microphones.

    Args:
        audio: shape (channels, samples).
        snr_db: mean power of all channels over the power of the noise, in dB.
        rng: makes the noise.

    Returns:
        Shape (channels, samples).
    """
    power = float(np.mean(np.square(audio, dtype=float)))
    noise = rng.standard_normal(audio.shape, dtype=np.float32)
    return audio + noise * np.float32(np.sqrt(power / 10 ** (snr_db / 10)))

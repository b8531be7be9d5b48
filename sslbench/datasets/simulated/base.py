"""Base class of simulated data sets: random streams, fingerprint, rendering and cache.

The geometry of a scene, and so its ground truth, is computed from random streams without any audio.
The streams are named after data set, split and index of the scene. They do not depend on the seed
of a run, the scale or the parameters, so the same positions are used for every T60, and a smaller
scale contains the first scenes of a larger one.
"""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sslbench.contracts import Dataset, DatasetRequest
from sslbench.cores import usable_cores
from sslbench.datasets.catalogue import entry
from sslbench.datasets.simulated.cache import RenderCache, Rendered, RenderedScene
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
    "rms",
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
"""Origin of the source signals. The fingerprint includes the files of the folder, not its path."""

GENRE = Parameter("genre", "speech", "kind of the built-in source signals", choices=GENRES)
"""Kind of the built-in source signals."""


class SimulatedDataset(Dataset):
    """One split of a simulated data set.

    A subclass defines the class variables; `tracks`, which needs no audio; `render_one` (or
    `render` for all scenes of a chunk at once), which makes the audio; and `recording`, which
    combines everything.

    Raises:
        UnknownNameError: if there is no such split.
    """

    name: ClassVar[str]
    """Name in the catalogue."""

    sizes: ClassVar[Sizes]
    parameters: ClassVar[tuple[Parameter, ...]]
    sample_rate: ClassVar[int] = 16000
    chunk: ClassVar[int]
    """Number of scenes that are rendered and stored together."""
    presented: ClassVar[frozenset[str]] = frozenset()
    """Parameters on which `recording` depends, but not the audio: they share what is rendered."""

    def __init__(self, request: DatasetRequest) -> None:
        super().__init__(request)
        if request.split not in self.sizes[request.scale]:
            raise UnknownNameError(
                f"{self.name} has no split {request.split!r}",
                expected="one of " + ", ".join(self.sizes[request.scale]),
            )

    @property
    def version(self) -> str:
        """Version according to the catalogue."""
        return entry(self.name).version

    @abstractmethod
    def tracks(self, index: int) -> Tracks:
        """Return the ground truth of a scene, without rendering it."""

    def render(self, indices: Sequence[int], bank: SourceBank) -> Rendered:
        """Render several scenes; override this if a batch is faster than a loop."""
        return Rendered.of([self.render_one(index, bank) for index in indices])

    def render_one(self, index: int, bank: SourceBank) -> RenderedScene:
        """Render one scene."""
        raise NotImplementedError

    @abstractmethod
    def recording(
        self, index: int, audio: NDArray[np.float32], conditions: Mapping[str, Condition]
    ) -> Recording:
        """Return the recording of a scene, given the audio and conditions from `render`."""

    def __len__(self) -> int:
        """Return the number of scenes."""
        return self.sizes[self.request.scale][self.request.split]

    @property
    def rendered_scenes(self) -> int:
        """Number of scenes that are rendered: all, unless some are mixtures of others."""
        return len(self)

    def scene(self, index: int) -> Scene:
        """Return one scene, after rendering its chunk if that is not in the cache.

        Raises:
            IndexError: if there is no such scene.
            DataError: if source signals cannot be read or the cache cannot be written.
        """
        truth = Prediction(self.tracks(self._within(index)))
        rendered = self._cache.row(index)
        recording = self.recording(index, rendered.audio, rendered.conditions)
        return Scene(recording, truth, rendered.clusters)

    def truth(self, index: int) -> tuple[str, Prediction]:
        """Return id and truth of a scene without rendering it."""
        return self.id(index), Prediction(self.tracks(self._within(index)))

    def prepare(self) -> None:
        """Render all that is not in the cache, on as many cores as OMP_NUM_THREADS allows."""
        self._cache.fill(f"rendering {self.name} {self.request.split}", usable_cores())

    def fingerprint(self) -> str:
        """Return a SHA-256 of name, version, parameters, split, scale and source files."""
        return self._fingerprint

    def id(self, index: int) -> str:
        """Return the id of the recording of a scene."""
        return f"{self.request.split}-{index:06d}"

    def stream(self, use: str, index: int = 0) -> np.random.Generator:
        """Return the random stream for one purpose in one scene of this split."""
        return stream(self.name, self.request.split, use, index)

    def value(self, parameter: str) -> Value:
        """Return the value of a parameter, or its default if the request has none."""
        defaults = {each.name: each.default for each in self.parameters}
        return self.request.params.get(parameter, defaults[parameter])

    def number(self, parameter: str) -> float:
        """Return the value of a numerical parameter."""
        return float(self.value(parameter))

    def _within(self, index: int) -> int:
        if not 0 <= index < len(self):
            raise IndexError(f"scene {index} of {len(self)} in {self.name}")
        return index

    @property
    def source_folder(self) -> str:
        """Folder of the source signals of this split; empty for built-in signals."""
        return str(self.value("sources"))

    @property
    def genre(self) -> Genre:
        """Kind of the built-in source signals of this split."""
        wanted = self.value("genre")
        return next(genre for genre in GENRES if genre == wanted)

    @property
    def fingerprinted_parameters(self) -> tuple[Parameter, ...]:
        """Parameters on which the scenes of this split depend."""
        return tuple(each for each in self.parameters if each.identity)

    @cached_property
    def _fingerprint(self) -> str:
        return self._digest(self.fingerprinted_parameters)

    def _digest(self, parameters: Iterable[Parameter]) -> str:
        folder = self.source_folder
        files = folder_identity(Path(folder).expanduser(), self.request.split) if folder else ""
        about = {
            "suite": self.name,
            "version": self.version,
            "params": {each.name: self.value(each.name) for each in parameters},
            "split": self.request.split,
            "scale": self.request.scale,
            "scenes": self.rendered_scenes,
            "sources": files,
        }
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()

    @cached_property
    def _bank(self) -> SourceBank:
        return SourceBank.open(self.source_folder, self.genre, self.request.split, self.sample_rate)

    @cached_property
    def _cache(self) -> RenderCache:
        key = self._digest(
            each for each in self.fingerprinted_parameters if each.name not in self.presented
        )
        folder = self.request.cache / self.name / key[:16]
        return RenderCache(folder, key, self.rendered_scenes, self.chunk, self._render_range)

    def _render_range(self, indices: range) -> Rendered:
        return self.render(indices, self._bank)


def rms(audio: NDArray[np.float32]) -> float:
    """Return the root mean square over all samples of audio of any shape."""
    return float(np.sqrt(np.mean(np.square(audio, dtype=float))))

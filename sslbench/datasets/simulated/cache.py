"""Rendered audio on disk, stored in chunks of scenes with one npy and one JSON file per chunk.

The JSON file is written last and contains a checksum of every scene, so a chunk is either complete
or treated as absent. A chunk that is missing, truncated or altered is rendered again. Several
processes may use one folder: a process waits while another one renders a chunk, and then reads it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sslbench.datasets.simulated.render_processes import render_in_processes
from sslbench.errors import StoreError
from sslbench.files import store_errors, write_text, writing
from sslbench.progress import progress_bar
from sslbench.scene import Condition

__all__ = ["RenderCache", "Rendered", "RenderedScene"]

FEWEST_FOR_PROCESSES = 8
"""Chunks from which it pays to start processes."""

HINT = "free some space on the disk, or name another cache folder by SSLBENCH_CACHE"

Audio = NDArray[np.float32]


class RenderedScene(NamedTuple):
    """Result of rendering one scene.

    Args:
        audio: float32, shape (rows, samples).
        conditions: acoustic conditions.
        clusters: groups that the scene shares with others, see `sslbench.scene.Scene`.
    """

    audio: Audio
    conditions: Mapping[str, Condition]
    clusters: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Rendered:
    """Result of rendering several scenes.

    Args:
        audio: float32, shape (scenes, rows, samples).
        conditions: acoustic conditions of each scene.
        clusters: groups that each scene shares with others; empty if there are none.
    """

    audio: Audio
    conditions: Sequence[Mapping[str, Condition]]
    clusters: Sequence[Mapping[str, str]] = ()

    @classmethod
    def of(cls, scenes: Sequence[RenderedScene]) -> Rendered:
        """Combine scenes of equal shape."""
        return cls(
            np.stack([scene.audio for scene in scenes]),
            [scene.conditions for scene in scenes],
            [scene.clusters for scene in scenes],
        )


@dataclass(frozen=True, eq=False)
class _Chunk:
    audio: Audio
    conditions: list[dict[str, Condition]]
    clusters: list[dict[str, str]]
    checksums: list[int]
    checked: set[int] = field(default_factory=set)

    def intact(self, row: int) -> bool:
        """Return whether a scene matches its checksum; each scene is checked once."""
        if row not in self.checked and _checksum(self.audio[row]) == self.checksums[row]:
            self.checked.add(row)
        return row in self.checked


class RenderCache:
    """The scenes of one split, rendered chunk by chunk when they are first requested.

    Args:
        folder: folder of the chunks; created when the first chunk is written.
        key: identity of the scenes; chunks with another key are rendered again.
        scenes: number of scenes.
        chunk: number of scenes per chunk.
        render: function that renders the scenes of a range.
    """

    def __init__(
        self,
        folder: Path,
        key: str,
        scenes: int,
        chunk: int,
        render: Callable[[range], Rendered],
    ) -> None:
        self.folder = folder
        self.key = key
        self.scenes = scenes
        self.chunk = chunk
        self._render = render
        self._open: dict[int, _Chunk] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Pickling a memory map for another process would copy all its contents.
        return {**self.__dict__, "_open": {}}

    def row(self, index: int) -> RenderedScene:
        """Return a scene.

        Raises:
            StoreError: if its chunk has to be written and cannot be.
        """
        number, row = divmod(index, self.chunk)
        chunk = self._get(number)
        if not chunk.intact(row):
            self._discard(number)
            chunk = self._get(number)
        clusters = chunk.clusters[row] if chunk.clusters else {}
        return RenderedScene(chunk.audio[row], chunk.conditions[row], clusters)

    def fill(self, label: str, processes: int = 1) -> None:
        """Render all that is missing, and show progress.

        Args:
            label: label of the progress bar.
            processes: how many chunks are rendered at a time.

        Raises:
            StoreError: if a chunk cannot be written.
        """
        numbers = range(-(-self.scenes // self.chunk))
        missing = [number for number in numbers if number not in self._open]
        missing = [number for number in missing if self._load(number) is None]
        total = sum(len(self._range(number)) for number in missing)
        with progress_bar(label, "scene", total) as bar:
            for number in self._made(missing, processes):
                bar.update(len(self._range(number)))

    def make(self, number: int) -> int:
        """Render a chunk, unless it is there, and return its number."""
        self._get(number)
        return number

    def _made(self, numbers: Sequence[int], processes: int) -> Iterator[int]:
        done: set[int] = set()
        if processes > 1 and len(numbers) >= FEWEST_FOR_PROCESSES:
            for number in render_in_processes(self, numbers, processes):
                done.add(number)
                yield number
        for number in numbers:
            if number not in done:
                yield self.make(number)

    def _range(self, number: int) -> range:
        return range(number * self.chunk, min(self.scenes, (number + 1) * self.chunk))

    def _get(self, number: int) -> _Chunk:
        if number not in self._open:
            self._open[number] = self._load(number) or self._make(number)
        return self._open[number]

    def _make(self, number: int) -> _Chunk:
        from filelock import FileLock

        with self._errors():
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / f"{number:05d}.lock"):
                chunk = self._load(number)  # another process may have rendered it meanwhile
                if chunk is None:
                    self._write(number, self._render(self._range(number)))
                    chunk = self._load(number)
        if chunk is None:
            raise StoreError(
                "a chunk that was just written cannot be read back",
                where=str(self._audio_file(number)),
                hint="check the disk, or set SSLBENCH_CACHE to another folder",
            )
        return chunk

    def _load(self, number: int) -> _Chunk | None:
        try:
            about = json.loads(self._about_file(number).read_text(encoding="utf-8"))
            audio = np.load(self._audio_file(number), mmap_mode="r", allow_pickle=False)
            clusters = about.get("clusters", [])
            chunk = _Chunk(audio, about["conditions"], clusters, about["crc32"])
            valid = about["key"] == self.key and list(audio.shape) == about["shape"]
        except (OSError, ValueError, KeyError, TypeError, EOFError):
            return None
        scenes = len(self._range(number))
        counts = {len(audio), len(chunk.conditions), len(chunk.checksums)}
        return chunk if valid and counts == {scenes} else None

    def _write(self, number: int, rendered: Rendered) -> None:
        about = {
            "key": self.key,
            "shape": rendered.audio.shape,
            "crc32": [_checksum(audio) for audio in rendered.audio],
            "conditions": [dict(each) for each in rendered.conditions],
            "clusters": [dict(each) for each in rendered.clusters],
        }
        with writing(self._audio_file(number), hint=HINT) as file:
            np.save(file, rendered.audio, allow_pickle=False)
        write_text(self._about_file(number), json.dumps(about), hint=HINT)

    def _discard(self, number: int) -> None:
        self._open.pop(number, None)
        with self._errors():
            self._about_file(number).unlink(missing_ok=True)

    def _errors(self) -> AbstractContextManager[None]:
        return store_errors(self.folder, what="rendered scenes cannot be written", hint=HINT)

    def _audio_file(self, number: int) -> Path:
        return self.folder / f"{number:05d}.npy"

    def _about_file(self, number: int) -> Path:
        return self.folder / f"{number:05d}.json"


def _checksum(audio: Audio) -> int:
    return zlib.crc32(np.ascontiguousarray(audio).data)

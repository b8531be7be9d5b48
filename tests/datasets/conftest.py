"""Folders of simulated recordings, with or without a labelling mistake, and an HTTP server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from helpers.http_server import Server
from sslbench.contracts import Dataset, DatasetRequest
from sslbench.datasets.real.recordings import Recordings, RecordingsDoa

RATE = 16000
SPEED = 343.0

SCATTERED = np.array(
    [
        [0.1, 0.2, 0.5],
        [3.8, 0.4, 1.9],
        [3.5, 2.7, 0.3],
        [0.3, 2.9, 2.2],
        [2.1, 0.1, 2.4],
    ]
)
COMPACT = np.array([[0.1, 0.02, 0], [-0.05, 0.09, 0.03], [-0.07, -0.08, 0.01], [0.03, -0.06, 0.1]])


def anechoic(signal, microphones, source, offsets):
    """Delay a signal to each microphone by changing the phases of its spectrum."""
    distance = np.linalg.norm(microphones - source, axis=1)
    spectrum = np.fft.rfft(signal)
    frequency = np.fft.rfftfreq(len(signal), 1 / RATE)
    phase = np.exp(-2j * np.pi * np.outer(distance / SPEED + offsets, frequency))
    return np.fft.irfft(spectrum * phase / distance[:, None], len(signal)) * 0.1


@dataclass
class Folder:
    """True `microphones` and `sources`, and functions that change what is written."""

    path: Path
    microphones: np.ndarray = field(default_factory=lambda: SCATTERED)
    sources: np.ndarray | None = None
    directions: bool = False
    offsets: np.ndarray | float = 0.0
    order: list[int] | None = None
    rate: float = RATE
    write_microphones: Callable[[np.ndarray], np.ndarray] = lambda m: m
    write_sources: Callable[[np.ndarray], np.ndarray] = lambda s: s
    audio: Callable[[np.ndarray], np.ndarray] = lambda a: a

    def write(self) -> Folder:
        rng = np.random.default_rng(7)
        sources = self.sources
        if sources is None:
            sources = rng.uniform([0.2, 0.2, 0.2], [3.8, 2.8, 2.3], (12, 3))
        labels = self.write_sources(self._labels(sources))
        columns = "azimuth_deg,elevation_deg" if self.directions else "x,y,z"
        rows = [f"file,{columns}"]
        for number, (source, label) in enumerate(zip(sources, labels, strict=True)):
            audio = anechoic(rng.standard_normal(RATE // 2), self.microphones, source, self.offsets)
            audio = self.audio(audio if self.order is None else audio[self.order])
            name = f"take{number}.wav"
            soundfile.write(self.path / name, audio.T, round(self.rate), subtype="FLOAT")
            rows.append(name + "," + ",".join(f"{value:.6f}" for value in label))
        (self.path / "truth.csv").write_text("\n".join(rows) + "\n")
        array = {
            "microphones": self.write_microphones(self.microphones).tolist(),
            "search": {"min": [0, 0, 0], "max": [4, 3, 2.5]},
        }
        (self.path / "array.yaml").write_text(yaml.safe_dump(array))
        return self

    def _labels(self, sources: np.ndarray) -> np.ndarray:
        if not self.directions:
            return sources
        x, y, z = (sources - self.microphones.mean(axis=0)).T
        return np.degrees([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))]).T

    def dataset(self, **params) -> Dataset:
        loader = RecordingsDoa if self.directions else Recordings
        values = {"root": str(self.path), "frame": 0.16, **params}
        return loader(DatasetRequest("test", "quick", values, None, self.path))


@pytest.fixture
def positions(tmp_path: Path) -> Callable[..., Folder]:
    """Recordings with scattered microphones; pass fields of `Folder` to change."""
    return lambda **changes: replace(Folder(tmp_path), **changes).write()


@pytest.fixture
def directions(tmp_path: Path) -> Callable[..., Folder]:
    """Recordings with a compact array and sources 20 m away in all directions."""
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((12, 3))
    sources = 20 * vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    base = Folder(tmp_path, microphones=COMPACT, sources=sources, directions=True)
    return lambda **changes: replace(base, **changes).write()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()

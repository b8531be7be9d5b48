"""Recordings with known delays and a network that learned from them, made once for all tests."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sslbench.contracts import Dataset, DatasetRequest, TrainingContext
from sslbench.geometry import Box
from sslbench.scene import MicArray, Prediction, Recording, Scene, Tracks
from sslbench.simulation.anechoic import render_anechoic
from sslbench_ngcc import part as part_module
from sslbench_ngcc.part import NgccPhat

ROOM = Box((0.0, 0.0, 0.0), (4.0, 3.0, 2.5))
MICROPHONES = np.array([[0.5, 0.5, 1.0], [3.5, 0.4, 1.5], [3.2, 2.6, 0.7], [0.6, 2.4, 2.0]])
TIMES = np.array([0.2, 0.5])


def scene_of(index, microphones=MICROPHONES, **options):
    """Make a recording of white noise in free field, with two requested times."""
    rng = np.random.default_rng(index)
    source = rng.uniform((0.5, 0.5, 0.5), (3.5, 2.5, 2.0))
    rate = options.pop("sample_rate", 16000)
    signal = rng.standard_normal((1, rate)).astype(np.float32)
    known = np.where(np.isfinite(microphones), microphones, 1.0)
    audio = render_anechoic(signal, source[None], known, rate, lead=rate // 5)[0]
    recording = Recording(
        f"r{index}", audio, rate, MicArray(microphones), TIMES, frame=0.128, region=ROOM
    )
    recording = replace(recording, **options)
    return Scene(recording, Prediction(Tracks.still(recording, source)))


class Noise(Dataset):
    """White noise at random positions, two times per recording."""

    def __init__(self, split, cache, count=12, **options):
        super().__init__(DatasetRequest(split, "smoke", {}, None, cache))
        self.first = 0 if split == "train" else 1000
        self.count = count
        self.options = options

    def __len__(self):
        return self.count

    def scene(self, index):
        return scene_of(self.first + index, **self.options)

    def fingerprint(self):
        return "0" * 64


@pytest.fixture
def make_scene():
    return scene_of


@pytest.fixture
def noise(tmp_path):
    """Return a function that opens a split: `noise("train", count=3, max_sources=2)`."""

    def open_split(split, **options):
        return Noise(split, tmp_path / "cache", **options)

    return open_split


def context_in(folder, scale="smoke"):
    folder.mkdir(exist_ok=True)
    return TrainingContext(0, scale, folder, lambda report: None)


@pytest.fixture
def context(tmp_path):
    return context_in(tmp_path / "work")


@pytest.fixture
def briefly(monkeypatch):
    """Let a training at smoke scale take one epoch of six frames."""
    brief = replace(part_module.SIZES["smoke"], epochs=1, frames=6, validated=2, reported=2)
    monkeypatch.setitem(part_module.SIZES, "smoke", brief)


@pytest.fixture(scope="session")
def learned(tmp_path_factory):
    """Return the folder of a network that learned delays of white noise in free field."""
    folder = tmp_path_factory.mktemp("ngcc")
    size = replace(part_module.SIZES["smoke"], epochs=3, frames=100, validated=4, reported=8)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(part_module.SIZES, "smoke", size)
        part = NgccPhat()
        cache = folder / "cache"
        part.fit(Noise("train", cache), Noise("validation", cache), context_in(folder / "work"))
    torch.set_num_threads(threads)
    (folder / "saved").mkdir()
    part.save(folder / "saved")
    return Path(folder / "saved")


@pytest.fixture
def part(learned):
    """Return that network, loaded."""
    loaded = NgccPhat()
    loaded.load(learned)
    return loaded

"""Small data sets for tests: single frames of noise, and recordings of two moving sources."""

import hashlib
from typing import ClassVar

import numpy as np

from sslbench.contracts import Dataset
from sslbench.geometry import Box
from sslbench.scene import MicArray, Prediction, Recording, Scene, Tracks

MICS = np.array([[0.0, 0, 0], [4, 0, 0], [0, 4, 0], [0, 0, 3]])


class Counted(Dataset):
    """A data set that notes when a split is opened and when it is fingerprinted."""

    opened: ClassVar[list[str]] = []
    fingerprinted: ClassVar[list[str]] = []

    def __init__(self, request):
        super().__init__(request)
        self.opened.append(request.split)

    def fingerprint(self):
        self.fingerprinted.append(self.request.split)
        return hashlib.sha256(f"{type(self).__name__} {self.request.split}".encode()).hexdigest()


class Noise(Counted):
    """Four recordings of noise in a room; `broken` puts a NaN into one."""

    def __len__(self):
        return 4

    def scene(self, index):
        rng = np.random.default_rng([len(self.request.split), index])
        audio = rng.standard_normal((4, 1600)).astype(np.float32)
        if self.request.params["broken"] and index == 2:
            audio[1, 5] = np.nan
        recording = Recording(
            id=f"noise-{index}",
            audio=audio,
            sample_rate=16000,
            array=MicArray(MICS),
            times=np.array([0.05]),
            region=Box((0, 0, 0), (4, 4, 3)),
            conditions={"snr_db": float(index)},
        )
        return Scene(recording, Prediction(Tracks.still(recording, rng.uniform(0, 3, 3))))


class Square(Counted):
    """Twelve sources anywhere in a room of 6 m, in rooms of two reverberation times."""

    def __len__(self):
        return 12

    def scene(self, index):
        rng = np.random.default_rng([1, index])
        recording = Recording(
            id=f"square-{index}",
            audio=rng.standard_normal((4, 160)).astype(np.float32),
            sample_rate=16000,
            array=MicArray(MICS),
            times=np.array([0.0]),
            region=Box((0, 0, 0), (6, 6, 6)),
            conditions={"t60_s": 0.2 + 0.2 * (index % 2)},
        )
        truth = Prediction(Tracks.still(recording, rng.uniform(0, 6, 3)))
        return Scene(recording, truth, clusters={"talker": f"talker-{index % 3}"})


class Walk(Counted):
    """Three recordings of two sources that walk side by side; one is inactive for a while."""

    FRAMES = 40

    def __len__(self):
        return 3

    def scene(self, index):
        rng = np.random.default_rng([2, len(self.request.split), index])
        times = 0.05 + 0.05 * np.arange(self.FRAMES)
        recording = Recording(
            id=f"walk-{index}",
            audio=rng.standard_normal((4, 33600)).astype(np.float32),
            sample_rate=16000,
            array=MicArray(MICS),
            times=times,
            frame=0.1,
            max_sources=2,
            region=Box((0, 0, 0), (4, 4, 3)),
            reference=rng.standard_normal(33600).astype(np.float32),
        )
        xyz = np.ones((self.FRAMES, 2, 3))
        xyz[:, :, 0] = times[:, None] + 0.1 * index
        xyz[:, 1, 1] = 3.0
        active = np.ones((self.FRAMES, 2), bool)
        active[10:15, 1] = False
        truth = Prediction(Tracks.of(times, xyz, "position", active))
        return Scene(recording, truth, clusters={"talker": f"talker-{index % 2}"})

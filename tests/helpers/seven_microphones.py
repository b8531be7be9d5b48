"""Anechoic recordings of seven microphones, and changes to them, for tests of position methods."""

import hashlib
from dataclasses import replace

import numpy as np

from sslbench.contracts import Dataset, DatasetRequest
from sslbench.geometry import SPEED_OF_SOUND, Box
from sslbench.scene import MicArray, Prediction, Recording, Scene, Tracks

RATE, FRAME = 16000, 2048
ARRAY = np.array(
    [[0.0, 0, 1], [2, 0, 0.5], [0, 2, 1.5], [2, 2, 1], [1, 0, 1.9], [0, 1, 0.2], [2, 1, 0.1]]
)
REGION = Box((0.2, 0.2, 0.2), (1.8, 1.8, 1.8))


class SevenMicrophones(Dataset):
    """White noise without reverberation, from another place in each frame.

    Args:
        request: for split and cache.
        count: number of recordings.
        rows: frames per recording.
        reference: whether there is a microphone at the source.
        moved: metres by which all is moved along x.
    """

    def __init__(self, request, count=18, rows=1, *, reference=False, moved=0.0):
        super().__init__(request)
        self.count, self.rows, self.reference = count, rows, reference
        self.shift = np.array([moved, 0, 0])

    def __len__(self):
        return self.count

    def scene(self, index):
        rng = np.random.default_rng([len(self.request.split), index])
        places = rng.uniform(REGION.low, REGION.high, (self.rows, 3))
        frames = [_frame(rng, place) for place in places]
        audio = np.concatenate(frames, axis=1)
        recording = Recording(
            id=f"{self.request.split}-{index}",
            audio=audio[1:],
            sample_rate=RATE,
            array=MicArray(ARRAY + self.shift),
            times=(np.arange(self.rows) + 0.5) * FRAME / RATE,
            frame=FRAME / RATE,
            region=Box(tuple(REGION.low + self.shift), tuple(REGION.high + self.shift)),
            reference=audio[0] if self.reference else None,
        )
        xyz = places[:, None] + self.shift
        return Scene(recording, Prediction(Tracks.of(recording.times, xyz, "position")))

    def fingerprint(self):
        facts = f"{self.request.split} {self.count} {self.rows} {self.reference} {self.shift}"
        return hashlib.sha256(facts.encode()).hexdigest()


def _frame(rng, place):
    """Return source and microphones, delayed by whole samples, shape (8, FRAME)."""
    delays = np.linalg.norm(ARRAY - place, axis=1) / SPEED_OF_SOUND * RATE
    signal = rng.standard_normal(FRAME + 300).astype(np.float32)
    return np.stack([signal[300 - round(delay) :][:FRAME] for delay in (0, *delays)])


def frames(split, cache, **options):
    return SevenMicrophones(DatasetRequest(split, "smoke", {}, None, cache), **options)


def permuted(recording, order):
    """Return a recording with its microphones in another order."""
    array = MicArray(recording.array.positions[order])
    return replace(recording, audio=recording.audio[order], array=array)


def hidden(recording, *microphones):
    """Return a recording in which the positions of some microphones are unknown."""
    positions = np.array(recording.array.positions)
    positions[list(microphones)] = np.nan
    return replace(recording, array=MicArray(positions))

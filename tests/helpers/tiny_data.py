"""Small data for learned methods: noise from one source in a room, in short recordings or long."""

import hashlib

import numpy as np

from sslbench.contracts import Dataset, DatasetRequest
from sslbench.geometry import SPEED_OF_SOUND, Box
from sslbench.scene import MicArray, Prediction, Recording, Scene, Tracks

RATE = 16000
CLIP = 800
ARRAY = np.array([[0.0, 0, 1], [1, 0, 1], [0, 1, 1], [1, 1, 1.2]])
REGION = Box((0, 0, 1), (1, 1, 1))


class NoiseInRoom(Dataset):
    """White noise without reverberation; a source that jumps to another place every 50 ms.

    Args:
        request: for split and cache.
        count: number of recordings.
        rows: places, and requested times, per recording.
    """

    def __init__(self, request, count=48, rows=1):
        super().__init__(request)
        self.count = count
        self.rows = rows

    def __len__(self):
        return self.count

    def scene(self, index):
        rng = np.random.default_rng([len(self.request.split), index])
        places = rng.uniform([0, 0, 1], [1, 1, 1], (self.rows, 3))
        audio = np.concatenate([delayed_noise(rng, place) for place in places], axis=1)
        recording = Recording(
            id=f"{self.request.split}-{index}",
            audio=audio,
            sample_rate=RATE,
            array=MicArray(ARRAY),
            times=(np.arange(self.rows) + 0.5) * CLIP / RATE,
            frame=None if self.rows == 1 else CLIP / RATE,
            region=REGION,
        )
        return Scene(recording, Prediction(Tracks.of(recording.times, places[:, None], "position")))

    def fingerprint(self):
        facts = f"{self.request.split} {self.count} {self.rows}"
        return hashlib.sha256(facts.encode()).hexdigest()


def delayed_noise(rng, place, samples=CLIP):
    """Return noise that is delayed to each microphone by whole samples, shape (4, samples)."""
    delays = np.linalg.norm(ARRAY - place, axis=1) / SPEED_OF_SOUND * RATE
    signal = rng.standard_normal(samples + 300).astype(np.float32)
    return np.stack([signal[300 - round(delay) :][:samples] for delay in delays])


def noise(split, cache, **options):
    return NoiseInRoom(DatasetRequest(split, "smoke", {}, None, cache), **options)

"""A simulated data set: one noise source in the free field."""

import hashlib
import itertools

import numpy as np
from numpy.typing import NDArray

from sslbench.contracts import Dataset
from sslbench.geometry import SPEED_OF_SOUND, Box
from sslbench.scene import MicArray, Prediction, Recording, Scene, Tracks

SCENES = {"smoke": 8, "quick": 40, "paper": 400}
"""Number of scenes per split at each scale."""

SPLIT_SEEDS = {"train": 0, "validation": 1, "test": 2}
SAMPLE_RATE = 16000
SAMPLES = 2048
MICROPHONES = np.array(list(itertools.product((0.0, 4.0), repeat=3)))
"""Positions in metres, shape (8, 3): the corners of a cube."""


class Whistle(Dataset):
    """White noise from one position, recorded by eight microphones with independent noise.

    The source signal reaches each microphone with a delay and an attenuation that depend on the
    distance. There are no reflections.
    """

    def __len__(self) -> int:
        """Return the number of scenes at the requested scale."""
        return SCENES[self.request.scale]

    def scene(self, index: int) -> Scene:
        """Simulate a scene from a seed of its own, so that scenes can be made in any order."""
        split = self.request.split
        rng = np.random.default_rng([SPLIT_SEEDS[split], index])
        source = rng.uniform(0.5, 3.5, 3)
        recording = Recording(
            id=f"whistle-{split}-{index}",
            audio=self._simulate(rng, source),
            sample_rate=SAMPLE_RATE,
            array=MicArray(MICROPHONES),
            times=np.array([SAMPLES / 2 / SAMPLE_RATE]),
            frame=SAMPLES / SAMPLE_RATE,
            region=Box((0, 0, 0), (4, 4, 4)),
            conditions={"snr_db": self.request.params["snr_db"]},
        )
        return Scene(recording, Prediction(Tracks.still(recording, source)))

    def fingerprint(self) -> str:
        """Return a SHA-256 of everything that determines the scenes.

        The code is not included, so the `version` of the spec must change whenever it changes.
        """
        facts = (self.request.split, len(self), self.request.params["snr_db"])
        return hashlib.sha256(repr(facts).encode()).hexdigest()

    def _simulate(
        self, rng: np.random.Generator, source: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """Return the audio of a source position in metres, shape (8, SAMPLES)."""
        distances = np.linalg.norm(MICROPHONES - source, axis=1)
        delays = distances / SPEED_OF_SOUND
        # A phase shift delays circularly: simulate twice the samples and keep the middle.
        spectrum = np.fft.rfft(rng.standard_normal(2 * SAMPLES))
        frequencies = np.fft.rfftfreq(2 * SAMPLES, 1 / SAMPLE_RATE)
        shifted = spectrum * np.exp(-2j * np.pi * np.outer(delays, frequencies))
        clean = np.fft.irfft(shifted)[:, SAMPLES // 2 : -SAMPLES // 2] / distances[:, None]
        noise = rng.standard_normal(clean.shape) * clean.std()
        snr_db = float(self.request.params["snr_db"])
        return np.asarray(clean + noise * 10 ** (-snr_db / 20), dtype=np.float32)

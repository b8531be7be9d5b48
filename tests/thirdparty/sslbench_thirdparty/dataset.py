"""A data set that is made on the spot."""

import hashlib
import itertools

import numpy as np

from sslbench.contracts import Dataset
from sslbench.geometry import SPEED_OF_SOUND, Box
from sslbench.scene import MicArray, Recording, Scene, Tracks

SIZES = {"smoke": 8, "quick": 40, "paper": 400}
SAMPLE_RATE = 16000
CORNERS = np.array(list(itertools.product((0.0, 4.0), repeat=3)))


class Whistle(Dataset):
    """Noise from one place, delayed and attenuated by distance, with noise at the microphones."""

    def __len__(self) -> int:
        """Return the number of scenes of this scale."""
        return SIZES[self.request.scale]

    def scene(self, index: int) -> Scene:
        """Make one scene from its own seed."""
        rng = np.random.default_rng([self.request.split.encode()[0], index])
        place = rng.uniform(0.5, 3.5, 3)
        recording = Recording(
            id=f"whistle-{self.request.split}-{index}",
            audio=self._render(rng, place),
            sample_rate=SAMPLE_RATE,
            array=MicArray(CORNERS),
            times=np.array([0.064]),
            frame=0.128,
            region=Box((0, 0, 0), (4, 4, 4)),
            conditions={"snr_db": self.request.params["snr_db"]},
        )
        return Scene(recording, Tracks.still(recording, place))

    def _render(self, rng: np.random.Generator, place: np.ndarray) -> np.ndarray:
        distance = np.linalg.norm(CORNERS - place, axis=1)
        spectrum = np.fft.rfft(rng.standard_normal(4096))
        turns = np.outer(distance / SPEED_OF_SOUND, np.fft.rfftfreq(4096, 1 / SAMPLE_RATE))
        clean = np.fft.irfft(spectrum * np.exp(-2j * np.pi * turns))[:, 1024:3072]
        clean /= distance[:, None]
        noise = rng.standard_normal(clean.shape) * clean.std()
        return (clean + noise * 10 ** (-self.request.params["snr_db"] / 20)).astype(np.float32)

    def fingerprint(self) -> str:
        """Return a hash of the rules; the version of the spec changes when they do."""
        facts = (self.request.split, len(self), self.request.params["snr_db"])
        return hashlib.sha256(repr(facts).encode()).hexdigest()

"""A method that uses only the levels of the microphones."""

import numpy as np

from sslbench.contracts import Method
from sslbench.scene import Prediction, Recording, Tracks


class LoudestMicrophone(Method):
    """Predict the mean of the microphone positions, weighted by a power of their level.

    Args:
        power: exponent of the level. 0 gives the centre of the array, a large exponent the
            position of the loudest microphone.
    """

    def __init__(self, *, power: float = 4.0) -> None:
        self.power = power

    def locate(self, recording: Recording) -> Prediction:
        """Return one track at a fixed position, or no detection (NaN) for silence."""
        positions = recording.array.positions
        assert positions is not None, "missing for ambisonic recordings only"
        level = np.sqrt((recording.audio.astype(float) ** 2).mean(axis=1))
        if not level.any():
            return Prediction(Tracks.still(recording, np.full(3, np.nan)))
        weights = (level / level.max()) ** self.power
        return Prediction(Tracks.still(recording, weights @ positions / weights.sum()))

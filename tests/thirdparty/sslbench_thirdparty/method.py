"""A method that trusts loudness."""

import numpy as np

from sslbench.contracts import Method
from sslbench.scene import Prediction, Recording, Tracks


class LoudestMicrophone(Method):
    """Mean of the microphone positions, weighted by a power of their loudness.

    Args:
        power: exponent; 0 gives the middle of the array, a large one the loudest microphone.
    """

    def __init__(self, power: float) -> None:
        self.power = power

    def locate(self, recording: Recording) -> Prediction:
        """Answer one recording with one place for all times; silence gets no answer."""
        loudness = np.sqrt((recording.audio.astype(float) ** 2).mean(axis=1))
        if not loudness.any():
            return Prediction(Tracks.still(recording, np.full((1, 3), np.nan)))
        weights = (loudness / loudness.max()) ** self.power
        place = weights @ recording.array.positions / weights.sum()
        return Prediction(Tracks.still(recording, place))

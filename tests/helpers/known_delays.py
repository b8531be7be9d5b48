"""A part of methods that finds delays by GCC-PHAT, in place of a trained network."""

import math

from sslbench.acoustics.gcc import gcc_phat
from sslbench.contracts import Trainable


class KnownDelays(Trainable):
    """Gives log-probabilities that are proportional to the GCC-PHAT."""

    sample_rate = 16000
    samples = 2048

    def fit(self, train, validation, context):
        """Learn nothing."""

    def save(self, folder):
        """Write nothing."""

    def load(self, folder):
        """Read nothing."""

    def delays(self, frames, max_lag):
        return (20 * gcc_phat(frames, max_lag)).log_softmax(dim=-1)

    def symmetric_delays(self, frames, max_lag):
        return self.delays(frames, max_lag)  # a GCC-PHAT is symmetric

    def evidence(self, frames, max_lag):
        return self.delays(frames, max_lag) + math.log(2 * max_lag + 1)

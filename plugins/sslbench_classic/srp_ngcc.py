"""The search of SRP-PHAT in the log-probabilities of delays of NGCC-PHAT.

The power at a point is the mean over the pairs of the log-probability that the network gives to
the delay of the point, minus the mean of this log-probability in training. If pairs are
independent, its peak is the most likely position, where all positions are equally frequent. No
paper describes this combination; NGCC-PHAT is that of Berg et al. (Interspeech 2022).
"""

from __future__ import annotations

import torch
from torch import Tensor

from sslbench.acoustics.gcc import largest_lag
from sslbench.acoustics.learned_delays import delay_estimator, mean_evidence
from sslbench.contracts import Method
from sslbench.scene import Prediction, Recording
from sslbench_classic.inputs import (
    known_microphones,
    microphone_positions,
    prediction_of_frames,
    search_region,
)
from sslbench_classic.srp_search import Positions, Search

__all__ = ["SrpNgcc"]

UPSAMPLE = 4
"""Points per sample to which log-probabilities are interpolated linearly."""


class SrpNgcc(Method):
    """Locate sources at the peaks of the mean log-probability of their delays.

    Several positions are found one after the other, each at a minimum distance from the previous
    ones. There is no estimate where no position is more likely than on average, as in silence.

    Args:
        grid: spacing of the coarse grid in metres.
        threshold: power that a further source needs, relative to the strongest source.
        separation: smallest distance between two positions in metres.
        channels: width of the network of the part `ngcc`, see `sslbench_ngcc.part.NgccPhat`.
    """

    def __init__(
        self,
        *,
        grid: float = 0.2,
        threshold: float = 0.2,
        separation: float = 0.5,
        channels: int = 0,
    ) -> None:
        self.grid = grid
        self.threshold = threshold
        self.separation = separation
        self.channels = channels
        self._key: object = None
        self._search: Search | None = None

    def locate(self, recording: Recording) -> Prediction:
        """Return `max_sources` tracks per frame, strongest first, NaN where none was found.

        Raises:
            CellError: without the part `ngcc`.
            GeometryError: if delays can be longer than the frames of the network.
        """
        recording = known_microphones(recording)
        part = delay_estimator(self.parts, "srp-ngcc")
        rate, speed = part.sample_rate, recording.speed_of_sound
        max_lag = largest_lag(microphone_positions(recording), rate, speed) + 1
        search = self._prepared(recording, rate, max_lag)
        found = [
            search.peaks(
                _interpolated(mean_evidence(part, frame, recording.sample_rate, max_lag)),
                recording.max_sources,
                self.separation,
                self.threshold,
            )[0]
            for frame in recording.frames()
        ]
        return prediction_of_frames(recording, found)

    def _prepared(self, recording: Recording, rate: int, max_lag: int) -> Search:
        """Return the search for an array and a region; the most recent one is kept."""
        mics, speed = microphone_positions(recording), recording.speed_of_sound
        key = (mics.tobytes(), recording.region, speed, rate)
        if self._search is None or key != self._key:
            region = search_region(recording)
            space = Positions(torch.tensor(mics).float(), region, self.grid, speed)
            step = 1 / (rate * UPSAMPLE)
            self._search = Search(space, step, 2 * max_lag * UPSAMPLE + 1)
            self._key = key
        return self._search


def _interpolated(evidence: Tensor) -> Tensor:
    """Return values per lag, shape (pairs, lags), at `UPSAMPLE` points per sample."""
    points = (evidence.shape[-1] - 1) * UPSAMPLE + 1
    return torch.nn.functional.interpolate(
        evidence[None], points, mode="linear", align_corners=True
    )[0]

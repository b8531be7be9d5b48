"""SRP-PHAT over positions or directions.

The steered response power is that of DiBiase (2000); `srp_search` finds its peaks.

Several directions cannot be separated in the power averaged over time, because the lobes of a
small array merge. Speech is sparse, however: in a short frame a single source dominates. So each
short frame votes for the peaks of its power, and the votes are clustered, similar to the histogram
of Pavlidi et al. (2013).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from sslbench.acoustics.gcc import ROBUST, gcc_phat, largest_lag, mean_gcc_phat, short_frames
from sslbench.array_types import Floats
from sslbench.contracts import Method
from sslbench.scene import Prediction, Recording
from sslbench_classic.direction_votes import clustered
from sslbench_classic.inputs import (
    known_microphones,
    microphone_positions,
    prediction_of_frames,
    search_region,
)
from sslbench_classic.srp_search import Directions, Positions, Search, SearchSpace

__all__ = ["SrpPhat"]

LAGS = 512
"""Correlations are interpolated to at least this many lags on each side of lag 0."""

MAX_UPSAMPLE = 32
"""Largest factor of that interpolation."""

VOTING_FRAMES_PER_WINDOW = 4
"""Frames that vote are shorter by this factor than the frames that are averaged."""

VOTE_POWER = 0.8
"""A frame votes for all peaks with at least this share of its highest power. This also finds
stationary sources that mask each other in every frame. With votes for the highest peak only, the
mean errors for speech were 6.2 and 9.2 degrees."""

VOTING_FRAMES_PER_BATCH = 256
"""Number of voting frames processed at once; bounds the memory needed for long recordings."""


class SrpPhat(Method):
    """Locate sources at the peaks of the steered response power.

    Positions are searched in the region (in its plane if it is flat), directions on the sphere.
    Several positions are found one after the other, each at a minimum distance from the previous
    ones. Several directions are found by the votes of short frames.

    Args:
        grid: spacing of the coarse grid of positions in metres.
        angle: spacing of the coarse grid of directions in degrees.
        window: length in samples of the frames over which correlations are averaged. Frames that
            vote have a quarter of this length.
        threshold: power, or number of votes, that a further source needs, relative to the
            strongest source. For up to three speakers, 0.2 gives F-measures within 20 degrees of
            0.90, 0.92 and 0.88 with one, two and three active speakers (validation split of
            `respeaker-sim`).
        separation: smallest distance between two positions in metres.
        separation_angle: smallest angle between two directions in degrees.
    """

    def __init__(
        self,
        *,
        grid: float = 0.2,
        angle: float = 5.0,
        window: int = 2048,
        threshold: float = 0.2,
        separation: float = 0.5,
        separation_angle: float = 15.0,
    ) -> None:
        self.grid = grid
        self.angle = float(np.radians(angle))
        self.window = window
        self.threshold = threshold
        self.separation = separation
        self.separation_angle = float(np.radians(separation_angle))
        self._key: object = None
        self._search: _GccSearch | None = None

    def locate(self, recording: Recording) -> Prediction:
        """Return `max_sources` tracks per frame, strongest first, NaN where none was found.

        The confidence is the steered response power, of directions among several that with which
        short frames voted.
        """
        recording = known_microphones(recording)
        search = self._prepared(recording)
        separation = self.separation if recording.kind == "position" else self.separation_angle
        several = recording.kind == "direction" and recording.max_sources > 1
        find = search.votes if several else search.peaks
        found, power = zip(
            *(
                find(torch.tensor(frame), recording.max_sources, separation, self.threshold)
                for frame in recording.frames()
            ),
            strict=True,
        )
        return prediction_of_frames(recording, found, power)

    def _prepared(self, recording: Recording) -> _GccSearch:
        """Return the search for an array and a region; the most recent one is kept."""
        mics, speed = microphone_positions(recording), recording.speed_of_sound
        key = (mics.tobytes(), recording.region, recording.kind, recording.sample_rate, speed)
        if self._search is None or key != self._key:
            space: SearchSpace
            if recording.kind == "position":
                region = search_region(recording)
                space = Positions(torch.tensor(mics).float(), region, self.grid, speed)
            else:
                space = Directions(recording.array, self.angle, speed)
            max_lag = largest_lag(mics, recording.sample_rate, speed) + 1
            self._search = _GccSearch(space, recording.sample_rate, max_lag, self.window)
            self._key = key
        return self._search


class _GccSearch:
    """The search of one space in the GCC-PHAT at one sample rate."""

    def __init__(self, space: SearchSpace, sample_rate: int, max_lag: int, window: int) -> None:
        self.space = space
        self.max_lag = max_lag
        self.window = max(window, 2 * max_lag)
        self.upsample = min(MAX_UPSAMPLE, math.ceil(LAGS / max_lag))
        step = 1 / (sample_rate * self.upsample)
        self.search = Search(space, step, 2 * max_lag * self.upsample + 1)

    def peaks(
        self, frame: Tensor, count: int, separation: float, threshold: float
    ) -> tuple[Floats, Floats]:
        """Return at most `count` peaks, then NaN, shape (count, 3), and the power of each."""
        padded = torch.nn.functional.pad(frame, (0, max(0, self.max_lag - frame.shape[1])))
        gcc = mean_gcc_phat(padded, self.window, self.max_lag, self.upsample, ROBUST)
        return self.search.peaks(gcc, count, separation, threshold)

    def votes(
        self, frame: Tensor, count: int, separation: float, threshold: float
    ) -> tuple[Floats, Floats]:
        """Return at most `count` directions by votes of short frames, then NaN, (count, 3).

        The second array has the root of the mean squared power with which frames voted for each.
        """
        points, weight, voters = self._collect_votes(frame)
        found, heights = clustered(points, weight, count, separation, threshold)
        return found, np.sqrt(heights / voters)

    def _collect_votes(self, frame: Tensor) -> tuple[Tensor, Tensor, int]:
        """Return directions with votes, (points, 3), their weights, and the number of voters."""
        length = max(self.window // VOTING_FRAMES_PER_WINDOW, 2 * self.max_lag)
        padded = torch.nn.functional.pad(frame, (0, max(0, length - frame.shape[1])))
        frames = short_frames(padded, length, length // 2)
        tally = torch.zeros(len(self.space.points))
        for batch in torch.split(frames, VOTING_FRAMES_PER_BATCH):
            gcc = gcc_phat(batch, self.max_lag, self.upsample, ROBUST)
            power = self.search.coarse(gcc).clamp_min(0)
            flank = power < power[:, self.search.adjacent()].amax(dim=2)
            weak = power < VOTE_POWER * power.amax(dim=1, keepdim=True)
            # A frame dominated by one source has a higher power and is more reliable.
            tally += power.square().masked_fill(flank | weak, 0).sum(dim=0)
        return self.space.points[tally > 0], tally[tally > 0], len(frames)

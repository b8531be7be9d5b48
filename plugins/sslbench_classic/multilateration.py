"""Multilateration from several candidate delays per pair of microphones.

After Åström et al. (EUSIPCO 2021), as used by Berg et al. (2024) with the peaks of the GCC-PHAT and
with those of NGCC-PHAT.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sslbench.acoustics.gcc import ROBUST, largest_lag, mean_gcc_phat
from sslbench.acoustics.learned_delays import delay_estimator, mean_log_probability
from sslbench.acoustics.peaks import correlation_peaks
from sslbench.array_types import Floats
from sslbench.contracts import Method
from sslbench.scene import Prediction, Recording, Tracks
from sslbench_classic.inputs import known_microphones, microphone_positions, search_region
from sslbench_classic.tdoa_solver import SolverOptions, TdoaSolver

__all__ = ["Multilateration", "SolverCache"]


class SolverCache:
    """Keep the solver of the most recent array: most data sets have only one array.

    Args:
        candidates: number of range differences per pair of microphones.
        options: settings of the solver.
    """

    def __init__(self, candidates: int, options: SolverOptions) -> None:
        self.candidates = candidates
        self.options = options
        self._key: object = None
        self._solver: TdoaSolver | None = None

    def solver(self, recording: Recording) -> TdoaSolver:
        """Return a solver for the array and the region of a recording.

        Raises:
            GeometryError: if the array does not determine positions.
        """
        mics, region = microphone_positions(recording), search_region(recording)
        key = (mics.tobytes(), region)
        if self._solver is None or key != self._key:
            self._solver = TdoaSolver(mics, region, self.candidates, self.options)
            self._key = key
        return self._solver


class Multilateration(Method):
    """Locate one source from several candidate delays per pair, most of which may be wrong.

    The track is NaN in frames in which too few pairs agree on a position.

    Args:
        delays: where candidates are taken from: `gcc`, the peaks of the GCC-PHAT, or `ngcc`, the
            peaks of the log-probabilities of the part `ngcc` (`sslbench_ngcc.part.NgccPhat`).
        peaks: number of peaks taken for each pair.
        hypotheses: number of minimal problems solved per frame.
        threshold: largest residual of an inlier in metres.
        accept: smallest share of the pairs that must agree with an estimate. Independently of
            it, at least 5 pairs must agree (4 at known height), since 3 (2) pairs fit any
            hypothesis exactly. With eleven microphones and noise alone, 1 of 200 frames gets an
            estimate at 0.25, and a third of the frames at 0.2.
        window: length in samples of the frames over which correlations are averaged; audio
            shorter than two of them is taken as one frame. NGCC-PHAT has its own length.
        seed: seed of the random choice of hypotheses.
        channels: width of the network of NGCC-PHAT.
    """

    def __init__(
        self,
        *,
        delays: str = "gcc",
        peaks: int = 4,
        hypotheses: int = 1000,
        threshold: float = 0.1,
        accept: float = 0.25,
        window: int = 2048,
        seed: int = 0,
        channels: int = 0,
    ) -> None:
        self.delays = delays
        self.channels = channels
        self.peaks = peaks
        self.window = window
        options = SolverOptions(
            threshold=threshold, hypotheses=hypotheses, accept=accept, seed=seed
        )
        self._cache = SolverCache(peaks, options)

    def locate(self, recording: Recording) -> Prediction:
        """Return one track, NaN in frames in which too few pairs agree.

        Raises:
            GeometryError: if the array has too few microphones or spans too few dimensions.
        """
        recording = known_microphones(recording)
        solver = self._cache.solver(recording)
        peaks = [self._ranges(frame, recording) for frame in recording.frames()]
        ranges, heights = (torch.stack(each) for each in zip(*peaks, strict=True))
        # With peaks weighted by their height, 111 of 120 scenes of the validation split of
        # luvira-sim[t60=0.3] are within 0.3 m (accept=0.3); with equal weights, 108.
        found: Floats = solver.solve(ranges, heights).numpy()
        xyz = np.broadcast_to(found, (len(recording.times), 3))
        return Prediction(Tracks.of(recording.times, xyz[:, None], recording.kind))

    def _ranges(self, frame: NDArray[np.float32], recording: Recording) -> tuple[Tensor, Tensor]:
        """Return range differences in metres and their weights, each of shape (pairs, peaks)."""
        if self.delays == "ngcc":
            return self._learned_ranges(frame, recording)
        rate, speed = recording.sample_rate, recording.speed_of_sound
        max_lag = largest_lag(microphone_positions(recording), rate, speed) + 1
        length = max(self.window, 2 * max_lag)
        audio = torch.nn.functional.pad(torch.tensor(frame), (0, max(0, max_lag - frame.shape[1])))
        gcc = mean_gcc_phat(audio, length, max_lag, whitening=ROBUST)
        lags, heights = correlation_peaks(gcc, self.peaks)
        return lags.double() * (speed / rate), heights

    def _learned_ranges(
        self, frame: NDArray[np.float32], recording: Recording
    ) -> tuple[Tensor, Tensor]:
        """Return the same from NGCC-PHAT; the weights are logarithms of probability ratios."""
        part = delay_estimator(self.parts, "multilateration")
        rate, speed = part.sample_rate, recording.speed_of_sound
        max_lag = largest_lag(microphone_positions(recording), rate, speed) + 1
        log_probability = mean_log_probability(part, frame, recording.sample_rate, max_lag)
        # Above that of a lag drawn at random, so that the weights are positive.
        lags, heights = correlation_peaks(log_probability + math.log(2 * max_lag + 1), self.peaks)
        return lags.double() * (speed / rate), heights

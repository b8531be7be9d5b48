"""Adapters for the direction-of-arrival (DOA) estimators of pyroomacoustics."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import pyroomacoustics.doa
from numpy.typing import NDArray
from scipy.linalg import LinAlgWarning

from sslbench.array_types import Floats, Integers
from sslbench.contracts import Method
from sslbench.errors import ParameterError
from sslbench.geometry import microphone_pairs, unit_vector
from sslbench.scene import MicArray, Prediction, Recording, Tracks
from sslbench_classic.inputs import is_horizontal, microphone_positions

__all__ = [
    "PraCssm",
    "PraFrida",
    "PraMusic",
    "PraNormMusic",
    "PraSrp",
    "PraTops",
    "PraWaves",
]

SAME_BASELINE = 1e-3
"""Two baselines that differ by less than this, in metres, count as one."""


class _PraMethod(Method):
    """Estimate DOAs with an unmodified class of `pyroomacoustics.doa`.

    A horizontal array cannot distinguish up from down, so only the upper hemisphere is searched
    for it.

    Args:
        nfft: length of the Hann windows in samples; they overlap by half.
        low: lowest frequency used in Hz.
        high: highest frequency used in Hz.
        bins: largest number of frequencies used, evenly spaced in the band. The computation time
            grows with it.
        grid: spacing of the grid in azimuth and in elevation, in degrees.
        dimensions: 3 to search azimuth and elevation, 2 to search azimuth at elevation 0.

    Raises:
        ParameterError: if `nfft` is odd.
    """

    estimator: ClassVar[str]
    """Name of the class in `pyroomacoustics.doa`."""

    def __init__(
        self,
        *,
        nfft: int = 512,
        low: float = 300.0,
        high: float = 3500.0,
        bins: int = 40,
        grid: float = 5.0,
        dimensions: int = 3,
    ) -> None:
        if nfft % 2:
            raise ParameterError(f"nfft={nfft} is odd", expected="an even number of samples")
        self.nfft = nfft
        self.band = (low, high)
        self.bins = bins
        self.grid = np.radians(grid)
        self.dimensions = dimensions

    def locate(self, recording: Recording) -> Prediction:
        """Return `max_sources` tracks per frame, NaN where no peak was found.

        The methods need a noise subspace, so the number of sources they find is at most the
        number of channels minus one. A frame in which a method fails has no estimate.

        Raises:
            ParameterError: if no frequency is left below half the sample rate.
        """
        count = min(recording.max_sources, self._most_sources(recording.array))
        estimator = self._make_estimator(recording, count)
        bins, frames = self._bins(recording.sample_rate), recording.frames()
        found = np.full((len(frames), recording.max_sources, 3), np.nan)
        for row, frame in zip(found, frames, strict=True):
            if frame.any():
                directions = self._peaks(estimator, self._spectra(frame), count, bins)
                row[: len(directions)] = directions
        xyz = np.broadcast_to(found, (len(recording.times), *found.shape[1:]))
        return Prediction(Tracks.of(recording.times, xyz, recording.kind))

    def _most_sources(self, array: MicArray) -> int:
        """Return the largest number of sources that the method can find."""
        return array.channels - 1

    def _bins(self, sample_rate: int) -> Integers:
        """Return the indices of the frequencies that are used."""
        low, high = (round(edge / sample_rate * self.nfft) for edge in self.band)
        bins = np.arange(low, min(high, self.nfft // 2))
        if not len(bins):
            raise ParameterError(
                f"low={self.band[0]:g} and high={self.band[1]:g} leave no frequency",
                where=f"pyroomacoustics {self.estimator} at {sample_rate} Hz",
                expected=f"low < high <= {sample_rate / 2:g}, in Hz",
                hint="change the parameters `low` and `high`",
            )
        spread = np.linspace(0, len(bins) - 1, min(self.bins, len(bins)))
        return np.asarray(bins[spread.round().astype(int)], dtype=np.int64)

    def _make_estimator(self, recording: Recording, count: int) -> Any:
        mics = microphone_positions(recording)
        grid: dict[str, Any] = {"azimuth": _cells(-np.pi, np.pi, self.grid)}
        if self.dimensions == 3:
            lowest = np.pi / 2 if is_horizontal(mics) else np.pi
            # Centres of cells: on a pole, all azimuths would be the same point.
            grid["colatitude"] = _cells(0.0, lowest, self.grid)
        return getattr(pyroomacoustics.doa, self.estimator)(
            (mics - recording.array.centre).T,
            recording.sample_rate,
            self.nfft,
            c=recording.speed_of_sound,
            num_src=count,
            dim=self.dimensions,
            **grid,
            **self._options(recording.array, count),
        )

    def _options(self, array: MicArray, count: int) -> dict[str, Any]:  # noqa: ARG002
        """Return further arguments of the class in pyroomacoustics."""
        return {}

    def _spectra(self, frame: NDArray[np.float32]) -> NDArray[np.complex128]:
        """Return short-time spectra, shape (channels, bins, windows)."""
        audio = np.pad(frame, ((0, 0), (0, max(0, self.nfft - frame.shape[1]))))
        windows = np.lib.stride_tricks.sliding_window_view(audio, self.nfft, axis=1)
        hann = np.hanning(self.nfft + 1)[:-1]
        spectra = np.fft.rfft(windows[:, :: self.nfft // 2] * hann, axis=-1)
        return np.asarray(spectra.swapaxes(1, 2), dtype=np.complex128)

    def _peaks(
        self, estimator: Any, spectra: NDArray[np.complex128], count: int, bins: Integers
    ) -> Floats:
        """Return at most `count` unit vectors, shape (found, 3)."""
        try:
            estimator.locate_sources(spectra, num_src=count, freq_bins=bins)
        except np.linalg.LinAlgError:
            # The covariance is rank deficient, e.g. because a channel is silent in this frame.
            return np.empty((0, 3))
        except ValueError:
            # The coherent methods drop every frequency whose spatial spectrum has too few peaks
            # for an initial estimate. If none is left, they fail when they look for the strongest.
            if estimator.num_freq:
                raise
            return np.empty((0, 3))
        azimuth = np.asarray(estimator.azimuth_recon, dtype=float)
        if self.dimensions == 2:
            return unit_vector(azimuth)
        # pyroomacoustics returns the weakest peak first.
        elevation = np.pi / 2 - np.asarray(estimator.colatitude_recon, dtype=float)
        return unit_vector(azimuth, elevation)[::-1]


def _cells(low: float, high: float, spacing: float) -> Floats:
    """Return the centres of cells of about `spacing` that tile an interval."""
    count = max(1, round((high - low) / spacing))
    return np.asarray(low + (np.arange(count) + 0.5) * ((high - low) / count), dtype=np.float64)


class PraSrp(_PraMethod):
    """Steered response power with phase transform."""

    estimator = "SRP"


class PraMusic(_PraMethod):
    """Multiple signal classification (Schmidt 1986), averaged over frequencies."""

    estimator = "MUSIC"


class PraNormMusic(_PraMethod):
    """MUSIC, normalised per frequency (Salvati, Drioli and Foresti 2014)."""

    estimator = "NormMUSIC"


class PraCssm(_PraMethod):
    """Coherent signal subspace method (Wang and Kaveh 1985)."""

    estimator = "CSSM"


class PraWaves(_PraMethod):
    """Weighted average of signal subspaces (di Claudio and Parisi 2001)."""

    estimator = "WAVES"


class PraTops(_PraMethod):
    """Test of orthogonality of projected subspaces (Yoon, Kaplan and McClellan 2006).

    The band starts at 0 Hz: pyroomacoustics 0.10 uses the k-th of all frequencies in place of the
    k-th frequency of the band, and with a band from 1 kHz it finds the opposite direction. For
    the same reason no frequency can be left out; shorter windows have fewer frequencies.

    Args:
        nfft: length of the Hann windows in samples; they overlap by half.
        high: highest frequency used in Hz.
        grid: spacing of the grid in azimuth and in elevation, in degrees.
        dimensions: 3 to search azimuth and elevation, 2 to search azimuth at elevation 0.
    """

    estimator = "TOPS"

    def __init__(
        self, *, nfft: int = 256, high: float = 3500.0, grid: float = 5.0, dimensions: int = 3
    ) -> None:
        super().__init__(nfft=nfft, low=0.0, high=high, grid=grid, dimensions=dimensions)


class PraFrida(_PraMethod):
    """Finite rate of innovation (Pan et al. 2017): azimuth only, the elevation is always 0.

    The method fits a Fourier series to the correlations. Its order is the number of sources plus
    one, or less where the array has too few distinct baselines to determine that order. A square
    of four microphones has four distinct baselines, which give eight real values. They determine
    order 3, and thus three sources; order 4 has nine unknowns and no solution.

    Args:
        nfft: length of the Hann windows in samples; they overlap by half.
        low: lowest frequency used in Hz.
        high: highest frequency used in Hz.
        bins: largest number of frequencies used, evenly spaced in the band. The computation time
            grows with it.
        seed: seed of the random initial values.
    """

    estimator = "FRIDA"

    def __init__(
        self,
        *,
        nfft: int = 512,
        low: float = 300.0,
        high: float = 3500.0,
        bins: int = 40,
        seed: int = 0,
    ) -> None:
        super().__init__(nfft=nfft, low=low, high=high, bins=bins, dimensions=2)
        self.seed = seed

    def _most_sources(self, array: MicArray) -> int:
        return min(super()._most_sources(array), _largest_order(array))

    def _options(self, array: MicArray, count: int) -> dict[str, Any]:
        return {"max_four": min(count + 1, _largest_order(array))}

    def _peaks(
        self, estimator: Any, spectra: NDArray[np.complex128], count: int, bins: Integers
    ) -> Floats:
        with _numpy_seed(self.seed), warnings.catch_warnings():
            # Some random initial values lead to ill-conditioned systems; FRIDA keeps the best.
            warnings.simplefilter("ignore", LinAlgWarning)
            return super()._peaks(estimator, spectra, count, bins)


def _largest_order(array: MicArray) -> int:
    """Return the largest order of a Fourier series that the horizontal baselines determine."""
    assert array.positions is not None
    i, j = microphone_pairs(array.channels)
    baselines = (array.positions[i] - array.positions[j])[:, :2]
    distance = np.linalg.norm(baselines[:, None] - baselines, axis=-1)
    # A baseline and its reverse give conjugate values, so they count as one.
    distance = np.minimum(distance, np.linalg.norm(baselines[:, None] + baselines, axis=-1))
    distinct = int((np.tril(distance < SAME_BASELINE).sum(axis=1) == 1).sum())
    # A baseline gives two real values. Each order has two unknowns, and the constant has one.
    return max(1, distinct - 1)


@contextmanager
def _numpy_seed(seed: int) -> Iterator[None]:
    """Seed numpy's global generator, from which FRIDA draws, and restore its state afterwards."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002

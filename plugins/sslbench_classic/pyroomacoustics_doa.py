"""The direction finders of pyroomacoustics behind one adapter."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import pyroomacoustics.doa
from numpy.typing import NDArray
from scipy.linalg import LinAlgWarning

from sslbench.contracts import Method
from sslbench.errors import ParameterError
from sslbench.geometry import microphone_pairs, unit_vector
from sslbench.scene import MicArray, Prediction, Recording, Tracks

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
"""Metres by which two baselines differ that count as one."""


class _PraMethod(Method):
    """Find directions with a class of `pyroomacoustics.doa`, as it is.

    A horizontal plane of microphones cannot tell up from down: only the upper half is searched.

    Args:
        nfft: length of the Hann windows in samples; they overlap by half.
        low: lowest frequency used in Hz.
        high: highest frequency used in Hz.
        bins: frequencies that are used, evenly spaced in the band; time grows with them.
        grid: spacing of azimuth, and of elevation, in degrees.
        dimensions: 3 to search azimuth and elevation, 2 for azimuth alone at elevation 0.

    Raises:
        ParameterError: if `nfft` is odd.
    """

    finder: ClassVar[str]

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
        """Answer one recording with `max_sources` tracks, NaN where a peak is missing.

        At most one track less than there are channels is found: the methods need a noise space.
        A frame in which a method fails to find any has none.

        Raises:
            ParameterError: if no frequency is left below half the sample rate.
        """
        count = min(recording.max_sources, self._most(recording.array))
        finder = self._finder(recording, count)
        bins, frames = self._bins(recording.sample_rate), recording.frames()
        found = np.full((len(frames), recording.max_sources, 3), np.nan)
        for answer, frame in zip(found, frames, strict=True):
            if frame.any():
                places = self._peaks(finder, self._spectra(frame), count, bins)
                answer[: len(places)] = places
        xyz = np.broadcast_to(found, (len(recording.times), *found.shape[1:]))
        return Prediction(Tracks.of(recording.times, xyz, recording.kind))

    def _most(self, array: MicArray) -> int:
        return array.channels - 1

    def _bins(self, sample_rate: int) -> NDArray[np.int64]:
        low, high = (round(edge / sample_rate * self.nfft) for edge in self.band)
        bins = np.arange(low, min(high, self.nfft // 2))
        if not len(bins):
            raise ParameterError(
                f"low={self.band[0]:g} and high={self.band[1]:g} leave no frequency",
                where=f"pyroomacoustics {self.finder} at {sample_rate} Hz",
                expected=f"low below high, both in Hz and below {sample_rate / 2:g}",
            )
        spread = np.linspace(0, len(bins) - 1, min(self.bins, len(bins)))
        return np.asarray(bins[spread.round().astype(int)], dtype=np.int64)

    def _finder(self, recording: Recording, count: int) -> Any:
        mics = recording.array.positions
        assert mics is not None, "an encoded format is not offered to a method of microphones"
        grid: dict[str, Any] = {"azimuth": _cells(-np.pi, np.pi, self.grid)}
        if self.dimensions == 3:
            lowest = np.pi / 2 if np.ptp(mics[:, 2]) < 1e-3 else np.pi
            # Middles of cells: a pole would be as many points as there are azimuths.
            grid["colatitude"] = _cells(0.0, lowest, self.grid)
        return getattr(pyroomacoustics.doa, self.finder)(
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
        return {}

    def _spectra(self, frame: NDArray[np.float32]) -> NDArray[np.complex128]:
        """Return the short-time spectra, shape (channels, bins, windows)."""
        audio = np.pad(frame, ((0, 0), (0, max(0, self.nfft - frame.shape[1]))))
        windows = np.lib.stride_tricks.sliding_window_view(audio, self.nfft, axis=1)
        hann = np.hanning(self.nfft + 1)[:-1]
        spectra = np.fft.rfft(windows[:, :: self.nfft // 2] * hann, axis=-1)
        return np.asarray(spectra.swapaxes(1, 2), dtype=np.complex128)

    def _peaks(
        self, finder: Any, spectra: NDArray[np.complex128], count: int, bins: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        try:
            finder.locate_sources(spectra, num_src=count, freq_bins=bins)
        except np.linalg.LinAlgError:
            # A covariance without rank has no answer: a channel may be silent in this frame.
            return np.empty((0, 3))
        except ValueError:
            # The coherent methods drop each frequency whose spectrum has too few peaks to start
            # from, and then fail in looking for the strongest of none.
            if finder.num_freq:
                raise
            return np.empty((0, 3))
        azimuth = np.asarray(finder.azimuth_recon, dtype=float)
        if self.dimensions == 2:
            return unit_vector(azimuth)
        # Peaks come weakest first.
        elevation = np.pi / 2 - np.asarray(finder.colatitude_recon, dtype=float)
        return unit_vector(azimuth, elevation)[::-1]


def _cells(low: float, high: float, spacing: float) -> NDArray[np.float64]:
    count = max(1, round((high - low) / spacing))
    return np.asarray(low + (np.arange(count) + 0.5) * ((high - low) / count), dtype=np.float64)


class PraSrp(_PraMethod):
    """Steered response power with phase transform."""

    finder = "SRP"


class PraMusic(_PraMethod):
    """Multiple signal classification (Schmidt 1986), averaged over frequencies."""

    finder = "MUSIC"


class PraNormMusic(_PraMethod):
    """MUSIC with each frequency normalised (Salvati, Drioli and Foresti 2014)."""

    finder = "NormMUSIC"


class PraCssm(_PraMethod):
    """Coherent signal subspace (Wang and Kaveh 1985)."""

    finder = "CSSM"


class PraWaves(_PraMethod):
    """Weighted average of signal subspaces (di Claudio and Parisi 2001)."""

    finder = "WAVES"


class PraTops(_PraMethod):
    """Test of orthogonality of projected subspaces (Yoon, Kaplan and McClellan 2006).

    The band starts at 0 Hz: pyroomacoustics 0.10 pairs the k-th frequency of the band with the
    k-th of all, and with a band from 1 kHz finds the opposite direction. For the same reason no
    frequency can be left out; shorter windows make fewer of them.

    Args:
        nfft: length of the Hann windows in samples; they overlap by half.
        high: highest frequency used in Hz.
        grid: spacing of azimuth, and of elevation, in degrees.
        dimensions: 3 to search azimuth and elevation, 2 for azimuth alone at elevation 0.
    """

    finder = "TOPS"

    def __init__(
        self, *, nfft: int = 256, high: float = 3500.0, grid: float = 5.0, dimensions: int = 3
    ) -> None:
        super().__init__(nfft=nfft, low=0.0, high=high, grid=grid, dimensions=dimensions)


class PraFrida(_PraMethod):
    """Finite rate of innovation (Pan et al. 2017): azimuth only, so elevation is always 0.

    The Fourier series to which it fits correlations has an order of one more than the sources,
    or of as many where the array has too few distinct baselines to determine more. A square of
    four microphones has four baselines, for eight real values: enough for order 3 and so for
    three sources, where order 4 has nine unknowns and no solution.

    Args:
        nfft: length of the Hann windows in samples; they overlap by half.
        low: lowest frequency used in Hz.
        high: highest frequency used in Hz.
        bins: frequencies that are used, evenly spaced in the band; time grows with them.
        seed: of its random starts.
    """

    finder = "FRIDA"

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

    def _most(self, array: MicArray) -> int:
        return min(super()._most(array), _largest_order(array))

    def _options(self, array: MicArray, count: int) -> dict[str, Any]:
        return {"max_four": min(count + 1, _largest_order(array))}

    def _peaks(
        self, finder: Any, spectra: NDArray[np.complex128], count: int, bins: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        with _numpy_seed(self.seed), warnings.catch_warnings():
            # Some of its random starts lead to ill-conditioned systems; it keeps the best start.
            warnings.simplefilter("ignore", LinAlgWarning)
            return super()._peaks(finder, spectra, count, bins)


def _largest_order(array: MicArray) -> int:
    """Return the largest order of a Fourier series that the horizontal baselines determine."""
    assert array.positions is not None
    i, j = microphone_pairs(array.channels)
    baselines = (array.positions[i] - array.positions[j])[:, :2]
    apart = np.linalg.norm(baselines[:, None] - baselines, axis=-1)
    # A baseline and its reverse measure the same, up to conjugation.
    apart = np.minimum(apart, np.linalg.norm(baselines[:, None] + baselines, axis=-1))
    distinct = int((np.tril(apart < SAME_BASELINE).sum(axis=1) == 1).sum())
    # A baseline gives two real values; an order has two unknowns, and the constant one more.
    return max(1, distinct - 1)


@contextmanager
def _numpy_seed(seed: int) -> Iterator[None]:
    # FRIDA draws from numpy's global generator, which others may rely on.
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002

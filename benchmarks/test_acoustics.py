"""Speed of GCC-PHAT and SRP compared with a loop over pairs and with pyroomacoustics.

``pytest benchmarks/test_acoustics.py`` prints one table per group; compare medians only within one
run. The tests marked `target` check the documented speed-up.
"""

import numpy as np
import pyroomacoustics.doa
import pytest
import torch

from sslbench.acoustics.gcc import gcc_phat, largest_lag
from sslbench.acoustics.srp import SteeredResponse, point_delays
from sslbench.geometry import microphone_pairs

RATE = 16000
SPEED = 343.0
CHANNELS = 11
SAMPLES = 2048
MAX_LAG = 314
POINTS = 100_000
REFERENCE_POINTS = 200
NFFT = 512


@pytest.fixture(scope="module")
def frame():
    return torch.randn(CHANNELS, SAMPLES, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def microphones():
    return np.random.default_rng(0).uniform(0, (7, 8, 2), (CHANNELS, 3))


def _gcc_loop(frame):
    """Compute two transforms, the whitened product and the inverse transform for each pair."""
    length, rows = 2 * frame.shape[1], []
    for i, j in zip(*microphone_pairs(len(frame)), strict=True):
        first, second = torch.fft.rfft(frame[i], n=length), torch.fft.rfft(frame[j], n=length)
        cross = first * second.conj()
        circular = torch.fft.irfft(cross / cross.abs().clamp_min(1e-12), n=length)
        rows.append(torch.cat((circular[-MAX_LAG:], circular[: MAX_LAG + 1])))
    return torch.stack(rows)


def _steered(frame, microphones):
    points = np.random.default_rng(1).uniform(0, (7, 8, 2), (POINTS, 3))
    lag = largest_lag(microphones, RATE, SPEED) + 1
    delays = point_delays(torch.tensor(microphones).float(), torch.tensor(points).float(), SPEED)
    return SteeredResponse(delays, 1 / RATE, 2 * lag + 1), gcc_phat(frame, lag)


def _grid_search(frame, microphones):
    """Return the grid search of pyroomacoustics for one frame, which loops over points."""
    azimuth = np.linspace(0, 2 * np.pi, REFERENCE_POINTS, endpoint=False)
    finder = pyroomacoustics.doa.SRP(microphones.T, RATE, NFFT, azimuth=azimuth, dim=2)
    windows = frame.numpy().reshape(CHANNELS, -1, NFFT) * np.hanning(NFFT)
    spectra = np.fft.rfft(windows, axis=-1).swapaxes(1, 2)
    return lambda: finder.locate_sources(spectra, freq_range=[0.0, RATE / 2])


@pytest.mark.benchmark(group="GCC-PHAT: 55 pairs of 11 x 2048 samples")
def test_gcc_phat(benchmark, frame):
    benchmark(gcc_phat, frame, MAX_LAG)


@pytest.mark.benchmark(group="GCC-PHAT: 55 pairs of 11 x 2048 samples")
def test_gcc_loop_over_pairs(benchmark, frame):
    benchmark(_gcc_loop, frame)


@pytest.mark.target
def test_gcc_phat_is_8_times_as_fast_as_a_loop_over_pairs(frame, median_seconds, say):
    torch.testing.assert_close(gcc_phat(frame, MAX_LAG), _gcc_loop(frame), atol=1e-5, rtol=0)
    ours = median_seconds(lambda: gcc_phat(frame, MAX_LAG), 100)
    loop = median_seconds(lambda: _gcc_loop(frame), 30)
    say(f"GCC-PHAT: {loop / ours:.1f} x a loop over pairs ({1e3 * ours:.2f} ms)")
    assert loop / ours >= 8


@pytest.mark.benchmark(group=f"SRP: {POINTS} points (sslbench) / {REFERENCE_POINTS} points")
def test_steered_response(benchmark, frame, microphones):
    response, gcc = _steered(frame, microphones)
    benchmark(response, gcc)


@pytest.mark.benchmark(group=f"SRP: {POINTS} points (sslbench) / {REFERENCE_POINTS} points")
def test_pyroomacoustics_grid_search(benchmark, frame, microphones):
    benchmark(_grid_search(frame, microphones))


@pytest.mark.target
def test_steered_response_is_1000_times_as_fast_as_pyroomacoustics_per_point(
    frame, microphones, median_seconds, say
):
    response, gcc = _steered(frame, microphones)
    ours = median_seconds(lambda: response(gcc), 20) / POINTS
    theirs = median_seconds(_grid_search(frame, microphones), 5) / REFERENCE_POINTS
    say(f"SRP: {theirs / ours:.0f} x pyroomacoustics per point ({1e9 * ours:.0f} ns)")
    assert theirs / ours >= 1000

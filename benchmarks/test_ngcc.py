"""Speed of NGCC-PHAT: filters once per microphone, beside the network run pair by pair."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from sslbench.training.devices import place
from sslbench_ngcc.networks import FLOOR, NgccNetwork

MICROPHONES = 11
SAMPLES = 2048
MAX_LAG = 314
"""Largest delay of the microphones of LuViRA at 16 kHz."""


@pytest.fixture(params=[(128, 4.0, 1), (16, 7.0, 3)], ids=["paper width", "16 channels"])
def case(request):
    """Return a network, the ratio to reach, and the number of rounds."""
    channels, target, rounds = request.param
    torch.manual_seed(0)
    network = NgccNetwork(channels, 16000, MAX_LAG)
    with torch.no_grad():
        # Statistics and scales other than those of an untrained network.
        network.train()(torch.randn(2, 4, SAMPLES), torch.combinations(torch.arange(4)), 40)
    place(network, torch.device("cpu"))
    return network.eval(), target, rounds


def filtered(network, frame):
    """Filter one frame, shape (samples,), by convolution in the time domain."""
    taps = network.filters[0].taps()
    half = taps.shape[-1] // 2
    padded = functional.pad(frame[None, None], (half, half), mode="circular")
    return network.filters[1:](functional.conv1d(padded, taps[:, None])[:, :, None])[:, :, 0]


def pair_by_pair(network, frames, pairs):
    """Return the logits of a batch of one frame, each pair on its own."""
    logits = []
    for i, j in pairs.tolist():
        first, second = (filtered(network, frames[0, each]) for each in (i, j))
        spectra = [torch.fft.rfft(each, n=2 * SAMPLES) for each in (first, second)]
        cross = spectra[0] * spectra[1].conj()
        gcc = torch.fft.irfft(cross / (cross.abs() + FLOOR))
        lags = torch.cat((gcc[..., -MAX_LAG:], gcc[..., : MAX_LAG + 1]), dim=-1)
        logits.append(network.head(lags[:, :, None])[:, 0, 0])
    return torch.stack(logits, dim=1)


def frame_of_eleven():
    """Return noise that arrives at each microphone at another time, shape (1, 11, samples)."""
    rng = np.random.default_rng(0)
    signal = rng.standard_normal(SAMPLES + 300)
    rows = [signal[start : start + SAMPLES] for start in rng.integers(0, 300, MICROPHONES)]
    noise = 0.3 * rng.standard_normal((MICROPHONES, SAMPLES))
    return torch.tensor(np.array(rows) + noise, dtype=torch.float32)[None]


@pytest.mark.target
def test_shared_filters_are_faster_than_pair_by_pair(case, median_seconds, say):
    network, target, rounds = case
    frames, pairs = frame_of_eleven(), torch.combinations(torch.arange(MICROPHONES))
    with torch.no_grad():
        ours, reference = network(frames, pairs, MAX_LAG), pair_by_pair(network, frames, pairs)
        assert torch.allclose(
            ours.log_softmax(dim=-1), reference.log_softmax(dim=-1), rtol=0, atol=1e-5
        )
        fast = median_seconds(lambda: network(frames, pairs, MAX_LAG), rounds)
        slow = median_seconds(lambda: pair_by_pair(network, frames, pairs), rounds)
    say(
        f"NGCC-PHAT, {network.channels} channels, 55 pairs: shared filters {fast:.2f} s,"
        f" pair by pair {slow:.2f} s: {slow / fast:.1f}x"
    )
    assert slow >= target * fast

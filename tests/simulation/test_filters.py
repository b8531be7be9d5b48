import numpy as np
import pytest

from sslbench.simulation.filters import DELAY, GRANULARITY, convolve, delay_filters, filter_phases


@pytest.mark.parametrize(("lead", "taps"), [(0, 50), (0, 3000), (700, 600), (50, 600)])
def test_convolution_equals_its_definition(lead, taps):
    rng = np.random.default_rng(0)
    signals = rng.standard_normal((2, lead + 1000)).astype(np.float32)
    rirs = rng.standard_normal((2, 3, taps)).astype(np.float32)
    out = convolve(signals, rirs, lead, 1000)
    assert out.shape == (2, 3, 1000)
    for signal, responses, audio in zip(signals, rirs, out, strict=True):
        for rir, channel in zip(responses, audio, strict=True):
            expected = np.convolve(signal.astype(float), rir)[lead + DELAY :][:1000]
            np.testing.assert_allclose(channel[: len(expected)], expected, atol=2e-3)


def test_a_filter_delays_by_its_fraction():
    spectrum = np.fft.rfft(delay_filters(np.array([0.0, 0.25, 0.7])), 512, axis=-1)
    omega = 2 * np.pi * np.arange(257)[:150] / 512
    phase = np.unwrap(np.angle(spectrum[:, :150]), axis=-1)
    delays = -np.polynomial.polynomial.polyfit(omega, phase.T, 1)[1]
    np.testing.assert_allclose(delays, DELAY + np.array([0.0, 0.25, 0.7]), atol=1e-3)


def test_filters_are_interpolated_linearly_between_the_tabulated_ones():
    fraction = 0.4321
    position = (1 - fraction) * GRANULARITY
    row, upper = int(position), position % 1
    table = filter_phases()
    between = (1 - upper) * table[row] + upper * table[row + 1]
    np.testing.assert_allclose(delay_filters(np.array(fraction)), between, atol=2e-6)

"""The network of NGCC-PHAT: filters, correlation, head."""

import numpy as np
import pytest
import torch

from sslbench_ngcc.networks import BLOCK, FILTER_LENGTH, NgccNetwork, SincFilters, channel_gcc


def parameters(channels):
    return sum(each.numel() for each in NgccNetwork(channels, 16000, 314).parameters())


def pairs_of(microphones):
    return torch.combinations(torch.arange(microphones))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return NgccNetwork(4, 16000, 30).eval()


@pytest.fixture
def frames():
    return torch.randn(2, 3, 2048, generator=torch.Generator().manual_seed(0))


def test_the_published_width_has_the_published_number_of_parameters():
    assert parameters(128) == 888_193


@pytest.mark.parametrize(("channels", "count"), [(8, 3_673), (16, 14_257)])
def test_the_width_decides_the_number_of_parameters(channels, count):
    assert parameters(channels) == count


def test_filters_are_symmetric_band_passes_of_unit_middle_tap():
    taps = SincFilters(16, 16000).taps().detach()
    assert taps.shape == (16, FILTER_LENGTH)
    assert torch.allclose(taps, taps.flip(-1), atol=1e-6)
    assert torch.allclose(taps[:, FILTER_LENGTH // 2], torch.ones(16), atol=1e-6)


def test_initial_filters_cover_increasing_bands_below_half_the_sample_rate():
    filters = SincFilters(8, 16000)
    response = np.abs(np.fft.rfft(filters.taps().detach().numpy(), 16000))
    peaks = response.argmax(axis=1)
    assert (np.diff(peaks) > 0).all()
    assert 50 <= peaks[0] < peaks[-1] < 8000


def test_filtering_in_the_frequency_domain_is_a_circular_convolution(frames):
    filters = SincFilters(5, 16000)
    half = FILTER_LENGTH // 2
    padded = torch.nn.functional.pad(frames[0, :, None], (half, half), mode="circular")
    expected = torch.nn.functional.conv1d(padded, filters.taps()[:, None])
    assert torch.allclose(filters(frames[0])[:, :, 0], expected, atol=1e-3)


def test_the_correlation_of_a_channel_has_its_peak_at_the_delay():
    signal = np.random.default_rng(0).standard_normal(2048 + 20)
    # The second microphone receives every sound 20 samples before the first one.
    both = torch.tensor(np.stack([signal[:-20], signal[20:]]))
    first, second = torch.fft.rfft(both, n=4096)[:, None, None]
    assert int(channel_gcc(first, second).argmax()) == 20


def test_the_gradient_at_a_silent_channel_is_finite():
    spectra = torch.zeros(1, 1, 33, dtype=torch.complex64, requires_grad=True)
    channel_gcc(spectra, spectra).sum().backward()
    assert torch.isfinite(torch.view_as_real(spectra.grad)).all()


def test_a_pair_has_the_same_logits_alone_as_among_others(network, frames):
    pairs = pairs_of(3)
    with torch.no_grad():
        together = network(frames, pairs, 30)
        alone = network(frames[1:], pairs[2:], 30)
    assert together.shape == (2, 3, 61)
    assert torch.allclose(together[1:, 2:], alone, atol=1e-5)


def test_blocks_do_not_change_the_logits(network, frames, monkeypatch):
    with torch.no_grad():
        whole = network(frames, pairs_of(3), 30)
        monkeypatch.setitem(BLOCK, "cpu", 1)
        assert torch.allclose(network(frames, pairs_of(3), 30), whole, atol=1e-5)


def test_a_block_is_bounded_in_prediction(network, frames, monkeypatch):
    sizes = []
    original = network.head.forward
    monkeypatch.setattr(
        network.head, "forward", lambda gcc: sizes.append(len(gcc)) or original(gcc)
    )
    monkeypatch.setitem(BLOCK, "cpu", 2 * 4 * 2 * 2049)
    with torch.no_grad():
        network(frames, pairs_of(3), 30)
    assert sizes == [2, 2, 2]


def test_the_symmetrized_logits_are_mirrored_by_exchanging_microphones(network, frames):
    with torch.no_grad():
        forwards, plain = (
            network(frames, torch.tensor([[0, 1]]), 30, symmetric=each) for each in (True, False)
        )
        backwards = network(frames, torch.tensor([[1, 0]]), 30, symmetric=True)
        mirrored = network(frames, torch.tensor([[1, 0]]), 30)
    assert torch.allclose(forwards, backwards.flip(-1), atol=1e-5)
    assert torch.allclose(forwards, (plain + mirrored.flip(-1)) / 2, atol=1e-4)


def test_more_lags_leave_those_in_the_middle_as_they_were(network, frames):
    with torch.no_grad():
        narrow, wide = (network(frames, pairs_of(3), lags) for lags in (40, 60))
    edge = sum(kernel // 2 for kernel in (11, 9, 7, 5))
    inner = narrow[..., edge:-edge]
    assert torch.allclose(wide[..., 20 + edge : -20 - edge], inner, atol=1e-5)

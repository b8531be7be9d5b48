"""GCC-PHAT compared with a loop over pairs; its sign, silent channels and gradient."""

import numpy as np
import pytest
import scipy.signal
import torch

from sslbench.acoustics.gcc import (
    PHAT,
    ROBUST,
    Whitening,
    gcc_phat,
    largest_lag,
    mean_gcc_phat,
    short_frames,
)
from sslbench.geometry import microphone_pairs, tdoa

C = 343.0


def loop_gcc(frame: np.ndarray, max_lag: int) -> np.ndarray:
    """Independent reference: a loop over pairs in numpy."""
    length = 2 * frame.shape[1]
    rows = []
    for i, j in zip(*microphone_pairs(len(frame)), strict=True):
        cross = np.fft.rfft(frame[i], length) * np.conj(np.fft.rfft(frame[j], length))
        circular = np.fft.irfft(cross / np.abs(cross), length)
        rows.append(np.roll(circular, max_lag)[: 2 * max_lag + 1])
    return np.stack(rows)


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_values_equal_those_of_a_loop_over_pairs() -> None:
    frames = noise(3, 11, 2048)
    expected = np.stack([loop_gcc(frame.double().numpy(), 300) for frame in frames])
    np.testing.assert_allclose(gcc_phat(frames, 300).numpy(), expected, atol=1e-5)


def test_the_peak_is_at_the_tdoa() -> None:
    mics = np.array([[0.0, 0, 0], [1, 0, 0], [0, 2, 0]])
    source = np.array([3.0, 1, 0])
    arrival = np.round(np.linalg.norm(source - mics, axis=1) / C * 16000).astype(int)
    signal = noise(4000)
    frame = torch.stack([signal[1000 - a : 3000 - a] for a in arrival])
    lags = gcc_phat(frame, 120).argmax(-1).numpy() - 120
    np.testing.assert_allclose(lags, tdoa(mics, source, C) * 16000, atol=1.01)


@pytest.mark.parametrize("max_lag", [0, 1, 64])
def test_lags_range_from_minus_to_plus_max_lag(max_lag: int) -> None:
    frame = noise(2, 64)
    middle = gcc_phat(frame, 64)[:, 64 - max_lag : 64 + max_lag + 1]
    torch.testing.assert_close(gcc_phat(frame, max_lag), middle)


def test_upsampling_keeps_the_original_values() -> None:
    frame = noise(4, 256)
    torch.testing.assert_close(gcc_phat(frame, 20, upsample=8)[:, ::8], gcc_phat(frame, 20))


def test_the_mean_is_over_frames_that_overlap_by_50_percent() -> None:
    audio = noise(4, 256 + 600 * 128 + 17)
    frames = audio.unfold(-1, 256, 128).transpose(0, 1)
    expected = gcc_phat(frames, 30, 2).mean(dim=0)
    torch.testing.assert_close(mean_gcc_phat(audio, 256, 30, 2), expected, atol=1e-6, rtol=0)


def test_audio_shorter_than_two_frames_is_one_frame() -> None:
    audio = noise(4, 500)
    torch.testing.assert_close(mean_gcc_phat(audio, 256, 30), gcc_phat(audio, 30))


@pytest.mark.parametrize("taper", [0.25, 0.5, 1.0])
def test_the_window_is_a_tukey_window(taper: float) -> None:
    frame = noise(2, 256)
    window = scipy.signal.windows.tukey(513, taper)[1::2]
    expected = gcc_phat(frame * torch.from_numpy(window).float(), 20)
    found = gcc_phat(frame, 20, whitening=Whitening(taper=taper))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_weak_frequencies_have_a_reduced_weight() -> None:
    frame = noise(2, 512).double().numpy()
    spectra = np.fft.rfft(frame, 1024)
    floor = 0.5 * np.sqrt(np.mean(np.abs(spectra) ** 2, axis=1, keepdims=True))
    white = spectra / np.maximum(np.abs(spectra), floor)
    expected = np.fft.irfft(white[0] * np.conj(white[1]))
    found = gcc_phat(torch.from_numpy(frame), 20, whitening=Whitening(floor=0.5))[0]
    np.testing.assert_allclose(found.numpy(), np.roll(expected, 20)[:41], atol=1e-12)


def test_the_window_removes_the_peak_of_a_voice_at_lag_zero() -> None:
    """With a periodic sound at a lag of 20 samples, only truncation gives a peak at lag 0."""
    turns = 2 * torch.pi * 150.3 / 16000 * torch.arange(-20, 2048)
    voice = sum(torch.cos(harmonic * turns) for harmonic in range(1, 20))
    frame = torch.stack((voice[20:], voice[:-20])) + 1e-3 * noise(2, 2048)
    standard, robust = (gcc_phat(frame, 60, whitening=each)[0] for each in (PHAT, ROBUST))
    assert standard[58:63].max() > 0.15
    assert robust[58:63].max() < 0.02
    assert int(robust.argmax()) == 40


@pytest.mark.parametrize("whitening", [PHAT, ROBUST])
def test_a_silent_channel_gives_zeros(whitening: Whitening) -> None:
    frame = noise(3, 128)
    frame[0] = 0
    gcc = gcc_phat(frame, 10, whitening=whitening)
    assert (gcc[:2] == 0).all()
    assert gcc[2].abs().max() > 0


@pytest.mark.parametrize("whitening", [PHAT, ROBUST])
def test_the_gradient_equals_finite_differences_and_is_zero_for_silence(
    whitening: Whitening,
) -> None:
    frame = noise(3, 16).double()
    frame[2] = 0
    frame.requires_grad_()
    gcc_phat(frame, 4, whitening=whitening).square().sum().backward()
    assert frame.grad is not None
    assert (frame.grad[2] == 0).all()
    moved = frame.detach().clone()
    moved[0, 3] += 1e-6
    there, here = (
        gcc_phat(each, 4, whitening=whitening).square().sum() for each in (moved, frame.detach())
    )
    assert float(there - here) / 1e-6 == pytest.approx(float(frame.grad[0, 3]), rel=1e-3)


def test_a_lag_longer_than_the_frame_is_an_error() -> None:
    with pytest.raises(ValueError, match="max_lag is 65, expected 0 to 64"):
        gcc_phat(noise(2, 64), 65)


def test_no_delay_exceeds_the_largest_lag() -> None:
    mics = np.random.default_rng(0).uniform(0, 2, (6, 3))
    far = np.array([[50.0, 0, 0], [0, -50, 0], [0, 0, 50]])
    assert np.abs(tdoa(mics, far, C)).max() * 16000 <= largest_lag(mics, 16000, C)


def test_short_frames_overlap_and_omit_the_rest() -> None:
    audio = torch.arange(11.0)[None]
    assert short_frames(audio, 4, 3)[:, 0].tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]]

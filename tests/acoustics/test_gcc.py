"""GCC-PHAT against a loop over pairs, and its sign, silence and gradient."""

import numpy as np
import pytest
import torch

from sslbench.acoustics.gcc import gcc_phat, largest_lag, mean_gcc_phat, short_frames
from sslbench.geometry import microphone_pairs, tdoa

C = 343.0


def loop_gcc(frame: np.ndarray, max_lag: int) -> np.ndarray:
    """Independent reference: one pair after the other, in numpy."""
    length = 2 * frame.shape[1]
    rows = []
    for i, j in zip(*microphone_pairs(len(frame)), strict=True):
        cross = np.fft.rfft(frame[i], length) * np.conj(np.fft.rfft(frame[j], length))
        circular = np.fft.irfft(cross / np.abs(cross), length)
        rows.append(np.roll(circular, max_lag)[: 2 * max_lag + 1])
    return np.stack(rows)


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_values_are_those_of_a_loop_over_pairs() -> None:
    frames = noise(3, 11, 2048)
    expected = np.stack([loop_gcc(frame.double().numpy(), 300) for frame in frames])
    np.testing.assert_allclose(gcc_phat(frames, 300).numpy(), expected, atol=1e-5)


def test_peak_is_at_the_delay_that_geometry_gives() -> None:
    mics = np.array([[0.0, 0, 0], [1, 0, 0], [0, 2, 0]])
    source = np.array([3.0, 1, 0])
    arrival = np.round(np.linalg.norm(source - mics, axis=1) / C * 16000).astype(int)
    signal = noise(4000)
    frame = torch.stack([signal[1000 - a : 3000 - a] for a in arrival])
    lags = gcc_phat(frame, 120).argmax(-1).numpy() - 120
    np.testing.assert_allclose(lags, tdoa(mics, source, C) * 16000, atol=1.01)


@pytest.mark.parametrize("max_lag", [0, 1, 64])
def test_lags_run_from_minus_to_plus_the_largest(max_lag: int) -> None:
    frame = noise(2, 64)
    middle = gcc_phat(frame, 64)[:, 64 - max_lag : 64 + max_lag + 1]
    torch.testing.assert_close(gcc_phat(frame, max_lag), middle)


def test_upsampling_keeps_the_values_between_which_it_interpolates() -> None:
    frame = noise(4, 256)
    torch.testing.assert_close(gcc_phat(frame, 20, upsample=8)[:, ::8], gcc_phat(frame, 20))


def test_mean_is_the_mean_of_frames_that_overlap_by_half() -> None:
    audio = noise(4, 256 + 600 * 128 + 17)
    frames = audio.unfold(-1, 256, 128).transpose(0, 1)
    expected = gcc_phat(frames, 30, 2).mean(dim=0)
    torch.testing.assert_close(mean_gcc_phat(audio, 256, 30, 2), expected, atol=1e-6, rtol=0)


def test_audio_shorter_than_two_frames_is_one_frame() -> None:
    audio = noise(4, 500)
    torch.testing.assert_close(mean_gcc_phat(audio, 256, 30), gcc_phat(audio, 30))


def test_a_silent_channel_gives_zeros() -> None:
    frame = noise(3, 128)
    frame[0] = 0
    gcc = gcc_phat(frame, 10)
    assert (gcc[:2] == 0).all()
    assert gcc[2].abs().max() > 0


def test_gradient_is_that_of_finite_differences_and_zero_for_silence() -> None:
    frame = noise(3, 16).double()
    frame[2] = 0
    frame.requires_grad_()
    gcc_phat(frame, 4).square().sum().backward()
    assert frame.grad is not None
    assert (frame.grad[2] == 0).all()
    moved = frame.detach().clone()
    moved[0, 3] += 1e-6
    change = gcc_phat(moved, 4).square().sum() - gcc_phat(frame.detach(), 4).square().sum()
    assert float(change) / 1e-6 == pytest.approx(float(frame.grad[0, 3]), rel=1e-3)


def test_a_lag_beyond_the_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="max_lag is 65, expected 0 to 64"):
        gcc_phat(noise(2, 64), 65)


def test_no_delay_exceeds_the_largest_lag() -> None:
    mics = np.random.default_rng(0).uniform(0, 2, (6, 3))
    far = np.array([[50.0, 0, 0], [0, -50, 0], [0, 0, 50]])
    assert np.abs(tdoa(mics, far, C)).max() * 16000 <= largest_lag(mics, 16000, C)


def test_short_frames_overlap_and_leave_out_the_rest() -> None:
    audio = torch.arange(11.0)[None]
    assert short_frames(audio, 4, 3)[:, 0].tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]]

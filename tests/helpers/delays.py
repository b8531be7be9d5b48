"""An independent measurement of delays."""

import numpy as np


def measured_tdoa(audio, sample_rate):
    """Return the TDOA of all pairs in seconds, by GCC-PHAT with 16-fold interpolation.

    Args:
        audio: shape (channels, samples).
        sample_rate: in Hz.
    """
    spectrum = np.fft.rfft(audio * np.hanning(audio.shape[1]), 2 * audio.shape[1])
    i, j = np.triu_indices(len(audio), k=1)
    cross = spectrum[i] * spectrum[j].conj()
    length = 32 * audio.shape[1]
    lag = np.fft.irfft(cross / (np.abs(cross) + 1e-9), length).argmax(axis=1)
    return np.where(lag > length // 2, lag - length, lag) / 16 / sample_rate

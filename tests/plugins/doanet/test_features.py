"""Features of DOAnet: what they show of sounds whose level, frequency and direction are known."""

from dataclasses import replace

import numpy as np
import pytest

from sslbench.errors import FormatError
from sslbench.geometry import unit_vector
from sslbench.scene import MicArray, Recording
from sslbench_doanet.features import BANDS, RATE, channels_of, features, mel_filters

POSITIONS = 0.042 * unit_vector(*np.radians([(45, 35), (-45, -35), (135, -35), (-135, 35)]).T)


def recording_of(audio, rows=10, array=None):
    array = MicArray(POSITIONS) if array is None else array
    times = (np.arange(rows) + 0.5) * 0.1
    return Recording("r", np.float32(audio), RATE, array, times, "direction", frame=0.1)


def noise(rows=10, channels=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((channels, round(rows * 0.1 * RATE)))


class TestShape:
    def test_there_are_five_spectra_per_time(self):
        assert features(recording_of(noise())).shape == (10, 50, 64)

    @pytest.mark.parametrize(("channels", "form", "expected"), [(4, "mics", 10), (4, "foa", 7)])
    def test_channels_are_levels_and_pairs_or_axes(self, channels, form, expected):
        assert channels_of(channels, form) == expected

    def test_ambisonics_have_three_axes(self):
        found = features(recording_of(noise(), array=MicArray(format="foa")))
        assert found.shape == (7, 50, 64)

    def test_a_window_has_the_features_of_the_recording(self):
        whole = recording_of(noise(30), rows=30)
        part = whole.window(slice(10, 20), context=0.04)
        # Levels are limited below relative to the window, which noise does not reach.
        np.testing.assert_allclose(features(part), features(whole)[:, 50:100], rtol=1e-4, atol=1e-4)

    def test_times_at_another_distance_are_refused(self):
        recording = replace(recording_of(noise()), times=np.array([0.05, 0.25]))
        with pytest.raises(FormatError, match=r"estimates every 0.2 s"):
            features(recording)


class TestLevels:
    def test_a_tone_is_in_its_band(self):
        time = np.arange(RATE) / RATE
        found = features(recording_of(np.tile(np.sin(2 * np.pi * 1000 * time), (4, 1))))
        weights = mel_filters().numpy()
        band = weights[:, round(1000 / (RATE / 1024))].argmax()
        assert np.all(found[0, 5:-5].argmax(axis=1) == band)

    def test_twice_the_amplitude_is_six_decibels_more(self):
        audio = noise()
        difference = features(recording_of(2 * audio))[:4] - features(recording_of(audio))[:4]
        np.testing.assert_allclose(difference, 20 * np.log10(2), atol=1e-3)

    def test_the_dynamic_range_is_80_decibels(self):
        audio = noise()
        audio[:, RATE // 2 :] *= 1e-6
        found = features(recording_of(audio))[0]
        assert found.max() - found.min() == pytest.approx(80, abs=1e-3)


class TestMelFilters:
    def test_filters_have_equal_area(self):
        weights = mel_filters().double().numpy()
        area = weights.sum(axis=1) * RATE / 1024
        np.testing.assert_allclose(area[20:], 1, rtol=0.05)

    def test_filters_are_triangles_over_the_whole_range(self):
        weights = mel_filters()
        assert weights.shape == (BANDS, 513)
        assert (weights >= 0).all()
        peaks = weights.argmax(dim=1)
        assert (peaks.diff() >= 0).all()
        assert (weights[:, 3:-1].sum(dim=0) > 0).all()

    def test_bands_are_linear_below_1_khz_and_logarithmic_above(self):
        # 1 kHz is 15 mel and 12 kHz is 15 + 27 log(12) / log(6.4) = 51.144 mel (Slaney 1998).
        peaks = mel_filters().argmax(dim=1) * RATE / 1024
        step = 51.144 / 65
        assert float(peaks[11]) == pytest.approx(12 * step * 200 / 3, abs=24)
        top = 1000 * 6.4 ** ((64 * step - 15) / 27)
        assert float(peaks[63]) == pytest.approx(top, abs=24)


class TestDirections:
    def test_correlations_peak_at_the_delay_of_a_pair(self):
        audio = noise(channels=1)
        delayed = np.concatenate([np.roll(audio, shift, axis=1) for shift in (0, 3, -5, 7)])
        found = features(recording_of(delayed))[4:, 10:-10].mean(axis=1)
        # Pairs (0, 1), (0, 2), (0, 3), ...: arrival at the second minus that at the first.
        assert (found.argmax(axis=1) - 32).tolist() == [3, -5, 7, -8, 4, 12]

    def test_the_intensity_points_to_the_source(self):
        signal = noise(channels=1)[0]
        x, y, z = direction = unit_vector(np.radians(50.0), np.radians(-20.0))
        audio = np.stack([signal, y * signal, z * signal, x * signal])
        found = features(recording_of(audio, array=MicArray(format="foa")))[4:]
        mean = found.mean(axis=(1, 2))[[2, 0, 1]]
        np.testing.assert_allclose(mean / np.linalg.norm(mean), direction, atol=1e-3)

    def test_silence_gives_finite_features(self):
        for array in (MicArray(POSITIONS), MicArray(format="foa")):
            assert np.isfinite(features(recording_of(np.zeros((4, RATE)), array=array))).all()

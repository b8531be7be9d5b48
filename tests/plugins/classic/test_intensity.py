"""intensity-doa: directions of plane waves in ambisonics."""

import numpy as np
import pytest

from sslbench.geometry import angle_between, unit_vector
from sslbench.scene import MicArray, Recording
from sslbench_classic.intensity import IntensityDoa

RATE = 24000


def encoded(signal, azimuth, elevation):
    """Return a plane wave as ambisonics in ACN order with SN3D."""
    x, y, z = unit_vector(np.radians(azimuth), np.radians(elevation))
    return np.stack([signal, y * signal, z * signal, x * signal])


def recording_of(audio, sources=1, rows=5):
    times = (np.arange(rows) + 0.5) * 0.1
    return Recording(
        "r",
        np.float32(audio),
        RATE,
        MicArray(format="foa"),
        times,
        "direction",
        frame=0.1,
        max_sources=sources,
    )


def noise(seed, low=200, high=8000, rows=5):
    """Return noise in a band of frequencies."""
    samples = round(rows * 0.1 * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(samples))
    frequency = np.fft.rfftfreq(samples, 1 / RATE)
    return np.fft.irfft(spectrum * ((frequency > low) & (frequency < high)), samples)


@pytest.mark.parametrize(("azimuth", "elevation"), [(0, 0), (120, 40), (-75, -60), (180, 10)])
def test_a_plane_wave_is_found_within_a_degree(azimuth, elevation):
    tracks = IntensityDoa().locate(recording_of(encoded(noise(0), azimuth, elevation))).tracks
    wanted = unit_vector(np.radians(azimuth), np.radians(elevation))
    assert np.degrees(angle_between(tracks.xyz[:, 0], wanted)).max() < 1
    assert tracks.confidence.min() > 0.9


def test_two_sources_in_different_bands_are_both_found():
    audio = encoded(noise(0, high=4000), 30, 0) + encoded(noise(1, low=4000), -60, 20)
    tracks = IntensityDoa().locate(recording_of(audio, sources=2)).tracks
    for azimuth, elevation in ((30, 0), (-60, 20)):
        wanted = unit_vector(np.radians(azimuth), np.radians(elevation))
        assert np.degrees(angle_between(tracks.xyz, wanted)).min(axis=1).max() < 3


def test_one_source_has_no_second_direction():
    tracks = IntensityDoa().locate(recording_of(encoded(noise(0), 30, 0), sources=2)).tracks
    assert tracks.active[:, 0].all()
    assert not tracks.active[:, 1].any()


def test_diffuse_sound_has_little_confidence():
    rng = np.random.default_rng(0)
    waves = [
        encoded(noise(seed), rng.uniform(-180, 180), np.degrees(np.arcsin(rng.uniform(-1, 1))))
        for seed in range(60)
    ]
    tracks = IntensityDoa().locate(recording_of(sum(waves))).tracks
    assert tracks.confidence.max() < 0.5


def test_silence_has_no_direction():
    tracks = IntensityDoa().locate(recording_of(np.zeros((4, 12000)))).tracks
    assert not tracks.active.any()

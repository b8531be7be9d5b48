"""Multilateration from audio."""

import numpy as np
import pytest

from sslbench.errors import GeometryError
from sslbench.geometry import Box
from sslbench.scene import MicArray, Recording
from sslbench_classic.multilateration import Multilateration


def errors(near, mics, room, count=20, **options) -> np.ndarray:
    method = Multilateration(**options)
    sources = np.random.default_rng(0).uniform(room.low, room.high, (count, 3))
    recordings = [near(mics, source, room, seed=k) for k, source in enumerate(sources)]
    found = np.array([method.locate(r).tracks.xyz[0, 0] for r in recordings])
    return np.asarray(np.linalg.norm(found - sources, axis=1))


def test_the_median_error_in_the_free_field_is_below_a_centimetre(near, luvira, room) -> None:
    distance = errors(near, luvira, room)
    assert np.isfinite(distance).all()
    assert np.median(distance) < 0.01


def test_one_peak_per_pair_is_sufficient_without_echoes(near, luvira, room) -> None:
    assert np.median(errors(near, luvira, room, peaks=1)) < 0.01


def test_five_microphones_are_sufficient(near, luvira, room) -> None:
    distance = errors(near, luvira[:5], room)
    assert np.isfinite(distance).mean() > 0.9
    assert np.nanmedian(distance) < 0.05


def test_a_known_height_is_kept(near, room) -> None:
    mics = np.array([[-3.0, -3, 0.9], [3, -3, 0.9], [3, 3, 0.9], [-2, 3.5, 0.9]])
    flat = Box((-3.5, -4, 0.95), (3.5, 4, 0.95))
    xyz = Multilateration().locate(near(mics, [1.0, -2, 0.95], flat)).tracks.xyz[0, 0]
    np.testing.assert_allclose(xyz, [1, -2, 0.95], atol=0.02)


def test_translating_room_and_array_translates_the_estimate(near, luvira, room) -> None:
    source, shift = np.array([1.0, 2.0, 0.8]), np.array([40.0, -7.0, 3.0])
    moved = Box(tuple(np.add(room.low, shift)), tuple(np.add(room.high, shift)))
    here = Multilateration().locate(near(luvira, source, room)).tracks.xyz
    there = Multilateration().locate(near(luvira + shift, source + shift, moved)).tracks.xyz
    np.testing.assert_allclose(there - shift, here, atol=1e-3)


def test_estimates_are_deterministic(near, luvira, room) -> None:
    recording = near(luvira, [1.0, 2.0, 0.8], room)
    first, second = (Multilateration().locate(recording).tracks.xyz for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_silence_gives_no_detection(luvira, room) -> None:
    times = np.array([0.1, 0.2, 0.3])
    audio = np.zeros((11, 8000), np.float32)
    recording = Recording("r", audio, 16000, MicArray(luvira), times, frame=0.1, region=room)
    tracks = Multilateration().locate(recording).tracks
    assert tracks.times.tolist() == times.tolist()
    assert np.isnan(tracks.xyz).all()
    assert not tracks.active.any()


def test_a_frame_shorter_than_the_delays_is_padded(luvira, room) -> None:
    audio = np.random.default_rng(0).standard_normal((11, 200)).astype(np.float32)
    recording = Recording("r", audio, 16000, MicArray(luvira), np.zeros(1), region=room)
    assert Multilateration().locate(recording).tracks.xyz.shape == (1, 1, 3)


def test_without_frames_the_estimate_is_the_same_at_all_times(near, luvira, room) -> None:
    recording = near(luvira, [1.0, 2.0, 0.8], room, samples=16000, frame=None)
    many = Recording("r", recording.audio, 16000, recording.array, np.arange(5) / 10, region=room)
    xyz = Multilateration().locate(many).tracks.xyz
    np.testing.assert_allclose(xyz, np.broadcast_to([1.0, 2.0, 0.8], (5, 1, 3)), atol=0.01)


def test_too_few_microphones_are_an_error(near, luvira, room) -> None:
    with pytest.raises(GeometryError, match="multilateration: 4 microphones"):
        Multilateration().locate(near(luvira[:4], [0.0, 0, 1], room))

"""Methods that locate from the delays of a trained part."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.known_delays import KnownDelays
from sslbench.acoustics.learned_delays import mean_evidence
from sslbench.errors import CellError
from sslbench.geometry import Box
from sslbench_classic.multilateration import Multilateration
from sslbench_classic.srp_ngcc import SrpNgcc

METHODS = {
    "srp-ngcc": SrpNgcc,
    "multilateration": lambda **params: Multilateration(delays="ngcc", **params),
}


@pytest.fixture(params=METHODS)
def make(request):
    """Return a function that makes a method with a part that gives known delays."""

    def with_part(**params):
        method = METHODS[request.param](**params)
        method.parts = {"ngcc": KnownDelays()}
        return method

    return with_part


def test_a_source_is_found_from_the_delays_of_the_part(make, near, luvira, room):
    source = [1.0, 2.0, 0.8]
    xyz = make().locate(near(luvira, source, room)).tracks.xyz[0, 0]
    np.testing.assert_allclose(xyz, source, atol=0.03)


def test_silence_gives_no_detection(make, near, luvira, room):
    recording = near(luvira, [1.0, 2.0, 0.8], room)
    silent = replace(recording, audio=np.zeros_like(recording.audio))
    assert np.isnan(make().locate(silent).tracks.xyz).all()


def test_a_known_height_is_kept(make, near, room):
    mics = np.array([[-3.0, -3, 0.9], [3, -3, 0.9], [3, 3, 0.9], [-2, 3.5, 0.9]])
    flat = Box((-3.5, -4, 0.95), (3.5, 4, 0.95))
    xyz = make().locate(near(mics, [1.0, -2, 0.95], flat)).tracks.xyz[0, 0]
    np.testing.assert_allclose(xyz, [1, -2, 0.95], atol=0.05)


def test_audio_of_another_sample_rate_is_resampled(make, near, luvira, room):
    recording = near(luvira, [1.0, 2.0, 0.8], room, samples=4096)
    doubled = np.repeat(recording.audio, 2, axis=1)
    other = replace(recording, audio=doubled, sample_rate=32000)
    xyz = make().locate(other).tracks.xyz[0, 0]
    np.testing.assert_allclose(xyz, [1.0, 2.0, 0.8], atol=0.05)


def test_without_a_trained_part_there_is_an_error(near, luvira, room):
    recording = near(luvira, [1.0, 2.0, 0.8], room)
    for name, make_method in METHODS.items():
        with pytest.raises(CellError, match=f"{name}: used before its estimator of delays"):
            make_method().locate(recording)


def test_two_positions_are_both_found(near, luvira, room):
    positions = np.array([[1.0, 2.0, 0.5], [-1.5, -1.0, 1.2]])
    one, two = (near(luvira, each, room, seed=k) for k, each in enumerate(positions))
    both = replace(one, audio=one.audio + two.audio, max_sources=2)
    method = SrpNgcc(threshold=0.1)
    method.parts = {"ngcc": KnownDelays()}
    xyz = method.locate(both).tracks.xyz[0]
    distance = np.linalg.norm(xyz[:, None] - positions[None], axis=-1)
    assert distance.min(axis=0).max() < 0.1


def test_the_evidence_of_a_long_frame_is_the_mean_over_short_frames():
    audio = np.random.default_rng(0).standard_normal((2, 5000)).astype(np.float32)
    part = KnownDelays()
    frames = torch.tensor(np.stack([audio[:, :2048], audio[:, 1024:3072], audio[:, 2048:4096]]))
    expected = part.delays(frames, 20).mean(dim=0) + math.log(41)
    assert torch.allclose(mean_evidence(part, audio, 16000, 20), expected, atol=1e-5)


def test_a_short_frame_is_padded():
    audio = np.random.default_rng(0).standard_normal((2, 500)).astype(np.float32)
    assert mean_evidence(KnownDelays(), audio, 16000, 20).shape == (1, 41)

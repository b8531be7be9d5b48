"""The simulated frames that LuViRA is trained with beside the real ones."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from helpers.delays import measured_tdoa
from helpers.luvira_files import opened
from sslbench.contracts import Windowing
from sslbench.datasets.real.luvira_companion import Companion, Played
from sslbench.datasets.simulated.luvira_sim import MICROPHONES, REGION
from sslbench.datasets.windows import Windows

RATE, FRAME = 16000, 2048
REAL = 6
"""Real recordings of the training split."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def train(all_recordings, cache):
    return opened(all_recordings, cache, "train", hop=8000, companion=True, reference=True)


def test_there_is_one_simulated_frame_for_each_real_one(train):
    real = sum(len(train.truth(index)[1].tracks.times) for index in range(REAL))
    assert len(train) == REAL + real
    assert len(Windows(train, Windowing(rows=1, context=FRAME / RATE))) == 2 * real
    assert f"{real} simulated frames (companion)" in train.report()


def test_a_simulated_frame_is_a_recording_of_its_own(train):
    scene = train.scene(REAL + 1)
    recording = scene.recording
    assert recording.id == "music1-train-simulated-00001"
    assert recording.audio.shape == (11, FRAME)
    assert_array_equal(recording.times, [FRAME / 2 / RATE])
    assert_array_equal(recording.array.positions, train.scene(0).recording.array.positions)
    assert recording.region == train.scene(0).recording.region
    assert train.truth(REAL + 1)[0] == recording.id
    assert_array_equal(train.truth(REAL + 1)[1].tracks.xyz, scene.truth.tracks.xyz)
    assert scene.clusters == {"trajectory": "music1-train"}


def test_positions_are_anywhere_and_not_at_a_microphone(train):
    found = np.array([train.truth(i)[1].tracks.xyz[0, 0] for i in range(REAL, len(train))])
    assert (found >= REGION.low).all()
    assert (found <= REGION.high).all()
    assert len(np.unique(found[:, 0])) == len(found)
    nearest = np.linalg.norm(found[:, None] - MICROPHONES, axis=-1).min()
    assert nearest >= 0.3 - 1e-5  # the files have the positions to a micrometre


def test_t60_and_noise_are_in_their_ranges(train):
    about = [train.scene(index).recording.conditions for index in range(REAL, REAL + 20)]
    assert all(0 <= each["t60_wanted_s"] <= 0.4 and 10 <= each["snr_db"] <= 30 for each in about)
    assert np.std([each["t60_wanted_s"] for each in about]) > 0.05


def test_other_splits_are_as_without_a_companion(all_recordings, cache):
    for split in ("validation", "test"):
        plain, with_companion = (
            opened(all_recordings, cache, split, companion=each) for each in (False, True)
        )
        assert len(with_companion) == len(plain)
        assert with_companion.fingerprint() == plain.fingerprint()


def test_it_is_part_of_the_identity_of_training_data(all_recordings, cache):
    plain, with_companion = (
        opened(all_recordings, cache, "train", companion=each) for each in (False, True)
    )
    assert with_companion.fingerprint() != plain.fingerprint()


def test_preparing_renders_all_frames(all_recordings, cache, train, monkeypatch):
    train.prepare()
    again = opened(all_recordings, cache, "train", hop=8000, companion=True)
    monkeypatch.setattr("sslbench.datasets.real.luvira_companion._Renderer.__call__", None)
    assert again.scene(len(again) - 1).recording.reference is None


@pytest.fixture
def chirps(tmp_path):
    """Return a companion that plays noise with a pause of two seconds in its middle."""
    rng = np.random.default_rng(0)
    signal = rng.standard_normal(6 * RATE).astype(np.float32)
    signal[2 * RATE : 4 * RATE] = 0
    starts = np.array([0, 5000, 2 * RATE - FRAME, 5 * RATE])
    played = Played("noise", signal, starts, MICROPHONES)
    return Companion([played], REGION, reference=True, cache=tmp_path), signal


def test_delays_agree_with_the_positions(chirps):
    companion, _ = chirps
    for index in range(len(companion)):
        scene = companion.scene(index)
        distance = np.linalg.norm(MICROPHONES - scene.truth.tracks.xyz[0, 0], axis=1)
        nearest, other = np.argsort(distance)[:2]
        pair = scene.recording.audio[[nearest, other]]
        expected = (distance[nearest] - distance[other]) / scene.recording.speed_of_sound
        assert measured_tdoa(pair, RATE)[0] == pytest.approx(expected, abs=1.0 / RATE)


def test_the_signal_is_shifted_by_up_to_50_ms(chirps):
    companion, signal = chirps
    shifts = []
    for index, start in ((1, 5000), (3, 5 * RATE)):
        reference = companion.scene(index).recording.reference
        near = signal[start - 800 : start + 800 + FRAME]
        windows = np.lib.stride_tricks.sliding_window_view(near, FRAME)
        match = np.abs(windows - reference).max(axis=1)
        assert match.min() == 0
        shifts.append(match.argmin() - 800)
    assert all(abs(each) <= 800 for each in shifts)
    assert len(set(shifts)) == 2


def test_a_shift_does_not_lead_into_a_pause(chirps):
    companion, _ = chirps
    for index in range(len(companion)):
        reference = companion.scene(index).recording.reference
        assert np.square(reference).mean() > 0.05


def test_the_same_recordings_give_the_same_frames(chirps, tmp_path):
    companion, _ = chirps
    again = Companion(companion.played, REGION, reference=False, cache=tmp_path / "other")
    assert_allclose(again.scene(2).recording.audio, companion.scene(2).recording.audio)

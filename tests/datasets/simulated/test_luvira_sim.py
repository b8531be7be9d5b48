"""The simulated counterpart of LuViRA: rooms, presets, excerpts and what overrides a preset."""

import numpy as np
import pytest

from helpers.delays import measured_tdoa
from sslbench.datasets.simulated import luvira_sim
from sslbench.datasets.simulated.luvira_conditions import CONDITIONS, conditions
from sslbench.datasets.simulated.luvira_sim import LuviraSim
from sslbench.datasets.simulated.ranges import Range
from sslbench.errors import ParameterError


def test_microphones_and_sources_are_in_the_room(make):
    assert luvira_sim.ROOM.contains(luvira_sim.MICROPHONES, -0.14).all()
    np.testing.assert_allclose(luvira_sim.ROOM.size, [7, 8, 2])
    dataset = make(LuviraSim, scale="paper")
    xyz = np.array([dataset.truth(i)[1].tracks.xyz[0, 0] for i in range(len(dataset))])
    assert luvira_sim.REGION.contains(xyz).all()
    distance = np.linalg.norm(xyz[:, None] - luvira_sim.MICROPHONES, axis=-1)
    assert distance.min() >= luvira_sim.MIN_MICROPHONE_DISTANCE


def test_positions_do_not_depend_on_parameters(make):
    drawn, given = make(LuviraSim), make(LuviraSim, t60="0.2", snr_db="0", preset="hall")
    np.testing.assert_array_equal(drawn.truth(5)[1].tracks.xyz, given.truth(5)[1].tracks.xyz)


def test_it_provides_the_source_microphone_only_on_request(make):
    assert make(LuviraSim).scene(0).recording.reference is None
    recording = make(LuviraSim, reference=True, t60="0", snr_db="100").scene(0).recording
    scene = make(LuviraSim, reference=True, t60="0", snr_db="100").scene(0)
    assert recording.reference.shape == (2048,)
    nearest = np.linalg.norm(luvira_sim.MICROPHONES - scene.truth.tracks.xyz[0, 0], axis=1)
    pair = np.stack([recording.audio[nearest.argmin()], recording.reference])
    delay = nearest.min() / recording.speed_of_sound
    assert measured_tdoa(pair, 16000)[0] == pytest.approx(delay, abs=0.1 / 16000)


def test_what_methods_are_shown_needs_no_rendering_of_its_own(make):
    first, second = make(LuviraSim), make(LuviraSim, reference=True, mic_error_cm=2.0)
    assert first.fingerprint() != second.fingerprint()
    assert first._cache.folder == second._cache.folder
    assert first._cache.folder != make(LuviraSim, obstructed=0.5)._cache.folder


def scene_conditions(dataset, count=20):
    return [dataset.scene(index).recording.conditions for index in range(count)]


def test_t60_and_snr_of_the_standard_preset_are_in_their_ranges(make):
    found = scene_conditions(make(LuviraSim))
    t60, snr = ([each[name] for each in found] for name in ("t60_wanted_s", "snr_db"))
    assert 0.2 <= min(t60) < 0.25 < 0.35 < max(t60) <= 0.4
    assert 10 <= min(snr) < 14 < 26 < max(snr) <= 30
    assert not any(each["anechoic"] for each in found)
    assert all(each["t60_s"] > 0.15 for each in found)


def test_t60_and_snr_are_uniformly_distributed_and_not_related(make):
    dataset = make(LuviraSim, scale="paper")
    shares = np.array([dataset._shares("t60"), dataset._shares("snr")])
    for each in shares:
        np.testing.assert_allclose(
            np.quantile(each, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.03
        )
    assert abs(np.corrcoef(shares)[0, 1]) < 0.05


def test_the_easy_preset_has_anechoic_scenes_and_little_noise(make):
    found = scene_conditions(make(LuviraSim, preset="easy"))
    anechoic = [each for each in found if each["t60_wanted_s"] < 0.105]
    others = [each for each in found if each["t60_wanted_s"] >= 0.106]
    assert anechoic
    assert others
    assert all(each["anechoic"] and each["t60_s"] == 0 for each in anechoic)
    assert all(not each["anechoic"] and each["t60_s"] > 0.06 for each in others)
    assert {each["snr_db"] for each in found} == {30.0}


def test_a_recording_for_testing_has_one_frame(make):
    recording = make(LuviraSim).scene(0).recording
    assert recording.audio.shape == (11, 2048)
    assert recording.frame == 0.128
    np.testing.assert_array_equal(recording.frames()[0], recording.audio)


def test_a_training_scene_has_three_excerpts_of_one_talker_from_one_position(make):
    dataset = make(LuviraSim, "train")
    scene = dataset.scene(3)
    recording, xyz = scene.recording, scene.truth.tracks.xyz
    assert recording.audio.shape == (11, 3 * 2048)
    assert recording.frames().shape == (3, 11, 2048)
    assert (xyz == xyz[:1]).all()
    np.testing.assert_array_equal(dataset.truth(3)[1].tracks.xyz, xyz)
    first, second, third = recording.frames()
    assert not np.array_equal(first, second)
    assert not np.array_equal(second, third)
    assert scene.clusters["talker"].startswith("built-in speech train")


def test_splits_share_no_talker(make):
    talkers = {
        split: {make(LuviraSim, split).scene(index).clusters["talker"] for index in range(10)}
        for split in ("train", "validation", "test")
    }
    assert not talkers["train"] & talkers["validation"]
    assert not talkers["train"] & talkers["test"]
    assert not talkers["validation"] & talkers["test"]


def measured_snr(make, **params):
    noisy, clean = (
        make(LuviraSim, snr_db=snr_db, t60="0", **params).scene(1).recording.audio
        for snr_db in ("12", "100")
    )
    return 10 * np.log10(np.mean(clean**2) / np.mean((noisy - clean) ** 2))


@pytest.mark.parametrize("noise", ["white", "diffuse"])
def test_noise_has_the_level_of_the_conditions(make, noise):
    assert measured_snr(make, noise=noise) == pytest.approx(12, abs=0.3)


def test_diffuse_noise_is_pink(make):
    noisy, clean = (
        make(LuviraSim, snr_db=snr_db, t60="0", noise="diffuse").scene(1).recording.audio
        for snr_db in ("0", "100")
    )
    power = np.mean(np.abs(np.fft.rfft(noisy - clean)) ** 2, axis=0)
    low, high = power[64:128].sum(), power[256:512].sum()
    assert low == pytest.approx(high, rel=0.35)  # an octave has the same power everywhere


def test_a_directional_source_is_quieter_behind_it(make):
    even, directional = (
        make(LuviraSim, t60="0", snr_db="100", directivity_db=level) for level in (0.0, 12.0)
    )
    for index in range(4):
        loud, other = (
            np.mean(d.scene(index).recording.audio ** 2, axis=1) for d in (even, directional)
        )
        loss = 10 * np.log10(loud / other)
        azimuth = directional.stream("front", index).uniform(-np.pi, np.pi)
        towards = luvira_sim.MICROPHONES - even.truth(index)[1].tracks.xyz[0, 0]
        towards /= np.linalg.norm(towards, axis=1, keepdims=True)
        cosine = towards[:, 0] * np.cos(azimuth) + towards[:, 1] * np.sin(azimuth)
        np.testing.assert_allclose(loss, 6 * (1 - cosine), atol=0.3)


def test_obstacles_attenuate_the_share_of_direct_paths(make):
    free, obstructed = (
        make(LuviraSim, t60="0", snr_db="100", obstructed=share) for share in (0.0, 0.3)
    )
    loss = []
    for index in range(20):
        before, after = (
            np.mean(d.scene(index).recording.audio ** 2, axis=1) for d in (free, obstructed)
        )
        loss += list(10 * np.log10(before / after))
    hit = np.array(loss) > 3
    assert 0.2 < hit.mean() < 0.4
    assert np.array(loss)[hit].min() > 5.5
    assert np.array(loss)[hit].max() < 15.5
    assert np.abs(np.array(loss)[~hit]).max() < 0.3


def test_methods_are_given_microphone_positions_with_the_requested_error(make):
    dataset = make(LuviraSim, mic_error_cm=5.0, t60="0")
    error = np.array(
        [dataset.scene(i).recording.array.positions - luvira_sim.MICROPHONES for i in range(20)]
    )
    assert np.sqrt(np.mean(np.sum(error**2, axis=-1))) == pytest.approx(0.05, rel=0.1)
    exact = make(LuviraSim, t60="0").scene(0).recording.array.positions
    np.testing.assert_array_equal(exact, luvira_sim.MICROPHONES)


def defaults():
    return {parameter.name: parameter.default for parameter in CONDITIONS}


def test_parameters_override_a_preset():
    found = conditions({**defaults(), "preset": "hall", "t60": "0.3", "obstructed": 0.0})
    assert (found.t60, found.obstructed) == (Range(0.3, 0.3), 0.0)
    assert (found.noise, found.directivity_db, found.mic_error_cm) == ("diffuse", 6.0, 1.0)


@pytest.mark.parametrize("text", ["", "x", "0.2..", "..0.4", "0.4..0.2", "0.2..2", "-1", "nan"])
def test_a_range_that_cannot_be_used_is_an_error(text):
    with pytest.raises(ParameterError, match=r"a number from 0 to 1, or a range as in 0\.\.1"):
        conditions({**defaults(), "t60": text})

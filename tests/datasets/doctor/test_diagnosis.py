"""Checking a data set: damaged files and labelling mistakes are reported by name."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from sslbench.contracts import DatasetRequest
from sslbench.datasets.doctor.delays import implied_delays, matching_share, observe, tolerance
from sslbench.datasets.doctor.diagnosis import diagnose
from sslbench.datasets.real.respeaker import RespeakerMultiSsl


def verdict(folder):
    return diagnose(folder.dataset())[-1]


def test_correct_positions_are_consistent(positions):
    found = diagnose(positions().dataset())
    assert [(f.code, f.severity) for f in found] == [("consistent", "ok")]
    assert "100 % of the measured inter-microphone delays match the labels" in found[0].message


def test_correct_directions_are_consistent(directions):
    assert [f.code for f in diagnose(directions().dataset())] == ["consistent"]


def test_the_chance_level_is_the_share_that_labels_of_other_recordings_match(positions):
    dataset = positions().dataset()
    groups = [observe(dataset.scene(index), 5) for index in range(len(dataset))]
    within = tolerance([each for group in groups for each in group])
    shares = []
    for shift in range(1, len(groups)):
        exchanged = [
            replace(each, sources=other[0].sources)
            for group, other in zip(groups, groups[shift:] + groups[:shift], strict=True)
            for each in group
        ]
        shares.append(matching_share(exchanged, list(map(implied_delays, exchanged)), within))
    assert 0.01 < np.mean(shares) < 0.2
    assert f"(chance: {100 * np.mean(shares):.0f} %)" in diagnose(dataset)[-1].message


def test_one_recording_has_no_chance_level(positions):
    assert "chance: unknown" in diagnose(positions().dataset(), limit=1)[-1].message


def test_the_limit_is_the_number_of_recordings_read(positions, monkeypatch):
    dataset = positions().dataset()
    read = []
    scene = dataset.scene
    monkeypatch.setattr(dataset, "scene", lambda index: read.append(index) or scene(index))
    diagnose(dataset, limit=3)
    assert read == [0, 6, 11]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mirrored_axis_is_reported(positions, axis):
    signs = np.where(np.arange(3) == axis, -1, 1)
    found = verdict(positions(write_sources=lambda s: s * signs))
    assert found.code == "mirrored-axes"
    text = ["(-x, y, z)", "(x, -y, z)", "(x, y, -z)"][axis]
    assert text in found.message
    assert text in found.hint


def test_an_axis_measured_from_the_opposite_wall_is_reported(positions):
    found = verdict(positions(write_sources=lambda s: np.array([0, 3, 0]) + s * [1, -1, 1]))
    assert found.code == "mirrored-axes"
    assert "y of the sources is measured from the other side" in found.message


def test_swapped_axes_are_reported(positions):
    found = verdict(positions(write_sources=lambda s: s[:, [1, 0, 2]]))
    assert found.code == "swapped-axes"
    assert "(y, x, z)" in found.message


def test_swapped_axes_of_the_microphones_are_reported(positions):
    assert verdict(positions(write_microphones=lambda m: m[:, [0, 2, 1]])).code == "swapped-axes"


def test_an_azimuth_measured_clockwise_from_the_left_is_reported(directions):
    found = verdict(directions(write_sources=lambda a: np.stack([90 - a[:, 0], a[:, 1]], axis=1)))
    assert found.code == "swapped-axes"
    assert "measured clockwise from 90 degrees" in found.hint


def test_an_azimuth_measured_clockwise_is_reported(directions):
    found = verdict(directions(write_sources=lambda a: a * [-1, 1]))
    assert found.code == "mirrored-axes"
    assert "measured clockwise from 0 degrees" in found.hint


@pytest.mark.parametrize(
    ("factor", "text"), [(1000, "millimetres"), (100, "centimetres"), (0.001, "thousand times")]
)
@pytest.mark.parametrize(
    ("what", "name"),
    [("write_microphones", "the microphones are"), ("write_sources", "the sources are")],
)
def test_a_wrong_unit_of_positions_is_reported(positions, what, name, factor, text):
    found = verdict(positions(**{what: lambda m: m * factor}))
    assert found.code == "wrong-units"
    assert name in found.message
    assert text in found.message


def test_all_positions_in_millimetres_are_reported(positions):
    def scale(xyz):
        return xyz * 1000

    found = verdict(positions(write_microphones=scale, write_sources=scale))
    assert found.code == "wrong-units"
    assert "microphones and sources are given in millimetres" in found.message


def test_microphones_in_centimetres_are_reported_if_labels_are_directions(directions):
    found = verdict(directions(write_microphones=lambda m: m * 100))
    assert found.code == "wrong-units"
    assert "centimetres" in found.message


def test_radians_instead_of_degrees_are_reported(directions):
    found = verdict(directions(write_sources=np.radians))
    assert found.code == "wrong-units"
    assert "radians" in found.message


@pytest.mark.parametrize("order", [[1, 0, 2, 3, 4], [4, 3, 2, 1, 0], [2, 3, 4, 0, 1]])
def test_a_wrong_channel_order_is_reported(positions, order):
    found = verdict(positions(order=order))
    assert found.code == "channel-order"
    assert f"list the microphones in the order {' '.join(map(str, order))}" in found.hint


def test_a_wrong_order_of_many_channels_is_reported(positions):
    microphones = np.random.default_rng(1).uniform([0, 0, 0], [4, 3, 2.5], (9, 3))
    order = [0, 7, 2, 3, 5, 4, 6, 1, 8]
    found = verdict(positions(microphones=microphones, order=order))
    assert found.code == "channel-order"
    assert " ".join(map(str, order)) in found.hint


@pytest.mark.parametrize("ratio", [2, 0.5, 48 / 44.1, 44.1 / 48])
def test_a_wrong_sample_rate_is_reported(positions, ratio):
    found = verdict(positions(rate=16000 / ratio))
    assert found.code == "wrong-sample-rate"
    assert f"by {ratio:.6g}" in found.hint


def test_a_clock_offset_is_reported_with_its_value(positions):
    found = verdict(positions(offsets=np.array([0, 0, 0.0031, 0, 0])))
    assert found.code == "clock-offset"
    assert "2: +3.100" in found.message


def test_labels_of_other_recordings_are_unexplained(positions):
    found = verdict(positions(write_sources=lambda s: np.roll(s, 1, axis=0)))
    assert (found.code, found.severity) == ("unexplained", "error")
    assert "not more than chance" in found.message


@pytest.mark.parametrize("seed", range(5))
def test_random_labels_are_unexplained(positions, seed):
    rng = np.random.default_rng(seed)
    found = verdict(positions(write_sources=lambda s: rng.uniform([0, 0, 0], [4, 3, 2.5], s.shape)))
    assert (found.code, found.severity) == ("unexplained", "error")


def test_correct_labels_in_strong_reverberation_are_better_than_chance(positions):
    rng = np.random.default_rng(5)

    def reverberate(audio):
        tails = rng.standard_normal((len(audio), 4000)) * np.exp(-np.arange(4000) / 1000)
        late = [np.convolve(a, tail)[: len(a)] for a, tail in zip(audio, tails, strict=True)]
        return 0.1 * (audio + 0.2 * np.array(late))

    found = verdict(positions(audio=reverberate))
    assert (found.code, found.severity) == ("unexplained", "warning")
    assert "more than chance" in found.message


def test_equal_labels_cannot_be_compared_with_chance(positions):
    found = verdict(positions(write_sources=lambda s: np.full_like(s, 1.0)))
    assert (found.code, found.severity) == ("unexplained", "warning")
    assert "too few different labels" in found.message


def test_a_recording_with_another_sample_rate_is_reported(positions):
    folder = positions()
    audio, _ = soundfile.read(folder.path / "take4.wav")
    soundfile.write(folder.path / "take4.wav", audio, 8000, subtype="FLOAT")
    found = diagnose(folder.dataset())
    assert [(f.code, f.severity, f.where) for f in found] == [
        ("mixed-sample-rates", "error", "take4.wav"),
        ("odd-recording", "warning", "take4.wav"),
        ("consistent", "ok", ""),
    ]
    assert "11 with 16000 Hz, 1 with 8000 Hz" in found[0].message


def test_a_recording_with_the_label_of_another_is_reported(positions):
    found = diagnose(
        positions(write_sources=lambda s: s[[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0]]).dataset()
    )
    assert [(f.code, f.where) for f in found] == [
        ("odd-recording", "take11.wav"),
        ("consistent", ""),
    ]


def test_a_recording_of_noise_is_not_reported_as_odd(positions):
    folder = positions()
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (8000, 5))
    soundfile.write(folder.path / "take3.wav", noise, 16000, subtype="FLOAT")
    assert [f.code for f in diagnose(folder.dataset())] == ["consistent"]


def test_two_microphones_can_be_checked(positions):
    found = diagnose(positions(microphones=np.array([[0.1, 0.2, 0.5], [3.8, 2.4, 1.9]])).dataset())
    assert [f.code for f in found] == ["consistent"]


def test_sources_outside_the_region_are_reported(positions):
    found = diagnose(positions(write_sources=lambda s: s * 1000).dataset())
    assert [f.code for f in found] == ["outside-region", "wrong-units"]
    assert found[0].where == "take0.wav, take1.wav, take2.wav and 9 more"


def muted(audio):
    return audio * (np.arange(len(audio)) != 2)[:, None]


def doubled(audio):
    return audio[[0, 1, 2, 3, 3]]


def clipped(audio):
    return np.clip(audio * 20, -1, 1)


@pytest.mark.parametrize(
    ("damage", "code", "text"),
    [
        (muted, "silent-channel", "channel 2 is silent"),
        (doubled, "duplicate-channels", "channels 3 and 4 contain the same samples"),
        (clipped, "clipped", "channel 0 is clipped"),
    ],
)
def test_damaged_channels_are_reported(positions, damage, code, text):
    found = diagnose(positions(audio=damage).dataset())
    assert (found[0].code, found[0].message) == (code, text)
    assert found[-1].code == "consistent"


def test_unreadable_recordings_are_reported_and_the_others_checked(positions):
    folder = positions()
    wav = folder.path / "take3.wav"
    wav.write_bytes(wav.read_bytes()[:-1000])
    found = diagnose(folder.dataset())
    assert [f.code for f in found] == ["unreadable", "consistent"]
    assert "take3.wav" in found[0].message
    assert "truncated" in found[0].message


def test_labels_are_unchecked_if_no_delay_can_be_measured(positions):
    folder = positions()
    for wav in folder.path.glob("*.wav"):
        wav.write_bytes(b"")
    assert diagnose(folder.dataset())[-1].code == "unchecked"


@pytest.mark.real
def test_real_recordings_are_consistent(real_data):
    request = DatasetRequest("test", "quick", {"count": 0}, real_data / "respeaker", real_data)
    found = diagnose(RespeakerMultiSsl(request))
    assert [f.code for f in found] == ["consistent"]


@pytest.mark.real
def test_a_wrong_channel_order_of_real_recordings_is_reported(real_data, monkeypatch):
    request = DatasetRequest("test", "quick", {"count": 0}, real_data / "respeaker", real_data)
    dataset = RespeakerMultiSsl(request)
    order = [1, 0, 2, 3]
    array = dataset._array
    monkeypatch.setattr(dataset, "_array", type(array)(array.positions[order]))
    found = diagnose(dataset)[-1]
    assert found.code == "channel-order"
    assert "1 0 2 3" in found.hint

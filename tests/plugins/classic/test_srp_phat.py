"""SRP-PHAT over positions and directions."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sslbench.geometry import Box, angle_between, azimuth_elevation, unit_vector
from sslbench.scene import MicArray, Recording
from sslbench_classic.srp_phat import SrpPhat

SQUARE = np.array([[1.0, 1, 0], [-1, 1, 0], [-1, -1, 0], [1, -1, 0]]) * 0.02285
TETRAHEDRON = np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 0.05


def test_positions_in_space_within_centimetres(near, luvira, room) -> None:
    sources = np.random.default_rng(0).uniform(room.low, room.high, (10, 3))
    found = [SrpPhat().locate(near(luvira, s, room)).tracks.xyz[0, 0] for s in sources]
    assert np.median(np.linalg.norm(found - sources, axis=1)) < 0.01


def test_positions_in_a_plane_keep_its_height(near) -> None:
    line = np.linspace(-0.1, 0.1, 4)[:, None]
    mics = np.concatenate((line * [1, 0, 0] + [3, 0, 0], line * [0, 1, 0] + [0, 3, 0]))
    flat = Box((0, 0, 0), (6, 6, 0))
    answer = SrpPhat().locate(near(mics, [2.0, 4.0, 0], flat, samples=2560)).tracks.xyz[0, 0]
    np.testing.assert_allclose(answer, [2, 4, 0], atol=0.1)
    assert answer[2] == 0


@pytest.mark.parametrize("azimuth", [-170.0, -35.0, 12.3, 120.0])
@pytest.mark.parametrize("elevation", [-40.0, 0.0, 65.0])
def test_directions_within_a_degree(far, azimuth, elevation) -> None:
    truth = unit_vector(np.radians(azimuth), np.radians(elevation))
    xyz = SrpPhat().locate(far(TETRAHEDRON, truth)).tracks.xyz
    assert xyz.shape == (2, 1, 3)
    assert np.degrees(angle_between(xyz[0, 0], truth)) < 1


def test_a_horizontal_array_answers_the_upper_mirror_image(far) -> None:
    below = unit_vector(np.radians(50), np.radians(-30))
    azimuth, elevation = azimuth_elevation(SrpPhat().locate(far(SQUARE, below)).tracks.xyz[0, 0])
    np.testing.assert_allclose(np.degrees([azimuth, elevation]), [50, 30], atol=1.5)


def test_rotating_the_array_rotates_the_answer(far) -> None:
    truth = unit_vector(np.radians([20.0]), np.radians([15.0]))
    rotation = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    here = SrpPhat().locate(far(TETRAHEDRON, truth)).tracks.xyz[0, 0]
    there = SrpPhat().locate(far(TETRAHEDRON @ rotation.T, truth @ rotation.T)).tracks.xyz[0, 0]
    assert np.degrees(angle_between(rotation @ here, there)) < 0.5


def test_moving_the_array_leaves_directions_alone(far) -> None:
    truth = unit_vector(np.radians([20.0]), np.radians([15.0]))
    here = SrpPhat().locate(far(TETRAHEDRON, truth)).tracks.xyz
    there = SrpPhat().locate(far(TETRAHEDRON + np.array([3.0, -2, 1]), truth)).tracks.xyz
    assert np.degrees(angle_between(here, there)).max() < 0.5


def test_two_directions_are_both_found(far) -> None:
    truth = unit_vector(np.radians([20.0, 140.0]), np.radians([15.0, -10.0]))
    recording = far(TETRAHEDRON * 2, truth, max_sources=2)
    xyz = SrpPhat().locate(recording).tracks.xyz[0]
    angles = np.degrees(angle_between(xyz[:, None], truth[None]))
    assert angles.min(axis=0).max() < 3
    assert set(angles.argmin(axis=1)) == {0, 1}


def test_directions_of_sources_that_take_turns_are_told_apart_by_a_small_array(far) -> None:
    """Forty degrees apart, where the lobes of the array merge in the mean."""
    truth = unit_vector(np.radians([20.0, 60.0]), np.radians(30.0))
    one, two = (far(SQUARE, each, max_sources=2, seed=k) for k, each in enumerate(truth))
    turn = np.arange(one.audio.shape[1]) // 1000 % 2 == 0
    audio = np.where(turn, one.audio, two.audio)
    recording = Recording("r", audio, 16000, one.array, one.times, "direction", max_sources=2)
    xyz = SrpPhat().locate(recording).tracks.xyz[0]
    angles = np.degrees(angle_between(xyz[:, None], truth[None]))
    assert angles.min(axis=0).max() < 5


def test_a_frame_shorter_than_those_that_vote_is_padded(far) -> None:
    whole = far(TETRAHEDRON, [1.0, 0, 0])
    short = Recording(
        "r", whole.audio[:, :300], 16000, whole.array, np.zeros(1), "direction", max_sources=2
    )
    xyz = SrpPhat(threshold=0.5).locate(short).tracks.xyz[0, 0]
    assert np.degrees(angle_between(xyz, [1.0, 0, 0])) < 5


def test_two_positions_are_both_found(near, luvira, room) -> None:
    places = np.array([[1.0, 2.0, 0.5], [-1.5, -1.0, 1.2]])
    one, two = (near(luvira, place, room, seed=k) for k, place in enumerate(places))
    both = Recording(
        "both", one.audio + two.audio, 16000, one.array, one.times, max_sources=2, region=room
    )
    xyz = SrpPhat(threshold=0.2).locate(both).tracks.xyz[0]
    distance = np.linalg.norm(xyz[:, None] - places[None], axis=-1)
    assert distance.min(axis=0).max() < 0.1


def test_a_source_that_is_not_there_is_not_claimed(far) -> None:
    recording = far(TETRAHEDRON, [1.0, 0.0, 0.0], max_sources=3)
    active = SrpPhat(threshold=0.9).locate(recording).tracks.active
    assert active.tolist() == [[True, False, False]] * 2


def test_silence_is_answered_with_nothing() -> None:
    audio = np.zeros((4, 16000), np.float32)
    times = np.array([0.25, 0.5, 0.75])
    recording = Recording("r", audio, 16000, MicArray(SQUARE), times, "direction", 0.1, 2)
    tracks = SrpPhat().locate(recording).tracks
    assert tracks.xyz.shape == (3, 2, 3)
    assert np.isnan(tracks.xyz).all()


@pytest.mark.real
def test_azimuth_of_real_recordings_is_within_five_degrees(real_data: Path) -> None:
    folder = real_data / "respeaker"
    truth = json.loads((folder / "ground_truth.json").read_text())
    array = MicArray(np.array(truth["geometry_m"]))
    items = [item for item in truth["items"] if item["wav"].startswith("a180e20/")]
    assert len(items) == 3
    for item in items:
        audio, rate = soundfile.read(folder / item["wav"], dtype="float32")
        recording = Recording("r", audio.T, rate, array, np.array([1.0]), "direction")
        answer = SrpPhat().locate(recording).tracks.xyz[0, 0]
        azimuth = np.radians(item["sources"][0]["azimuth_deg"])
        flat = angle_between(answer * [1, 1, 0], unit_vector(azimuth))
        assert np.degrees(flat) < 5

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


def test_the_median_error_of_positions_is_below_a_centimetre(near, luvira, room) -> None:
    sources = np.random.default_rng(0).uniform(room.low, room.high, (10, 3))
    found = [SrpPhat().locate(near(luvira, s, room)).tracks.xyz[0, 0] for s in sources]
    assert np.median(np.linalg.norm(found - sources, axis=1)) < 0.01


def test_a_known_height_is_kept(near) -> None:
    line = np.linspace(-0.1, 0.1, 4)[:, None]
    mics = np.concatenate((line * [1, 0, 0] + [3, 0, 0], line * [0, 1, 0] + [0, 3, 0]))
    flat = Box((0, 0, 0), (6, 6, 0))
    xyz = SrpPhat().locate(near(mics, [2.0, 4.0, 0], flat, samples=2560)).tracks.xyz[0, 0]
    np.testing.assert_allclose(xyz, [2, 4, 0], atol=0.1)
    assert xyz[2] == 0


@pytest.mark.parametrize("azimuth", [-170.0, -35.0, 12.3, 120.0])
@pytest.mark.parametrize("elevation", [-40.0, 0.0, 65.0])
def test_the_error_of_directions_is_below_a_degree(far, azimuth, elevation) -> None:
    truth = unit_vector(np.radians(azimuth), np.radians(elevation))
    xyz = SrpPhat().locate(far(TETRAHEDRON, truth)).tracks.xyz
    assert xyz.shape == (2, 1, 3)
    assert np.degrees(angle_between(xyz[0, 0], truth)) < 1


def test_a_horizontal_array_gives_the_upper_of_two_mirror_images(far) -> None:
    below = unit_vector(np.radians(50), np.radians(-30))
    azimuth, elevation = azimuth_elevation(SrpPhat().locate(far(SQUARE, below)).tracks.xyz[0, 0])
    np.testing.assert_allclose(np.degrees([azimuth, elevation]), [50, 30], atol=1.5)


def test_rotating_the_array_rotates_the_estimate(far) -> None:
    truth = unit_vector(np.radians([20.0]), np.radians([15.0]))
    rotation = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    before = SrpPhat().locate(far(TETRAHEDRON, truth)).tracks.xyz[0, 0]
    after = SrpPhat().locate(far(TETRAHEDRON @ rotation.T, truth @ rotation.T)).tracks.xyz[0, 0]
    assert np.degrees(angle_between(rotation @ before, after)) < 0.5


def test_translating_the_array_does_not_change_directions(far) -> None:
    truth = unit_vector(np.radians([20.0]), np.radians([15.0]))
    before = SrpPhat().locate(far(TETRAHEDRON, truth)).tracks.xyz
    after = SrpPhat().locate(far(TETRAHEDRON + np.array([3.0, -2, 1]), truth)).tracks.xyz
    assert np.degrees(angle_between(before, after)).max() < 0.5


def test_two_directions_are_both_found(far) -> None:
    truth = unit_vector(np.radians([20.0, 140.0]), np.radians([15.0, -10.0]))
    recording = far(TETRAHEDRON * 2, truth, max_sources=2)
    xyz = SrpPhat().locate(recording).tracks.xyz[0]
    angles = np.degrees(angle_between(xyz[:, None], truth[None]))
    assert angles.min(axis=0).max() < 3
    assert set(angles.argmin(axis=1)) == {0, 1}


def test_a_small_array_separates_alternating_sources(far) -> None:
    """The sources are 40 degrees apart: the lobes merge in the power averaged over time."""
    truth = unit_vector(np.radians([20.0, 60.0]), np.radians(30.0))
    one, two = (far(SQUARE, each, max_sources=2, seed=k) for k, each in enumerate(truth))
    first_active = np.arange(one.audio.shape[1]) // 1000 % 2 == 0
    audio = np.where(first_active, one.audio, two.audio)
    recording = Recording("r", audio, 16000, one.array, one.times, "direction", max_sources=2)
    xyz = SrpPhat().locate(recording).tracks.xyz[0]
    angles = np.degrees(angle_between(xyz[:, None], truth[None]))
    assert angles.min(axis=0).max() < 5


def test_a_frame_shorter_than_the_voting_frames_is_padded(far) -> None:
    whole = far(TETRAHEDRON, [1.0, 0, 0])
    short = Recording(
        "r", whole.audio[:, :300], 16000, whole.array, np.zeros(1), "direction", max_sources=2
    )
    xyz = SrpPhat(threshold=0.5).locate(short).tracks.xyz[0, 0]
    assert np.degrees(angle_between(xyz, [1.0, 0, 0])) < 5


def test_two_positions_are_both_found(near, luvira, room) -> None:
    positions = np.array([[1.0, 2.0, 0.5], [-1.5, -1.0, 1.2]])
    one, two = (near(luvira, each, room, seed=k) for k, each in enumerate(positions))
    both = Recording(
        "both", one.audio + two.audio, 16000, one.array, one.times, max_sources=2, region=room
    )
    xyz = SrpPhat(threshold=0.2).locate(both).tracks.xyz[0]
    distance = np.linalg.norm(xyz[:, None] - positions[None], axis=-1)
    assert distance.min(axis=0).max() < 0.1


def test_a_single_source_gives_no_false_positives(far) -> None:
    recording = far(TETRAHEDRON, [1.0, 0.0, 0.0], max_sources=3)
    active = SrpPhat(threshold=0.9).locate(recording).tracks.active
    assert active.tolist() == [[True, False, False]] * 2


def test_silence_gives_no_detection() -> None:
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
        xyz = SrpPhat().locate(recording).tracks.xyz[0, 0]
        azimuth = np.radians(item["sources"][0]["azimuth_deg"])
        error = angle_between(xyz * [1, 1, 0], unit_vector(azimuth))
        assert np.degrees(error) < 5

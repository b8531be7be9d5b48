"""Distributed microphones in random rooms: where things are, and what scenes share."""

import numpy as np
import pytest

from sslbench.datasets.simulated import rooms_sim
from sslbench.datasets.simulated.rooms_sim import RoomsSim
from sslbench.errors import ParameterError
from sslbench.geometry import Box


def settings(dataset, count=200):
    return [dataset._setting(index) for index in range(count)]


def test_everything_is_in_its_room(make):
    for setting in settings(make(RoomsSim, "train", scale="quick", microphones=16)):
        assert Box((0, 0, 0), setting.size).contains(setting.microphones, -0.099).all()
        assert setting.region.contains(setting.source)
        assert 3.5 <= min(setting.size[:2]) <= max(setting.size[:2]) <= 9
        distance = np.linalg.norm(setting.microphones - setting.source, axis=1)
        assert distance.min() >= rooms_sim.CLEARANCE


def wall_distance(setting):
    plan = setting.microphones[:, :2]
    return np.minimum(plan, np.array(setting.size[:2]) - plan).min(axis=1)


def test_the_microphones_of_half_of_the_rooms_are_near_the_walls(make):
    farthest = np.array([wall_distance(each).max() for each in settings(make(RoomsSim, "train"))])
    assert 0.4 < np.mean(farthest <= 0.5) < 0.6
    assert np.median(farthest[farthest > 0.5]) > 1


def test_rooms_differ_between_scenes_and_between_splits(make):
    sizes = {
        setting.size
        for split in ("train", "validation", "test")
        for setting in settings(make(RoomsSim, split), 40)
    }
    assert len(sizes) == 120


def test_more_microphones_leave_everything_else_as_it_is(make):
    few, many = make(RoomsSim, microphones=5), make(RoomsSim, microphones=12)
    np.testing.assert_array_equal(few.truth(3)[1].tracks.xyz, many.truth(3)[1].tracks.xyz)
    five, twelve = few.scene(3).recording.array, many.scene(3).recording.array
    assert (five.channels, twelve.channels) == (5, 12)
    np.testing.assert_array_equal(five.positions, twelve.positions[:5])


def test_a_training_scene_has_two_excerpts_from_one_position(make):
    scene = make(RoomsSim, "train").scene(0)
    assert scene.recording.audio.shape == (8, 2 * 2048)
    assert (scene.truth.tracks.xyz[0] == scene.truth.tracks.xyz[1]).all()
    first, second = scene.recording.frames()
    assert not np.array_equal(first, second)
    assert make(RoomsSim).scene(0).recording.audio.shape == (8, 2048)


def test_conditions_are_in_their_ranges(make):
    dataset = make(RoomsSim)
    found = [dataset.scene(index).recording.conditions for index in range(20)]
    t60, snr = ([each[name] for each in found] for name in ("t60_wanted_s", "snr_db"))
    assert 0.2 <= min(t60) < 0.25 < 0.35 < max(t60) <= 0.4
    assert 10 <= min(snr) < 15 < 25 < max(snr) <= 30
    fixed = make(RoomsSim, t60="0", snr_db="20").scene(0).recording.conditions
    assert (fixed["anechoic"], fixed["t60_s"], fixed["snr_db"]) == (True, 0.0, 20.0)


@pytest.mark.parametrize(("name", "text"), [("t60", "0.4..0.2"), ("snr_db", "loud")])
def test_a_range_that_cannot_be_used_is_an_error(make, name, text):
    with pytest.raises(ParameterError, match=f"parameter {name}={text} is not allowed"):
        make(RoomsSim, **{name: text})

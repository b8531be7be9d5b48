"""The search of the steered response power around an estimate."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.seven_microphones import frames, hidden
from sslbench.geometry import Box
from sslbench_wav2pos.refine import RADIUS, searched


@pytest.fixture
def scenes(tmp_path):
    data = frames("test", tmp_path)
    return [data.scene(index) for index in range(5)]


def place(scene):
    return scene.truth.tracks.xyz[0, 0]


def test_a_source_within_the_radius_is_found(scenes):
    for scene in scenes:
        found = searched(scene.recording, place(scene) + np.array([0.25, -0.2, 0.15]))
        assert np.linalg.norm(found - place(scene)) < 0.05


def test_a_source_beyond_the_radius_is_not_reached(scenes):
    for scene in scenes:
        centre = np.clip(place(scene) + np.array([0.9, 0, 0]), 0.2, 1.8)
        assert np.linalg.norm(searched(scene.recording, centre) - centre) <= RADIUS + 1e-6


def test_the_result_lies_in_the_region(scenes):
    for scene in scenes:
        found = searched(scene.recording, np.array([3.0, 3.0, 3.0]))
        assert scene.recording.region.contains(found, margin=1e-6)


def test_a_flat_region_keeps_its_height(scenes):
    flat = replace(scenes[0].recording, region=Box((0.2, 0.2, 1.0), (1.8, 1.8, 1.0)))
    assert searched(flat, np.array([1.0, 1.0, 1.0]))[2] == pytest.approx(1.0)


def test_microphones_of_unknown_position_do_not_count(scenes):
    recording = scenes[0].recording
    found = searched(hidden(recording, 0, 1), place(scenes[0]) + 0.1)
    assert np.linalg.norm(found - place(scenes[0])) < 0.05


def test_with_too_few_known_microphones_the_estimate_stays(scenes):
    estimate = np.array([1.0, 1.0, 1.0])
    assert np.array_equal(searched(hidden(scenes[0].recording, 0, 1, 2, 3), estimate), estimate)

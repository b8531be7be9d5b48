"""The ground truth of a split."""

from dataclasses import replace
from pathlib import Path

import pytest

from helpers.world_scenes import Square, Walk
from sslbench.contracts import DatasetRequest
from sslbench.errors import FormatError
from sslbench.scoring.ground_truth import open_ground_truth


def opened(data=Square):
    request = DatasetRequest("test", "smoke", {}, None, Path("cache"))
    return open_ground_truth(data(request), "ab" * 32, "square:test")


def test_every_recording_has_ground_truth_conditions_and_a_request():
    found = opened()
    assert list(found.truth) == [f"square-{index}" for index in range(12)]
    assert found.scenes_sha256 == "ab" * 32
    assert found.conditions["square-1"]["t60_s"] == 0.4
    assert found.conditions["square-1"]["distance_m"] > 0
    request = found.requests["square-0"]
    assert (request.times.tolist(), request.kind, request.max_sources) == ([0.0], "position", 1)


def test_the_ground_truth_of_long_recordings_is_whole():
    found = opened(Walk)
    assert len(found.requests["walk-0"].times) == Walk.FRAMES
    assert found.conditions["walk-0"]["sources"] == 2
    assert found.tracks["walk-0"].active[12].tolist() == [True, False]


def test_clusters_are_numbered_in_the_order_of_the_recordings():
    assert opened().cluster_numbers == {"talker": [0, 1, 2] * 4}
    assert opened(Walk).cluster_numbers == {"talker": [0, 1, 0]}


def test_a_recording_without_a_cluster_is_a_cluster_of_its_own(monkeypatch):
    scene = Square.scene

    def without(self, index):
        return replace(scene(self, index), clusters={} if index % 2 else {"room": "a"})

    monkeypatch.setattr(Square, "scene", without)
    assert opened().cluster_numbers == {"room": [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6]}


def test_a_data_set_without_recordings_is_refused(monkeypatch):
    monkeypatch.setattr(Square, "__len__", lambda self: 0)
    with pytest.raises(FormatError, match="square:test: 0 recordings with 0 ids"):
        opened()


def test_two_recordings_of_one_id_are_refused(monkeypatch):
    scene = Square.scene
    monkeypatch.setattr(Square, "scene", lambda self, index: scene(self, index // 2))
    with pytest.raises(FormatError, match="12 recordings with 6 ids"):
        opened()

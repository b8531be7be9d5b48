"""The ground truth of a split, and what predictions for it must fulfil."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers.world_scenes import Square, Walk
from sslbench.contracts import DatasetRequest
from sslbench.errors import FormatError
from sslbench.scene import Prediction, Tracks
from sslbench.scoring.ground_truth import (
    Request,
    check_predictions,
    open_ground_truth,
    request_fault,
)


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


def tracks(times, count=1, kind="position"):
    return Prediction(Tracks.of(times, np.full((len(times), count, 3), 0.5), kind))


REQUEST = Request(np.array([0.0, 0.1]), "position", 2)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_what_was_requested_has_no_fault(count):
    assert request_fault(REQUEST, tracks([0.0, 0.1], count)) is None


def test_times_may_differ_by_a_millisecond():
    assert request_fault(REQUEST, tracks([0.0009, 0.0991])) is None
    fault = request_fault(REQUEST, tracks([0.0, 0.102]))
    assert fault == ("times that differ by up to 0.002 s", "the times of the recording")


def test_another_number_of_times_is_a_fault():
    what, expected = request_fault(REQUEST, tracks([0.0]))
    assert (what, expected[:19]) == ("1 times of position", "2 times of position")


def test_another_kind_is_a_fault():
    assert request_fault(REQUEST, tracks([0.0, 0.1], 1, "direction"))[0] == "2 times of direction"


def test_too_many_sources_at_once_are_a_fault():
    what, expected = request_fault(REQUEST, tracks([0.0, 0.1], 3))
    assert what == "3 sources active at once"
    assert expected == "at most 2, as the recording requests"


def test_many_tracks_that_are_not_active_together_are_no_fault():
    xyz = np.full((2, 4, 3), np.nan)
    xyz[0, :2] = xyz[1, 2:] = 1.0
    assert request_fault(REQUEST, Prediction(Tracks.of([0.0, 0.1], xyz, "position"))) is None


@pytest.mark.parametrize("change", ["missing", "superfluous"])
def test_there_is_one_prediction_per_recording(change):
    ground_truth = opened()
    predictions = {name: tracks([0.0]) for name in ground_truth.truth}
    check_predictions(predictions, ground_truth, "mine.npz")
    if change == "missing":
        del predictions["square-3"]
    else:
        predictions["another"] = tracks([0.0])
    with pytest.raises(FormatError, match=r"mine\.npz: 1 recordings are only among"):
        check_predictions(predictions, ground_truth, "mine.npz")


def test_the_recording_at_fault_is_named():
    ground_truth = opened()
    predictions = {name: tracks([0.0]) for name in ground_truth.truth}
    predictions["square-7"] = tracks([0.0], 2)
    with pytest.raises(FormatError, match=r"mine\.npz: recording square-7: 2 sources active"):
        check_predictions(predictions, ground_truth, "mine.npz")

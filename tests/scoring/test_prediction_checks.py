"""Whether predictions are what was requested."""

import numpy as np
import pytest

from sslbench.errors import FormatError
from sslbench.scene import Prediction, Tracks
from sslbench.scoring.prediction_checks import Request, check_predictions, request_fault


def requested():
    return {f"square-{index}": Request(np.array([0.0]), "position", 1) for index in range(12)}


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
    requests = requested()
    predictions = {name: tracks([0.0]) for name in requests}
    check_predictions(predictions, requests, "mine.npz")
    if change == "missing":
        del predictions["square-3"]
    else:
        predictions["another"] = tracks([0.0])
    with pytest.raises(FormatError, match=r"mine\.npz: 1 recordings are only among"):
        check_predictions(predictions, requests, "mine.npz")


def test_the_recording_at_fault_is_named():
    requests = requested()
    predictions = {name: tracks([0.0]) for name in requests}
    predictions["square-7"] = tracks([0.0], 2)
    with pytest.raises(FormatError, match=r"mine\.npz: recording square-7: 2 sources active"):
        check_predictions(predictions, requests, "mine.npz")

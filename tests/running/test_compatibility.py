from dataclasses import replace

import numpy as np
import pytest

from sslbench.geometry import Box
from sslbench.running.compatibility import incompatibility, recording_incompatibility
from sslbench.scene import MicArray
from sslbench.specs import DatasetSpec, MethodSpec
from sslbench.testing import tiny_recording

METHOD = MethodSpec(name="m", target="a:B", summary="", outputs=("position",), licence="MIT")
DATA = DatasetSpec(
    name="d",
    target="a:B",
    summary="",
    version="1",
    kind="position",
    array="",
    licence="MIT",
    primary_metric="position-error-mean",
)

LINE = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]])
PLANE = np.array([[0.0, 0, 1], [1, 0, 1], [0, 1, 1], [1, 1, 1]])
ROOM = Box((0, 0, 0), (4, 4, 3))
FLOOR = Box((0, 0, 1), (4, 4, 1))


def recording(mics, region=ROOM, **changes):
    audio = np.zeros((len(mics), 100), np.float32)
    base = tiny_recording("position", len(mics))
    return replace(base, audio=audio, array=MicArray(mics), region=region, **changes)


def test_a_pair_that_fits_has_no_reason():
    assert incompatibility(METHOD, DATA) == ""
    assert recording_incompatibility(METHOD, recording(PLANE)) == ""


def test_a_method_of_positions_is_not_given_a_data_set_of_directions():
    data = replace(DATA, kind="direction")
    assert incompatibility(METHOD, data) == "m estimates positions, d requests directions"


def test_more_sources_than_a_method_can_find_are_a_reason():
    assert "m finds 1 source at a time, there can be 2" in incompatibility(
        METHOD, replace(DATA, max_sources=2)
    )
    assert incompatibility(replace(METHOD, max_sources=None), replace(DATA, max_sources=2)) == ""


@pytest.mark.parametrize(
    ("mics", "region", "reason"),
    [
        (PLANE, ROOM, "m cannot estimate positions with all microphones in one plane"),
        (PLANE, FLOOR, ""),
        (LINE, FLOOR, "m cannot estimate positions with all microphones on one line"),
    ],
)
def test_an_array_must_span_enough_dimensions(mics, region, reason):
    method = replace(METHOD, min_rank_position=3)
    assert recording_incompatibility(method, recording(mics, region)) == reason


@pytest.mark.parametrize(
    ("region", "reason"), [(ROOM, "m needs 5 microphones, there are 4"), (FLOOR, "")]
)
def test_a_known_height_saves_a_microphone(region, reason):
    method = replace(METHOD, min_channels=3, min_channels_position=5)
    assert recording_incompatibility(method, recording(PLANE, region)) == reason


def test_microphones_for_positions_do_not_count_for_directions():
    method = replace(METHOD, outputs=("direction",), min_channels_position=5)
    directions = recording(PLANE, None, kind="direction")
    assert recording_incompatibility(method, directions) == ""


def test_a_far_field_method_refuses_a_large_array():
    method = replace(METHOD, max_aperture=0.5)
    large = recording(PLANE, None, kind="direction")
    assert "in the far field" in recording_incompatibility(method, large)
    assert recording_incompatibility(method, recording(PLANE)) == ""


def test_a_method_of_one_format_refuses_another():
    method = replace(METHOD, formats=("foa",))
    assert "needs audio of format foa" in recording_incompatibility(method, recording(PLANE))


def test_unknown_positions_of_microphones_need_a_method_that_accepts_them():
    hidden = PLANE.copy()
    hidden[1] = np.nan
    reason = "m needs known positions of all microphones"
    assert recording_incompatibility(METHOD, recording(hidden)) == reason
    accepting = replace(METHOD, unknown_microphones=True)
    assert recording_incompatibility(accepting, recording(hidden)) == ""


def test_more_sources_than_the_spec_of_the_data_set_says_are_a_reason():
    mixed = recording(PLANE, max_sources=2)
    assert incompatibility(METHOD, DATA) == ""
    assert "there can be 2" in recording_incompatibility(METHOD, mixed)


def test_a_method_of_a_plane_needs_a_region_of_a_single_height():
    method = replace(METHOD, known_height=True)
    assert recording_incompatibility(method, recording(PLANE, FLOOR)) == ""
    reason = recording_incompatibility(method, recording(PLANE, ROOM))
    assert reason == "m needs a search region of a single height"

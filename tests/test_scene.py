import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sslbench.errors import FormatError, GeometryError
from sslbench.geometry import Box
from sslbench.scene import MicArray, Recording, Tracks

MICS = np.array([[0.0, 0, 0], [1, 0, 0]])


def recording(**changes):
    facts = {
        "id": "r",
        "audio": np.arange(20, dtype=np.float32).reshape(2, 10),
        "sample_rate": 10,
        "array": MicArray(MICS),
        "times": np.array([0.2, 0.8]),
        "frame": 0.4,
        "region": Box((0, 0, 0), (1, 1, 1)),
    }
    return Recording(**(facts | changes))


def test_an_array_is_positions_or_a_format_but_not_both():
    with pytest.raises(GeometryError, match="without positions"):
        MicArray()
    with pytest.raises(GeometryError, match="with positions"):
        MicArray(MICS, "foa")


def test_an_array_knows_its_aperture_rank_and_channels():
    array = MicArray(MICS)
    assert (array.aperture, array.rank, array.channels) == (1.0, 1, 2)
    assert MicArray(format="foa").channels == 4


def test_audio_with_another_number_of_channels_is_refused():
    with pytest.raises(FormatError, match=r"audio of shape \(3, 10\)"):
        recording(audio=np.zeros((3, 10), np.float32))


def test_positions_need_a_region():
    with pytest.raises(FormatError, match="without a region"):
        recording(region=None)


def test_audio_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        recording().audio[0, 0] = 1


def test_frames_are_centred_on_their_times():
    assert_array_equal(recording().frames()[:, 0], [[0, 1, 2, 3], [6, 7, 8, 9]])


def test_frames_are_filled_with_zeros_beyond_the_ends():
    frames = recording(times=np.array([0.0, 1.0])).frames()
    assert_array_equal(frames[:, 0], [[0, 0, 0, 1], [8, 9, 0, 0]])


def test_without_a_frame_length_there_is_one_frame():
    assert recording(frame=None).frames().shape == (1, 2, 10)


def test_tracks_are_active_where_they_are_finite():
    xyz = np.zeros((2, 2, 3))
    xyz[1, 0, 2] = np.nan
    assert_array_equal(Tracks.of([0, 1], xyz, "position").active, [[True, True], [False, True]])


def test_a_track_without_a_place_is_never_active():
    tracks = Tracks.of([0], np.full((1, 1, 3), np.nan), "position", active=[[True]])
    assert not tracks.active.any()


@pytest.mark.parametrize("shape", [(2, 3), (3, 1, 3), (2, 1, 2)])
def test_tracks_of_a_wrong_shape_are_refused(shape):
    with pytest.raises(FormatError, match="tracks of shape"):
        Tracks.of([0, 1], np.zeros(shape), "position")
